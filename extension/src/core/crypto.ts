import { utf8 } from "./bytes";
import type { Kdfs } from "./kdfs";
import { type Bytes, type Random, Refused } from "./model";

/** How a key comes from a passphrase, as it stands in a header (authenticator.md §5). */
export type Kdf =
	| { alg: "argon2id"; v: 19; m: number; t: number; p: number; salt: string }
	| { alg: "pbkdf2-sha256"; i: number; salt: string };

/** What sealing needs from outside. */
export interface Means {
	kdfs: Kdfs;
	random: Random;
	/** PBKDF2 where WebAssembly is off; Argon2id if left out. */
	alg?: Kdf["alg"];
}

/** Bytes of a vault key, and of every key that is derived. */
export const keyBytes = 32;

/** Bytes of an initialisation vector of AES-GCM (NIST SP 800-38D §8.2.1). */
export const ivBytes = 12;

/** Bytes of a salt that is written. */
export const saltBytes = 16;

/** Bytes of the tag that AES-GCM puts behind a ciphertext. */
export const tagBytes = 16;

/** AES-256-GCM: ciphertext and tag. */
export async function encrypt(key: Bytes, iv: Bytes, plain: Bytes, aad: Bytes = new Uint8Array()): Promise<Bytes> {
	const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
	return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: aad }, imported, plain));
}

/** The reverse of {@link encrypt}. @throws Refused `passphrase` if it is not authentic, whatever the cause */
export async function decrypt(key: Bytes, iv: Bytes, sealed: Bytes, aad: Bytes = new Uint8Array()): Promise<Bytes> {
	const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
	try {
		return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: aad }, imported, sealed));
	} catch {
		throw new Refused("passphrase");
	}
}

/** The key of a passphrase; the passphrase counts in NFKC, so that every keyboard writes the same. */
export function derive(kdfs: Kdfs, kdf: Kdf, salt: Bytes, passphrase: string): Promise<Bytes> {
	const password = utf8(passphrase.normalize("NFKC"));
	return kdf.alg === "argon2id"
		? kdfs.argon2id(password, salt, kdf, keyBytes)
		: kdfs.pbkdf2Sha256(password, salt, kdf.i, keyBytes);
}
