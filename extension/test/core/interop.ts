// write DIR: a file of each format that is exported, and expected.json: what each holds.
// read DIR:  opens the files that DIR/expected.json names and says in which they differ from it.
// expected.json is {"passphrase", "files": [{"name", "accounts": […], "plain"?}]}: accounts as in an
// otpauth URI, in the order of the file; plain is the whole plain text of a native file or vault.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
	type Account, aegis, authext, type Draft, importing, kdfs, type Means, migration, native, type Plain, sniff, text, vault,
} from "../../src/core/index";
import { randomAccount } from "./account";
import { seeded } from "./random";

interface Expected {
	passphrase: string;
	files: { name: string; accounts: Draft[]; plain?: Plain }[];
}

const passphrase = "正しい馬 ﾃﾞﾙﾀ battery";
const means: Means = { kdfs, random: (length) => new Uint8Array(randomBytes(length)) };

/** What every format has of an account. */
function common({ type, issuer, account, secret, algorithm, digits, period, counter }: Draft): Draft {
	const moving = type === "hotp" ? { counter: counter ?? 0 } : { period: period ?? 30 };
	return { type, issuer, account, secret, algorithm, digits, ...moving };
}

function plainText(): Plain {
	const random = seeded("interop");
	const accounts: Account[] = Array.from({ length: 24 }, () => randomAccount(random));
	const simple = { type: "totp", algorithm: "SHA1", digits: 6, period: 30 } as const;
	accounts.push(
		{ ...randomAccount(random), ...simple, origins: ["https://sso.miyako.example"], note: "予備 🔑", "x-future": { a: [1] } },
		{ ...randomAccount(random), ...simple, issuer: "みやこ大学", account: "都 花子" },
	);
	const deleted = [{ id: "7f2c9b10-4d3e-4f5a-8b6c-0a1d2e3f4055", at: "2026-04-30T09:00:00Z" }];
	return { v: 1, exportedAt: "2026-05-02T00:00:00Z", device: "TypeScript", accounts, deleted, "x-later": true };
}

async function write(folder: string): Promise<void> {
	mkdirSync(folder, { recursive: true });
	const plain = plainText();
	const { accounts } = plain;
	const inVault: Plain = { ...plain, local: { offsets: { [(accounts[0] as Account).id]: -7 } } };
	const without = (left: { id: string; whole: boolean }[]) =>
		accounts.filter(({ id }) => !left.some((each) => each.id === id && each.whole));
	const expected: Expected = { passphrase, files: [] };
	const save = (name: string, content: string, held: Account[], whole?: Plain): void => {
		writeFileSync(join(folder, name), content);
		expected.files.push({ name, accounts: held.map(common), ...(whole ? { plain: whole } : {}) });
	};
	save("argon2id.warifu-authenticator.json", await native.seal(plain, passphrase, means), accounts, plain);
	save("pbkdf2.warifu-authenticator.json", await native.seal(plain, passphrase, { ...means, alg: "pbkdf2-sha256" }), accounts, plain);
	save("vault.json", (await vault.create(inVault, passphrase, means)).text, accounts, inVault);
	save("vault-open.json", (await vault.create(inVault, null, means)).text, accounts, inVault);
	save("aegis.json", aegis.write(accounts).text, accounts);
	save("aegis-encrypted.json", (await aegis.writeEncrypted(accounts, passphrase, means)).text, accounts);
	const lines = text.write(accounts);
	save("otpauth.txt", lines.text, without(lines.leftOut));
	const { uris, leftOut } = migration.write(accounts, 20_260_502);
	save("migration.txt", uris.join("\n"), without(leftOut));
	const backup = authext.write(accounts);
	save("authenticator.json", backup.text, without(backup.leftOut));
	writeFileSync(join(folder, "expected.json"), JSON.stringify(expected, null, 1));
}

async function read(folder: string): Promise<void> {
	const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Expected;
	for (const { name, accounts, plain } of expected.files) {
		const file = readFileSync(join(folder, name));
		if (name.startsWith("vault")) {
			same(name, (await vault.unlock(file.toString(), expected.passphrase, kdfs)).plain, plain);
			continue;
		}
		const sniffed = sniff(file);
		assert.ok(sniffed.kind !== "image", name);
		const { drafts, failures } = await importing.read(sniffed, expected.passphrase, kdfs);
		same(name, { failures, accounts: drafts.map(common) }, { failures: [], accounts: accounts.map(common) });
		if (plain) {
			same(name, await native.open(file.toString(), expected.passphrase, kdfs), plain);
		}
	}
	console.log(`${expected.files.length} files are read`);
}

/** Says where two values differ; moments may be written in several ways. */
function same(name: string, got: unknown, want: unknown): void {
	const lines = (value: unknown) => JSON.stringify(sorted(value), null, 1).replace(/\.(\d*?)0*Z"/g, (_, part) => (part ? `.${part}Z"` : 'Z"')).split("\n");
	const [gotLines, wantLines] = [lines(got), lines(want)];
	const at = wantLines.findIndex((line, i) => line !== gotLines[i]);
	if (at >= 0 || gotLines.length !== wantLines.length) {
		console.error(`${name}, line ${at}: got ${gotLines[at]}, want ${wantLines[at]}`);
		process.exitCode = 1;
	}
}

/** The value with the members of its objects in the order of their names. */
function sorted(value: unknown): unknown {
	if (Array.isArray(value)) {
		return value.map(sorted);
	}
	if (typeof value !== "object" || value === null) {
		return value;
	}
	return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]));
}

const [direction, folder = ""] = process.argv.slice(2);
if ((direction !== "write" && direction !== "read") || folder === "") {
	console.error("usage: interop write|read DIR");
	process.exit(2);
}
await (direction === "write" ? write(folder) : read(folder));
