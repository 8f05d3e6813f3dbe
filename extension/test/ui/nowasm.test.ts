import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { laterRefusal, vectors } from "../core/vectors";
import { install } from "./browser";

// As in a browser whose owner or administrator has turned it off.
Reflect.deleteProperty(globalThis, "WebAssembly");
install();
const vault = await import("../../src/vault");
const { lock } = await import("../../src/lock");

const passphrase = "correct horse battery";
const [, , { file: argon2id, passphrase: itsPassphrase }] = vectors("export-v1").cases;

type Header = { slots: { kdf: { alg: string; i: number; salt: string } }[] };

/** The text of the vault that is kept, and its header. */
async function kept(): Promise<{ text: string; header: Header }> {
	const { vault: text } = await chrome.storage.local.get("vault") as { vault: string };
	return { text, header: JSON.parse(Buffer.from(JSON.parse(text).protected, "base64url").toString()) };
}

beforeEach(async () => {
	await chrome.storage.local.clear();
	await chrome.storage.session.clear();
});

test("without WebAssembly a vault is made and opened by PBKDF2, 600,000 times", async () => {
	await vault.create(passphrase);
	const { slots: [slot, ...more] } = (await kept()).header;
	assert.deepEqual(more, []);
	assert.deepEqual({ ...slot?.kdf, salt: Buffer.from(slot?.kdf.salt ?? "", "base64url").length }, { alg: "pbkdf2-sha256", i: 600_000, salt: 16 });
	await vault.change((plain) => ({ ...plain, device: "changed" }));
	await lock();
	assert.equal(await vault.state(), "locked");
	assert.equal(await laterRefusal(vault.unlock("wrong horse battery")), "passphrase");
	assert.equal(await vault.state(), "locked");
	await vault.unlock(passphrase);
	assert.equal((await vault.view()).device, "changed");
});

test("without WebAssembly a new passphrase makes a vault of PBKDF2, too", async () => {
	await vault.create(null);
	await vault.rekey(passphrase);
	assert.equal((await kept()).header.slots[0]?.kdf.alg, "pbkdf2-sha256");
});

test("a vault of Argon2id is refused for that reason, and left as it is", async () => {
	const text = JSON.stringify(argon2id);
	await chrome.storage.local.set({ vault: text });
	assert.equal(await laterRefusal(vault.unlock(itsPassphrase)), "limits");
	assert.equal(await vault.state(), "locked");
	assert.equal((await kept()).text, text);
});
