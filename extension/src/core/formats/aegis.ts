import { base64, concat, fromBase64, fromHex, fromUTF8, hex, utf8 } from "../bytes";
import { decrypt, encrypt, ivBytes, keyBytes, type Means, tagBytes } from "../crypto";
import { isObject, type JSONObject, parse } from "../json";
import type { Kdfs } from "../kdfs";
import { type Account, type Bytes, type Found, type LeftOut, Refused, type Written } from "../model";
import { uuid } from "../uuid";
import { draftOf, readEach } from "./entry";

const cost = { n: 32_768, r: 8, p: 1 };
const slotSaltBytes = 32;
const passwordSlot = 1;
const maxSlots = 8;

/** Whether the file's entries are encrypted. */
export function isEncrypted(file: JSONObject): boolean {
	return typeof file["db"] === "string";
}

/**
 * Reads a vault of Aegis, database versions 1 to 3.
 *
 * @throws Refused `passphrase`; `format`; `unsupported` for another version; `limits` before deriving
 */
export async function read(file: JSONObject, passphrase: string, kdfs: Kdfs): Promise<Found> {
	if (file["version"] !== 1) {
		throw new Refused("unsupported", "version");
	}
	const db = isEncrypted(file) ? await unlock(file, passphrase, kdfs) : file["db"];
	if (!isObject(db) || !Array.isArray(db["entries"])) {
		throw new Refused("format", "db");
	}
	if (db["version"] !== 1 && db["version"] !== 2 && db["version"] !== 3) {
		throw new Refused("unsupported", "db");
	}
	const entries = db["entries"].map((entry: unknown) => (isObject(entry) ? entry : {}));
	return readEach(entries, ({ issuer, name }) => ({ issuer, account: name }), (entry) => {
		const { secret, algo, digits, period, counter } = isObject(entry["info"]) ? entry["info"] : {};
		const { type, issuer, name, note } = entry;
		return draftOf({ type, issuer, account: name, secret, algorithm: algo, digits, period, counter, note });
	});
}

/** The accounts as a vault that everyone can read. */
export function write(accounts: Account[]): Written {
	const file = { version: 1, header: { slots: null, params: null }, db: database(accounts) };
	return { text: JSON.stringify(file, null, 4), leftOut: accounts.flatMap(leftOut) };
}

/** The accounts as a vault under a password. */
export async function writeEncrypted(accounts: Account[], passphrase: string, { kdfs, random }: Means): Promise<Written> {
	const [master, salt, nonce, keyNonce] = [random(keyBytes), random(slotSaltBytes), random(ivBytes), random(ivBytes)];
	const wrapped = split(await encrypt(await kdfs.scrypt(utf8(passphrase), salt, cost, keyBytes), keyNonce, master));
	const sealed = split(await encrypt(master, nonce, utf8(JSON.stringify(database(accounts)))));
	const slot = {
		type: passwordSlot,
		uuid: uuid(random),
		key: hex(wrapped.ciphertext),
		key_params: { nonce: hex(keyNonce), tag: hex(wrapped.tag) },
		...cost,
		salt: hex(salt),
		repaired: true,
		is_backup: false,
	};
	const header = { slots: [slot], params: { nonce: hex(nonce), tag: hex(sealed.tag) } };
	return {
		text: JSON.stringify({ version: 1, header, db: base64(sealed.ciphertext) }, null, 4),
		leftOut: accounts.flatMap(leftOut),
	};
}

async function unlock(file: JSONObject, passphrase: string, kdfs: Kdfs): Promise<unknown> {
	const header = isObject(file["header"]) ? file["header"] : {};
	const sealed = concat(bytes(fromBase64(String(file["db"])), "db"), paramsOf(header["params"]).tag);
	const { nonce } = paramsOf(header["params"]);
	const master = await masterKey(header["slots"], passphrase, kdfs);
	return parse(fromUTF8(await decrypt(master, nonce, sealed)) ?? "");
}

async function masterKey(slots: unknown, passphrase: string, kdfs: Kdfs): Promise<Bytes> {
	const ours = Array.isArray(slots) ? slots.filter((slot) => isObject(slot) && slot["type"] === passwordSlot).map(slotOf) : [];
	if (ours.length === 0) {
		throw new Refused("unsupported", "slots");
	}
	if (ours.length > maxSlots) {
		throw new Refused("limits", "slots");
	}
	for (const { salt, cost, nonce, wrapped } of ours) {
		const slotKey = await kdfs.scrypt(utf8(passphrase), salt, cost, keyBytes);
		const master = await decrypt(slotKey, nonce, wrapped).catch(() => undefined);
		if (master?.length === keyBytes) {
			return master;
		}
	}
	throw new Refused("passphrase");
}

function slotOf(slot: JSONObject): { salt: Bytes; cost: typeof cost; nonce: Bytes; wrapped: Bytes } {
	const { n, r, p } = slot;
	if (!isWithin(n, 2, 1 << 20) || (n & (n - 1)) !== 0 || !isWithin(r, 1, 16) || !isWithin(p, 1, 4)) {
		throw new Refused("limits", "slots");
	}
	const { nonce, tag } = paramsOf(slot["key_params"]);
	return { salt: hexOf(slot["salt"], "salt"), cost: { n, r, p }, nonce, wrapped: concat(hexOf(slot["key"], "key"), tag) };
}

function paramsOf(params: unknown): { nonce: Bytes; tag: Bytes } {
	const { nonce, tag } = isObject(params) ? params : {};
	const read = { nonce: hexOf(nonce, "nonce"), tag: hexOf(tag, "tag") };
	if (read.nonce.length !== ivBytes || read.tag.length !== tagBytes) {
		throw new Refused("format", "params");
	}
	return read;
}

function database(accounts: Account[]): JSONObject {
	return { version: 3, entries: accounts.map(entryOf), groups: [] };
}

function entryOf({ id, type, issuer, account, note, secret, algorithm, digits, period, counter }: Account): JSONObject {
	const moving = type === "hotp" ? { counter } : { period };
	return {
		type,
		uuid: id,
		name: account,
		issuer,
		note: note ?? "",
		favorite: false,
		icon: null,
		icon_mime: null,
		icon_hash: null,
		info: { secret, algo: algorithm, digits, ...moving },
		groups: [],
	};
}

function leftOut({ id, origins }: Account): LeftOut[] {
	return origins.length > 0 ? [{ id, member: "origins", whole: false }] : [];
}

function split(sealed: Bytes): { ciphertext: Bytes; tag: Bytes } {
	return { ciphertext: sealed.slice(0, -tagBytes), tag: sealed.slice(-tagBytes) };
}

function isWithin(value: unknown, least: number, most: number): value is number {
	return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most;
}

function hexOf(value: unknown, member: string): Bytes {
	return bytes(typeof value === "string" ? fromHex(value) : undefined, member);
}

function bytes(decoded: Bytes | undefined, member: string): Bytes {
	if (decoded === undefined) {
		throw new Refused("format", member);
	}
	return decoded;
}
