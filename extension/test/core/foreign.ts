// Writers of the forms of other products that the core only reads, by Node's own cryptography: an
// implementation that has nothing in common with the readers.
import { createCipheriv, createHash, pbkdf2Sync, randomBytes, scryptSync } from "node:crypto";
import { type Draft, kdfs } from "../../src/core/index";

/** Base64 of OpenSSL's `Salted__` form under a passphrase. */
export function openssl(plain: string | Buffer, passphrase: string): string {
	const salt = randomBytes(8);
	const blocks: Buffer[] = [];
	for (let i = 0; i < 3; i++) {
		blocks.push(createHash("md5").update(blocks[i - 1] ?? "").update(passphrase).update(salt).digest());
	}
	const bytes = Buffer.concat(blocks);
	const cipher = createCipheriv("aes-256-cbc", bytes.subarray(0, 32), bytes.subarray(32));
	return Buffer.concat([Buffer.from("Salted__"), salt, cipher.update(plain), cipher.final()]).toString("base64");
}

/** An entry of Authenticator-Extension as its plain backup has it. */
export function entry(draft: Draft, index: number): Record<string, unknown> {
	const { type, issuer, account, secret, algorithm, digits, period, counter } = draft;
	return {
		dataType: "OTPStorage", encrypted: false, hash: `hash-${index}`, index, type, secret, issuer, account, digits, algorithm,
		...(type === "hotp" ? { counter } : { period }),
	};
}

/** Version 1: each secret under the password. */
export function authextV1(drafts: Draft[], password: string): Record<string, unknown> {
	return Object.fromEntries(drafts.map((draft, i) =>
		[`hash-${i}`, { ...entry(draft, i), encrypted: true, secret: openssl(draft.secret, password) }]));
}

/** Version 2: each secret under the hex text of a data key, which lies under the password. */
export function authextV2(drafts: Draft[], password: string, place: "key" | "top"): Record<string, unknown> {
	const dataKey = randomBytes(120);
	const enc = openssl(dataKey, password);
	const entries = drafts.map((draft, i) =>
		[`hash-${i}`, { ...entry(draft, i), encrypted: true, secret: openssl(draft.secret, dataKey.toString("hex")) }]);
	const key = { enc, hash: "$argon2id$…" };
	return { ...Object.fromEntries(entries), ...(place === "key" ? { key } : key) };
}

/** Version 3: each entry under Argon2id of the password. */
export async function authextV3(drafts: Draft[], password: string): Promise<Record<string, unknown>> {
	const salt = randomBytes(16).toString("base64");
	const derived = await kdfs.argon2id(Uint8Array.from(Buffer.from(password)), Uint8Array.from(Buffer.from(salt)), { m: 19_456, t: 2, p: 1 }, 32);
	const passphrase = Buffer.from(derived).toString("base64").replace(/=+$/, "");
	const entries = drafts.map((draft, i) => {
		const data = openssl(JSON.stringify(entry(draft, i)), passphrase);
		return [`uuid-${i}`, { dataType: "EncOTPStorage", keyId: "key-1", index: i, data }];
	});
	return { "key-1": { dataType: "Key", id: "key-1", salt, hash: "$argon2id$…", version: 3 }, ...Object.fromEntries(entries) };
}

/** An Aegis vault under a password, at a cost that a test can pay. */
export function aegisEncrypted(db: unknown, password: string, n = 1024): Record<string, unknown> {
	const [master, salt] = [randomBytes(32), randomBytes(32)];
	const wrapped = gcm(master, scryptSync(password, salt, 32, { N: n, r: 8, p: 1 }));
	const sealed = gcm(Buffer.from(JSON.stringify(db)), master);
	const slot = { type: 1, uuid: "x", key: wrapped.ciphertext.toString("hex"), key_params: params(wrapped), n, r: 8, p: 1, salt: salt.toString("hex"), repaired: true };
	const biometric = { type: 2, uuid: "y", key: "00", key_params: params(wrapped) };
	return { version: 1, header: { slots: [biometric, slot], params: params(sealed) }, db: sealed.ciphertext.toString("base64") };
}

/** The services of 2FAS under a password. */
export function twofasEncrypted(services: unknown[], password: string): Record<string, unknown> {
	const salt = randomBytes(256);
	const { ciphertext, tag, iv } = gcm(Buffer.from(JSON.stringify(services)), pbkdf2Sync(password, salt, 10_000, 32, "sha256"));
	const parts = [Buffer.concat([ciphertext, tag]), salt, iv].map((part) => part.toString("base64"));
	return { services: [], groups: [], updatedAt: 0, schemaVersion: 4, servicesEncrypted: parts.join(":"), reference: "" };
}

interface Sealed {
	ciphertext: Buffer;
	tag: Buffer;
	iv: Buffer;
}

function gcm(plain: Buffer, key: Buffer): Sealed {
	const iv = randomBytes(12);
	const cipher = createCipheriv("aes-256-gcm", key, iv);
	const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
	return { ciphertext, tag: cipher.getAuthTag(), iv };
}

function params({ iv, tag }: Sealed): { nonce: string; tag: string } {
	return { nonce: iv.toString("hex"), tag: tag.toString("hex") };
}
