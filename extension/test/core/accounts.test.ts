import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, accounts, type Plain, vault } from "../../src/core/index";
import { randomAccount } from "./account";
import { seeded } from "./random";

const now = new Date("2026-06-01T00:00:00Z");
const at = now.toISOString();
const random = seeded("accounts");
const [a, b, c] = [randomAccount(random), randomAccount(random), randomAccount(random)];
const plain: Plain = { ...vault.empty("test", now), accounts: [a, b, c] };

test("an edit changes what it names and when, never id or creation", () => {
	const edited = accounts.edit(plain, b.id, { issuer: "New", id: "x", createdAt: "x" }, now);
	assert.deepEqual(edited.accounts, [a, { ...b, issuer: "New", updatedAt: at }, c]);
});

test("a HOTP counter goes one on", () => {
	const { period: _, ...rest } = a;
	const hotp: Account = { ...rest, type: "hotp", counter: 41 } as Account;
	assert.deepEqual(accounts.advance({ ...plain, accounts: [hotp] }, hotp.id, now).accounts, [{ ...hotp, counter: 42, updatedAt: at }]);
});

test("a new order holds every account", () => {
	const ids = ({ accounts }: Plain) => accounts.map(({ id }) => id);
	assert.deepEqual(ids(accounts.reorder(plain, [c.id, a.id, b.id])), [c.id, a.id, b.id]);
	assert.deepEqual(ids(accounts.reorder(plain, [c.id, "unknown"])), [c.id, a.id, b.id]);
});

test("a deleted account lies in the bin, tells other browsers, and comes back newer than it was deleted", () => {
	const removed = accounts.remove(plain, b.id, now);
	assert.deepEqual(removed.accounts, [a, c]);
	assert.deepEqual(removed.deleted, [{ id: b.id, at }]);
	assert.deepEqual(removed.local?.bin, [{ account: b, at }]);
	const later = new Date(now.getTime() + 1000);
	const restored = accounts.restore(removed, b.id, later);
	assert.deepEqual(restored.accounts, [a, c, { ...b, updatedAt: later.toISOString() }]);
	assert.deepEqual(restored.deleted, []);
	assert.deepEqual(restored.local?.bin, []);
	assert.deepEqual(accounts.remove(plain, "unknown", now), plain);
	assert.deepEqual(accounts.restore(plain, b.id, now), plain);
});

test("an old version in the bin does not come back beside the account itself", () => {
	const held = { ...plain, local: { bin: [{ account: b, at }] } };
	assert.deepEqual(accounts.restore(held, b.id, now), held);
});

test("a forgotten account leaves nothing behind", () => {
	assert.deepEqual(accounts.forget(plain, b.id), { ...plain, accounts: [a, c] });
});
