import * as base32 from "./base32";
import { base64, fromBase64, fromUTF8, utf8 } from "./bytes";
import { type Account, type Algorithm, type Bytes, type Code, type Draft, type LeftOut, Refused } from "./model";
import { extras } from "./formats/extras";
import { name as fitName } from "./otpauth";
import { bytesField, type Field, fields, varintField } from "./protobuf";

/** Accounts in one QR code of those that are written. */
export const batchOf = 10;

/** The longest URI in characters: many times what a QR code holds. */
export const maxLength = 64 << 10;

/** The most parts of a batch that is read. */
export const maxParts = 100;

/** An account that could not be taken. */
export interface Bad {
	error: Code;
}

/** One part of an export of Google Authenticator, as its QR code holds it. */
export interface Part {
	version: number;
	batchSize: number;
	/** From 0. */
	batchIndex: number;
	/** The same in all parts of an export. */
	batchId: number;
	accounts: (Draft | Bad)[];
}

/**
 * Reads an `otpauth-migration://` URI (authenticator.md §7).
 *
 * @throws Refused `length`; `scheme`; `malformed` if it is not the message that it should be. An account that
 *   cannot be taken stands as its error among the others.
 */
export function read(text: string): Part {
	if (text.length > maxLength) {
		throw new Refused("length");
	}
	const match = /^otpauth-migration:\/\/offline\/?\?([^#]*)/i.exec(text.trim());
	if (!match) {
		throw new Refused("scheme");
	}
	const all = fields(message(match[1] ?? ""));
	const part: Part = {
		version: int32(all, 2) ?? 0,
		batchSize: int32(all, 3) || 1,
		batchIndex: int32(all, 4) ?? 0,
		batchId: int32(all, 5) ?? 0,
		accounts: [],
	};
	if (part.batchSize < 1 || part.batchSize > maxParts || part.batchIndex < 0 || part.batchIndex >= part.batchSize) {
		throw new Refused("malformed");
	}
	for (const { number, value } of all) {
		if (number === 1) {
			part.accounts.push(account(value));
		}
	}
	return part;
}

/** The URIs of the accounts, {@link batchOf} in each, and what they do not hold. */
export function write(accounts: Account[], batchId: number): { uris: string[]; leftOut: LeftOut[] } {
	const lost = accounts.flatMap((account) => leftOut(account));
	const fitting = accounts.filter(({ id }) => !lost.some((each) => each.id === id && each.whole));
	const size = Math.ceil(fitting.length / batchOf);
	const uris = Array.from({ length: size }, (_, index) => {
		const entries = fitting.slice(index * batchOf, (index + 1) * batchOf).map((account) => bytesField(1, entry(account)));
		const numbers = [1, size, index, batchId].map((value, i) => varintField(i + 2, BigInt(value)));
		const bytes = [...entries, ...numbers].flatMap((field) => [...field]);
		return `otpauth-migration://offline?data=${encodeURIComponent(base64(new Uint8Array(bytes)))}`;
	});
	return { uris, leftOut: lost };
}

/** Collects the parts of exports in any order; a part that comes twice counts once. */
export class Collector {
	private readonly batches = new Map<number, Map<number, Part>>();

	add(part: Part): void {
		const batch = this.batches.get(part.batchId) ?? new Map<number, Part>();
		this.batches.set(part.batchId, batch.set(part.batchIndex, part));
	}

	/** The indices, from 0, of the parts that are not there yet, of all exports. */
	missing(): number[] {
		return [...this.batches.values()].flatMap((batch) => {
			const size = Math.max(...[...batch.values()].map(({ batchSize }) => batchSize));
			return Array.from({ length: size }, (_, index) => index).filter((index) => !batch.has(index));
		});
	}

	/** The accounts of all parts that are there, in the order of the parts. */
	accounts(): (Draft | Bad)[] {
		return [...this.batches.values()].flatMap((batch) =>
			[...batch.values()].sort((a, b) => a.batchIndex - b.batchIndex).flatMap(({ accounts }) => accounts));
	}
}

function message(query: string): Bytes {
	const data = query.split("&").find((part) => part.startsWith("data="))?.slice("data=".length) ?? "";
	let text: string;
	try {
		text = decodeURIComponent(data);
	} catch {
		throw new Refused("malformed");
	}
	const bytes = fromBase64(text.replace(/[ -]/g, "+").replaceAll("_", "/"));
	if (!bytes || bytes.length === 0) {
		throw new Refused("malformed");
	}
	return bytes;
}

function account(value: Field["value"]): Draft | Bad {
	if (typeof value === "bigint") {
		throw new Refused("malformed");
	}
	const all = fields(value);
	try {
		const type = typeOf(int32(all, 6));
		const [issuer, whose] = names(text(all, 3), text(all, 2));
		const counter = last(all, 7) ?? 0n;
		if (type === "hotp" && (typeof counter !== "bigint" || counter > BigInt(Number.MAX_SAFE_INTEGER))) {
			throw new Refused("counter");
		}
		return {
			type,
			issuer,
			account: whose,
			secret: base32.canonical(base32.encode(bytes(all, 1))),
			algorithm: algorithm(int32(all, 4)),
			digits: digits(int32(all, 5)),
			...(type === "hotp" ? { counter: Number(counter) } : { period: 30 }),
		};
	} catch (error) {
		if (error instanceof Refused && error.code !== "malformed") {
			return { error: error.code };
		}
		throw error;
	}
}

/** Issuer and account: a name that begins with the issuer, or holds the only one, is split at its colon. */
function names(issuer: string, name: string): [string, string] {
	const colon = name.indexOf(":");
	const prefix = fitName(name.slice(0, Math.max(colon, 0)));
	if (colon >= 0 && (issuer === "" || issuer === prefix)) {
		return [prefix, fitName(name.slice(colon + 1))];
	}
	return [issuer, fitName(name)];
}

function typeOf(value: number | undefined): "totp" | "hotp" {
	if (value === undefined || value === 0 || value === 2) {
		return "totp";
	}
	if (value === 1) {
		return "hotp";
	}
	throw new Refused("type");
}

function algorithm(value: number | undefined): Algorithm {
	const known = (["SHA1", "SHA1", "SHA256", "SHA512"] as const)[value ?? 0];
	if (!known) {
		throw new Refused("algorithm");
	}
	return known;
}

function digits(value: number | undefined): number {
	const known = [6, 6, 8][value ?? 0];
	if (!known) {
		throw new Refused("digits");
	}
	return known;
}

/** The last value of a field counts. */
function last(all: Field[], number: number): Field["value"] | undefined {
	return all.findLast((field) => field.number === number)?.value;
}

function int32(all: Field[], number: number): number | undefined {
	const value = last(all, number);
	if (value instanceof Uint8Array) {
		throw new Refused("malformed");
	}
	return value === undefined ? undefined : Number(BigInt.asIntN(32, value));
}

function bytes(all: Field[], number: number): Bytes {
	const value = last(all, number) ?? new Uint8Array();
	if (typeof value === "bigint") {
		throw new Refused("malformed");
	}
	return value;
}

function text(all: Field[], number: number): string {
	const decoded = fromUTF8(bytes(all, number));
	if (decoded === undefined) {
		throw new Refused("encoding");
	}
	return number === 3 ? fitName(decoded) : decoded;
}

/** The name that {@link names} splits into the same again. */
function nameOf(issuer: string, account: string): string {
	if (issuer.includes(":") || (issuer === "" && !account.includes(":"))) {
		return account;
	}
	return `${issuer}:${account}`;
}

function leftOut(account: Account): LeftOut[] {
	const { id, type, digits, period } = account;
	const members: LeftOut["member"][] = [];
	if (type === "steam") {
		members.push("type");
	}
	if (digits !== 6 && digits !== 8) {
		members.push("digits");
	}
	if (type === "totp" && period !== 30) {
		members.push("period");
	}
	return [...members.map((member) => ({ id, member, whole: true })), ...extras(account)];
}

function entry({ type, secret, issuer, account, algorithm, digits, counter }: Account): Uint8Array {
	const parts = [
		bytesField(1, base32.decode(secret)),
		bytesField(2, utf8(nameOf(issuer, account))),
		bytesField(3, utf8(issuer)),
		varintField(4, { SHA1: 1n, SHA256: 2n, SHA512: 3n }[algorithm]),
		varintField(5, digits === 8 ? 2n : 1n),
		varintField(6, type === "hotp" ? 1n : 2n),
	];
	if (type === "hotp") {
		parts.push(varintField(7, BigInt(counter ?? 0)));
	}
	return new Uint8Array(parts.flatMap((part) => [...part]));
}
