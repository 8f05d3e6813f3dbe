import { base64url, fromBase64url, fromUTF8, utf8 } from "./bytes";
import { decrypt, encrypt, ivBytes, type Kdf, keyBytes, saltBytes, tagBytes } from "./crypto";
import { hasExactly, isObject, type JSONObject, parse } from "./json";
import { type Bytes, type Plain, type Random, Refused } from "./model";
import { validate } from "./validate";

/** The largest file in bytes. */
export const maxBytes = 4 << 20;

/** The most slots of a vault, so that a wrong passphrase is refused in bounded time. */
const maxSlots = 8;

/** A way to the vault key: by a passphrase, or open to everyone who has the file. */
export type Slot = { id: string; kdf: Kdf; iv: string; wrapped: string } | { id: "open"; key: string };

/** The header of an export file or a vault. */
export type Header =
	& { v: 1; enc: { alg: "A256GCM"; iv: string } }
	& ({ typ: "warifu-authenticator-export"; kdf: Kdf } | { typ: "warifu-authenticator-vault"; slots: Slot[] });

/** A file taken apart: nothing is derived or decrypted yet. */
export interface Envelope {
	header: Header;
	/** As it stands in the file: its ASCII bytes are authenticated. */
	protected: string;
	ciphertext: Bytes;
}

/**
 * Takes a file apart and checks its header, in the order of authenticator.md §5.
 *
 * @throws Refused `format`, `unsupported`, `limits`
 */
export function open(file: string): Envelope {
	if (utf8(file).length > maxBytes) {
		throw new Refused("limits");
	}
	const outer = parse(file);
	if (!hasExactly(outer, "protected", "ciphertext")) {
		throw new Refused("format");
	}
	const ciphertext = bytes(outer, "ciphertext");
	if (ciphertext.length < tagBytes) {
		throw new Refused("format", "ciphertext");
	}
	const header = parse(fromUTF8(bytes(outer, "protected")) ?? "");
	checkFormat(header);
	checkSupport(header);
	checkLimits(header as unknown as Header);
	return { header: header as unknown as Header, protected: outer["protected"] as string, ciphertext };
}

/** The file of a plain text under a key. The header's `enc` must be fresh. */
export async function seal(header: Header, key: Bytes, plain: Plain): Promise<string> {
	const protectedText = base64url(utf8(JSON.stringify(header)));
	const iv = fromBase64url(header.enc.iv) as Bytes;
	const ciphertext = await encrypt(key, iv, utf8(JSON.stringify(plain)), utf8(protectedText));
	return JSON.stringify({ protected: protectedText, ciphertext: base64url(ciphertext) });
}

/** The plain text. @throws Refused `passphrase` for a wrong key or a damaged file; `format`, `unsupported` */
export async function unseal(envelope: Envelope, key: Bytes): Promise<Plain> {
	const iv = fromBase64url(envelope.header.enc.iv) as Bytes;
	const plain = await decrypt(key, iv, envelope.ciphertext, utf8(envelope.protected));
	return validate(parse(fromUTF8(plain) ?? ""));
}

/** The member `enc` for one sealing. */
export function freshEnc(random: Random): Header["enc"] {
	return { alg: "A256GCM", iv: base64url(random(ivBytes)) };
}

/** A derivation at the cost that authenticator.md §5 sets, with a salt of its own. */
export function freshKdf(alg: Kdf["alg"], random: Random): Kdf {
	const salt = base64url(random(saltBytes));
	return alg === "argon2id" ? { alg, v: 19, m: 65536, t: 3, p: 4, salt } : { alg, i: 600_000, salt };
}

function checkFormat(header: unknown): asserts header is JSONObject {
	const way = wayOf(header);
	if (!hasExactly(header, "typ", "v", way, "enc")) {
		throw new Refused("format", "protected");
	}
	string(header, "typ");
	whole(header, "v");
	if (way === "kdf") {
		checkKdf(header["kdf"]);
	} else {
		checkSlots(header["slots"]);
	}
	const enc = header["enc"];
	if (!hasExactly(enc, "alg", "iv")) {
		throw new Refused("format", "enc");
	}
	string(enc, "alg");
	bytes(enc, "iv");
}

/** The member that tells how to come to the key; that of a type nobody knows is taken as it stands. */
function wayOf(header: unknown): "slots" | "kdf" {
	if (!isObject(header) || header["typ"] === "warifu-authenticator-export") {
		return "kdf";
	}
	return header["typ"] === "warifu-authenticator-vault" || Object.hasOwn(header, "slots") ? "slots" : "kdf";
}

function checkKdf(kdf: unknown): void {
	if (!isObject(kdf)) {
		throw new Refused("format", "kdf");
	}
	string(kdf, "alg");
	const numbers = { argon2id: ["v", "m", "t", "p"], "pbkdf2-sha256": ["i"] }[kdf["alg"] as string];
	if (numbers === undefined) {
		return;
	}
	if (!hasExactly(kdf, "alg", ...numbers, "salt")) {
		throw new Refused("format", "kdf");
	}
	numbers.forEach((name) => whole(kdf, name));
	bytes(kdf, "salt");
}

function checkSlots(slots: unknown): void {
	if (!Array.isArray(slots) || slots.length === 0) {
		throw new Refused("format", "slots");
	}
	for (const slot of slots) {
		if (hasExactly(slot, "id", "key") && slot["id"] === "open") {
			bytes(slot, "key");
			continue;
		}
		if (!hasExactly(slot, "id", "kdf", "iv", "wrapped")) {
			throw new Refused("format", "slots");
		}
		string(slot, "id");
		checkKdf(slot["kdf"]);
		bytes(slot, "iv");
		bytes(slot, "wrapped");
	}
}

function checkSupport(header: JSONObject): void {
	const kdfs = kdfsOf(header as unknown as Header);
	if (header["typ"] !== "warifu-authenticator-export" && header["typ"] !== "warifu-authenticator-vault") {
		throw new Refused("unsupported", "typ");
	}
	if (header["v"] !== 1) {
		throw new Refused("unsupported", "v");
	}
	if (kdfs.some((kdf) => kdf.alg !== "argon2id" && kdf.alg !== "pbkdf2-sha256")) {
		throw new Refused("unsupported", "kdf");
	}
	if (kdfs.some((kdf) => kdf.alg === "argon2id" && kdf.v !== 19)) {
		throw new Refused("unsupported", "kdf");
	}
	if ((header["enc"] as JSONObject)["alg"] !== "A256GCM") {
		throw new Refused("unsupported", "enc");
	}
}

function checkLimits(header: Header): void {
	for (const kdf of kdfsOf(header)) {
		const cost = kdf.alg === "argon2id"
			? within(kdf.m, 8192, 262_144) && within(kdf.t, 1, 10) && within(kdf.p, 1, 16)
			: within(kdf.i, 100_000, 10_000_000);
		if (!cost || !within(length(kdf.salt), 16, 64)) {
			throw new Refused("limits", "kdf");
		}
	}
	const slots = "slots" in header ? header.slots : [];
	if (slots.length > maxSlots) {
		throw new Refused("limits", "slots");
	}
	const ivs = [header.enc.iv, ...slots.flatMap((slot) => ("iv" in slot ? [slot.iv] : []))];
	if (ivs.some((iv) => length(iv) !== ivBytes) || slots.some((slot) => "key" in slot && length(slot.key) !== keyBytes)) {
		throw new Refused("limits", "iv");
	}
}

function kdfsOf(header: Header): Kdf[] {
	return "slots" in header ? header.slots.flatMap((slot) => ("kdf" in slot ? [slot.kdf] : [])) : [header.kdf];
}

function within(value: number, least: number, most: number): boolean {
	return value >= least && value <= most;
}

function length(base64urlText: string): number {
	return fromBase64url(base64urlText)?.length ?? 0;
}

function string(value: JSONObject, member: string): void {
	if (typeof value[member] !== "string") {
		throw new Refused("format", member);
	}
}

function whole(value: JSONObject, member: string): void {
	if (!Number.isSafeInteger(value[member])) {
		throw new Refused("format", member);
	}
}

function bytes(value: JSONObject, member: string): Bytes {
	const text = value[member];
	const decoded = typeof text === "string" ? fromBase64url(text) : undefined;
	if (decoded === undefined) {
		throw new Refused("format", member);
	}
	return decoded;
}
