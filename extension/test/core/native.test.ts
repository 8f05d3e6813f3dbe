import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bytes, kdfs, type Kdfs, type Means, native, otp, type Plain, vault } from "../../src/core/index";
import { fromBase64url, fromHex, utf8 } from "../../src/core/bytes";
import { encrypt } from "../../src/core/crypto";
import { seeded } from "./random";
import { laterRefusal, vectors } from "./vectors";

const { time, cases, accounts, refuse } = vectors("export-v1");
const [argon2id, pbkdf2, locked, open] = cases;
const { bytes: random } = seeded("native");

/** The random bytes that a vector was made with, in the order in which the writer asks for them. */
function given(...parts: string[]): Means {
	const queue = parts.map((part) => fromBase64url(part) as Bytes);
	return { kdfs, random: () => queue.shift() as Bytes };
}

/** Derivations that count, and cost nothing. */
function countingKdfs(): { kdfs: Kdfs; calls: () => number } {
	let calls = 0;
	const derived = async (): Promise<Bytes> => {
		calls++;
		return new Uint8Array(32);
	};
	return { kdfs: { argon2id: derived, pbkdf2Sha256: derived, scrypt: derived, md5: derived }, calls: () => calls };
}

function fileOf(protectedText: string, ciphertext: string): string {
	return JSON.stringify({ protected: protectedText, ciphertext });
}

function headerAndRest(file: string) {
	const { protected: head, ciphertext } = JSON.parse(file);
	return { header: JSON.parse(Buffer.from(head, "base64url").toString()), ciphertext: ciphertext as string };
}

test("the export files of the vectors open to their plain text, member by member, and its codes", async () => {
	for (const { name, passphrase, file, plain, codes } of [argon2id, pbkdf2]) {
		const opened = await native.open(JSON.stringify(file), passphrase, kdfs);
		assert.equal(JSON.stringify(opened), plain, name);
		for (const account of opened.accounts) {
			assert.equal(await otp.code(account, time * 1000), codes[account.id], account.id);
		}
	}
	assert.deepEqual(JSON.parse(argon2id.plain).accounts, accounts);
});

test("every form of the passphrase that NFKC makes one opens the file", async () => {
	for (const passphrase of pbkdf2.passphrases) {
		assert.equal(JSON.stringify(await native.open(JSON.stringify(pbkdf2.file), passphrase, kdfs)), pbkdf2.plain);
	}
});

test("the export files of the vectors are written byte for byte", async () => {
	for (const { name, passphrase, header, file, plain } of [argon2id, pbkdf2]) {
		const means = { ...given(header.kdf.salt, header.enc.iv), alg: header.kdf.alg };
		assert.deepEqual(JSON.parse(await native.seal(JSON.parse(plain), passphrase, means)), file, name);
	}
});

test("the vaults of the vectors open, by passphrase and by key", async () => {
	for (const { name, passphrase, key, file, plain } of [locked, open]) {
		const unlocked = await vault.unlock(JSON.stringify(file), passphrase === "" ? null : passphrase, kdfs);
		assert.equal(JSON.stringify(unlocked.plain), plain, name);
		assert.deepEqual(unlocked.key, fromHex(key), name);
		assert.deepEqual(await vault.read(JSON.stringify(file), unlocked.key), unlocked.plain, name);
	}
	assert.equal(vault.isLocked(JSON.stringify(locked.file)), true);
	assert.equal(vault.isLocked(JSON.stringify(open.file)), false);
});

test("the vaults of the vectors are written byte for byte", async () => {
	const [slot] = locked.header.slots;
	const key = Buffer.from(locked.key, "hex").toString("base64url");
	const withLock = await vault.create(JSON.parse(locked.plain), locked.passphrase, given(key, slot.kdf.salt, slot.iv, locked.header.enc.iv));
	assert.deepEqual(JSON.parse(withLock.text), locked.file);
	const without = await vault.create(JSON.parse(open.plain), null, given(key, open.header.enc.iv));
	assert.deepEqual(JSON.parse(without.text), open.file);
});

test("every file of the vectors that is to be refused is, for its reason", async () => {
	for (const { name, text, passphrase, error } of refuse) {
		assert.equal(await laterRefusal(native.open(text, passphrase, kdfs)), error, name);
	}
	assert.equal(refuse.length, 40);
});

test("what is refused by its header is refused before anything is derived", async () => {
	const early = refuse.filter(({ error, name }: { error: string; name: string }) => error !== "passphrase" && !name.startsWith("authentic"));
	const counting = countingKdfs();
	for (const { name, text, passphrase, error } of early) {
		assert.equal(await laterRefusal(native.open(text, passphrase, counting.kdfs)), error, name);
	}
	assert.equal(counting.calls(), 0);
	assert.equal(early.filter(({ error }: { error: string }) => error === "limits").length, 11);
});

test("a flipped bit in any byte of header or ciphertext is refused", async () => {
	const means: Means = { kdfs, random, alg: "pbkdf2-sha256" };
	const plain: Plain = { v: 1, exportedAt: "2026-01-01T00:00:00Z", device: "", accounts: [], deleted: [] };
	const file = JSON.parse(await native.seal(plain, "eight letters", means));
	const cheap = { ...countingKdfs().kdfs, pbkdf2Sha256: memo(kdfs.pbkdf2Sha256) };
	for (const member of ["protected", "ciphertext"]) {
		const bytes = fromBase64url(file[member]) as Bytes;
		for (let i = 0; i < bytes.length; i++) {
			const flipped = Buffer.from(bytes);
			flipped[i] = (flipped[i] as number) ^ (1 << i % 8);
			const changed = JSON.stringify({ ...file, [member]: flipped.toString("base64url") });
			assert.notEqual(await laterRefusal(native.open(changed, "eight letters", cheap)), undefined, `${member} ${i}`);
		}
	}
	assert.deepEqual(await native.open(JSON.stringify(file), "eight letters", cheap), plain);
});

test("two texts never mean the same bytes: bits behind the last byte must be zero", async () => {
	const { protected: head, ciphertext } = argon2id.file;
	const last = { A: "B", Q: "R", g: "h", w: "x" }[ciphertext.at(-1) as string];
	assert.ok(last, "the vector's ciphertext has no bits to spare");
	assert.equal(await laterRefusal(native.open(fileOf(head, ciphertext.slice(0, -1) + last), argon2id.passphrase, kdfs)), "format");
});

test("an export holds nothing of what stays in this browser", async () => {
	const plain = JSON.parse(locked.plain) as Plain;
	assert.ok(plain.local);
	const file = await native.seal(plain, "eight letters", { kdfs, random });
	assert.equal((await native.open(file, "eight letters", kdfs)).local, undefined);
});

test("two exports of the same have nothing in common but their form", async () => {
	const plain = JSON.parse(argon2id.plain) as Plain;
	const files = [];
	for (let i = 0; i < 2; i++) {
		files.push(JSON.parse(await native.seal(plain, "eight letters", { kdfs, random })));
	}
	assert.notEqual(files[0].ciphertext, files[1].ciphertext);
	assert.notEqual(files[0].protected, files[1].protected);
});

test("a file over 4 MiB is refused before it is parsed", async () => {
	assert.equal(await laterRefusal(native.open(" ".repeat((4 << 20) + 1), "", kdfs)), "limits");
});

test("a vault written again keeps its slots and takes another initialisation vector", async () => {
	const { text, key, plain } = await vault.unlock(JSON.stringify(locked.file), locked.passphrase, kdfs);
	const again = await vault.write(text, key, { ...plain, device: "other" }, random);
	assert.deepEqual(headerAndRest(again).header.slots, headerAndRest(text).header.slots);
	assert.notEqual(headerAndRest(again).header.enc.iv, headerAndRest(text).header.enc.iv);
	assert.equal((await vault.unlock(again, locked.passphrase, kdfs)).plain.device, "other");
});

test("a new passphrase makes a new vault key, and the old one opens nothing", async () => {
	const means: Means = { kdfs, random, alg: "pbkdf2-sha256" };
	const before = await vault.create(vault.empty("test", new Date(0)), "eight letters", means);
	const after = await vault.create(before.plain, "other letters", means);
	assert.notDeepEqual(after.key, before.key);
	assert.equal(await laterRefusal(vault.unlock(after.text, "eight letters", kdfs)), "passphrase");
	assert.equal(await laterRefusal(vault.read(after.text, before.key)), "passphrase");
	assert.deepEqual((await vault.unlock(after.text, "other letters", kdfs)).plain, before.plain);
});

test("a vault is no export file, nor the reverse", async () => {
	assert.equal(await laterRefusal(native.open(JSON.stringify(locked.file), locked.passphrase, kdfs)), "unsupported");
	assert.equal(await laterRefusal(vault.unlock(JSON.stringify(argon2id.file), argon2id.passphrase, kdfs)), "unsupported");
});

test("a vault's slots are held to the limits before anything is derived", async () => {
	const counting = countingKdfs();
	const [slot] = locked.header.slots;
	const withSlots = (...slots: object[]) =>
		fileOf(Buffer.from(JSON.stringify({ ...locked.header, slots })).toString("base64url"), locked.file.ciphertext);
	const broken: [string, object[], string][] = [
		["no slot", [], "format"],
		["nine slots", Array(9).fill(slot), "limits"],
		["an open key of 31 bytes", [{ id: "open", key: Buffer.alloc(31).toString("base64url") }], "limits"],
		["a costly slot behind a good one", [slot, { ...slot, kdf: { ...slot.kdf, t: 11 } }], "limits"],
		["an iv of 11 bytes", [{ ...slot, iv: Buffer.alloc(11).toString("base64url") }], "limits"],
		["an unknown member", [{ ...slot, more: 1 }], "format"],
		["an open key under another name", [{ id: "main", key: open.header.slots[0].key }], "format"],
		["another derivation", [{ ...slot, kdf: { alg: "scrypt" } }], "unsupported"],
	];
	for (const [name, slots, code] of broken) {
		assert.equal(await laterRefusal(vault.unlock(withSlots(...slots), "x", counting.kdfs)), code, name);
	}
	assert.equal(counting.calls(), 0);
	assert.equal(await laterRefusal(vault.unlock(withSlots(...Array(8).fill(slot)), "x", counting.kdfs)), "passphrase");
	assert.equal(counting.calls(), 8);
});

test("a slot that holds anything but a key of 32 bytes opens nothing", async () => {
	const means: Means = { kdfs: countingKdfs().kdfs, random, alg: "pbkdf2-sha256" };
	const made = await vault.create(vault.empty("test", new Date(0)), "eight letters", means);
	const { header, ciphertext } = headerAndRest(made.text);
	const [slot] = header.slots;
	const wrapped = await encrypt(new Uint8Array(32), fromBase64url(slot.iv) as Bytes, made.key.slice(1), utf8("slot:main"));
	const changed = { ...header, slots: [{ ...slot, wrapped: Buffer.from(wrapped).toString("base64url") }] };
	const file = fileOf(Buffer.from(JSON.stringify(changed)).toString("base64url"), ciphertext);
	assert.equal(await laterRefusal(vault.unlock(file, "eight letters", means.kdfs)), "passphrase");
});

/** The same answer to the same question, computed once. */
function memo<A extends unknown[], T>(call: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
	const known = new Map<string, Promise<T>>();
	return (...args) => {
		const key = args.map(String).join("|");
		known.set(key, known.get(key) ?? call(...args));
		return known.get(key) as Promise<T>;
	};
}
