import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, migration, text } from "../../src/core/index";
import { randomAccount } from "./account";
import { seeded } from "./random";
import { refusal, vectors } from "./vectors";

const { read, refuse, batch } = vectors("migration");

test("every migration of the vectors is read, with the account that cannot be taken named", () => {
	for (const { name, uri, expect } of read) {
		assert.deepEqual(migration.read(uri), expect, name);
	}
	assert.equal(read.length, 13);
});

test("every migration of the vectors that is to be refused is, for its reason", () => {
	for (const { name, uri, error } of refuse) {
		assert.equal(refusal(() => migration.read(uri)), error, name);
	}
	assert.equal(refuse.length, 11);
});

test("a batch is collected in any order, a part twice counts once, and what is missing is named", () => {
	const collector = new migration.Collector();
	for (const index of batch.given) {
		collector.add(migration.read(batch.parts[index]));
	}
	assert.deepEqual(collector.missing(), batch.missing);
	assert.equal(collector.accounts().length, batch.accounts);
	collector.add(migration.read(batch.parts[1]));
	assert.deepEqual(collector.missing(), []);
	assert.equal(collector.accounts().length, batch.all);
	assert.deepEqual(collector.accounts()[0], batch.first);
});

test("a text with parts of a batch names the missing ones as a person counts", () => {
	const found = text.read([batch.parts[2], batch.parts[0]].join("\n"));
	assert.equal(found.drafts.length, batch.accounts);
	assert.deepEqual(found.failures, [{ at: 0, issuer: "", account: "", code: "missing", detail: "2" }]);
});

test("what is written is read as the same accounts, ten to a code", () => {
	const random = seeded("migration");
	const accounts = Array.from({ length: 23 }, (): Account => ({
		...randomAccount(random), ...random.of([{ type: "totp" as const, period: 30 }, { type: "hotp" as const, counter: random.below(1e9) }]),
		digits: random.of([6, 8]),
	}));
	const { uris, leftOut } = migration.write(accounts, -7);
	assert.deepEqual(uris.map((uri) => migration.read(uri).accounts.length), [10, 10, 3]);
	assert.deepEqual(leftOut.filter(({ whole }) => whole), []);
	const drafts = uris.flatMap((uri) => migration.read(uri).accounts);
	drafts.forEach((draft, i) => {
		const { type, issuer, account, secret, algorithm, digits, counter } = accounts[i] as Account;
		const moving = type === "hotp" ? { counter } : { period: 30 };
		assert.deepEqual(draft, { type, issuer, account, secret, algorithm, digits, ...moving });
	});
	assert.ok(uris.every((uri) => migration.read(uri).batchId === -7));
});

test("what a migration cannot hold is left out and said", () => {
	const base = randomAccount(seeded("left out"));
	const accounts: Account[] = [
		{ ...base, id: "steam", type: "steam", period: 30, digits: 5, origins: [] },
		{ ...base, id: "period", type: "totp", period: 60, digits: 6, origins: [] },
		{ ...base, id: "note", type: "totp", period: 30, digits: 6, origins: ["https://sso.miyako.example"], note: "x" },
	];
	const { uris, leftOut } = migration.write(accounts, 1);
	assert.equal(uris.length, 1);
	assert.deepEqual(leftOut.map(({ id, member, whole }) => `${id} ${member} ${whole}`),
		["steam type true", "steam digits true", "period period true", "note note false", "note origins false"]);
});
