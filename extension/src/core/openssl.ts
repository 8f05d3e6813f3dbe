import { concat, fromBase64 } from "./bytes";
import type { Kdfs } from "./kdfs";
import { type Bytes, Refused } from "./model";

const magic = [..."Salted__"].map((c) => c.charCodeAt(0));
const saltBytes = 8;
const blockBytes = 16;
const keyBytes = 32;

/**
 * Decrypts the form of `openssl enc -aes-256-cbc -md md5`: `Salted__`, salt, ciphertext. Nothing in
 * it is authenticated: a wrong passphrase shows as bad padding, or now and then not at all.
 *
 * @throws Refused `passphrase`; `format` if it is not that form
 */
export async function decrypt(text: string, passphrase: Bytes, kdfs: Kdfs): Promise<Bytes> {
	const sealed = fromBase64(text);
	const head = magic.length + saltBytes;
	if (!sealed || sealed.length < head + blockBytes || sealed.length % blockBytes !== 0 || magic.some((byte, i) => byte !== sealed[i])) {
		throw new Refused("format");
	}
	const bytes = await bytesToKey(passphrase, sealed.slice(magic.length, head), kdfs);
	const key = await crypto.subtle.importKey("raw", bytes.slice(0, keyBytes), "AES-CBC", false, ["decrypt"]);
	try {
		return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv: bytes.slice(keyBytes) }, key, sealed.slice(head)));
	} catch {
		throw new Refused("passphrase");
	}
}

/** OpenSSL's EVP_BytesToKey with MD5 and one round: key, then initialisation vector. */
async function bytesToKey(passphrase: Bytes, salt: Bytes, kdfs: Kdfs): Promise<Bytes> {
	let block: Bytes = new Uint8Array();
	let all: Bytes = new Uint8Array();
	while (all.length < keyBytes + blockBytes) {
		block = await kdfs.md5(concat(block, passphrase, salt));
		all = concat(all, block);
	}
	return all;
}
