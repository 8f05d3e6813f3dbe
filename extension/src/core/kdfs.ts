import { argon2id, md5, scrypt } from "hash-wasm";
import { fromHex } from "./bytes";
import { type Bytes, Refused } from "./model";

/** The key derivations that WebCrypto has not, or not everywhere; passed in. */
export interface Kdfs {
	/** RFC 9106, version 19; m in KiB. @throws Refused `passphrase` if it is empty; `limits` if it cannot be computed here */
	argon2id(password: Bytes, salt: Bytes, cost: { m: number; t: number; p: number }, length: number): Promise<Bytes>;
	/** RFC 8018 §5.2 with HMAC-SHA-256. */
	pbkdf2Sha256(password: Bytes, salt: Bytes, iterations: number, length: number): Promise<Bytes>;
	/** RFC 7914. @throws Refused `limits` if it cannot be computed here */
	scrypt(password: Bytes, salt: Bytes, cost: { n: number; r: number; p: number }, length: number): Promise<Bytes>;
	/** RFC 1321; for the OpenSSL form of another extension's files alone. */
	md5(data: Bytes): Promise<Bytes>;
}

/** The derivations by WebAssembly, and PBKDF2 by WebCrypto, which needs none. */
export const kdfs: Kdfs = {
	argon2id(password, salt, { m, t, p }, length) {
		if (password.length === 0) {
			return Promise.reject(new Refused("passphrase"));
		}
		return computed(argon2id({
			password, salt, memorySize: m, iterations: t, parallelism: p, hashLength: length, outputType: "binary",
		}));
	},
	async pbkdf2Sha256(password, salt, iterations, length) {
		const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
		const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, length * 8);
		return new Uint8Array(bits);
	},
	scrypt(password, salt, { n, r, p }, length) {
		return computed(scrypt({
			password, salt, costFactor: n, blockSize: r, parallelism: p, hashLength: length, outputType: "binary",
		}));
	},
	async md5(data) {
		return fromHex(await md5(data)) as Bytes;
	},
};

/** The result, or a refusal: a salt too short for the library, more memory than there is, no WebAssembly. */
async function computed(result: Promise<Uint8Array>): Promise<Bytes> {
	try {
		return new Uint8Array(await result);
	} catch {
		throw new Refused("limits", "kdf");
	}
}
