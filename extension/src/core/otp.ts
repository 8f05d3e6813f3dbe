import { decode } from "./base32";
import type { Algorithm, Bytes, Draft } from "./model";

const hashes = { SHA1: "SHA-1", SHA256: "SHA-256", SHA512: "SHA-512" } as const;
const steamAlphabet = "23456789BCDFGHJKMNPQRTVWXY";

/** The time step: whole periods since 1970, never rounded (RFC 6238 §4.2). */
export function step(unixMs: number, period: number): number {
	return Math.floor(Math.floor(unixMs / 1000) / period);
}

/** Milliseconds until the next step: more than 0 and at most the period. */
export function remaining(unixMs: number, period: number): number {
	return (step(unixMs, period) + 1) * period * 1000 - unixMs;
}

/** The code at a time, or, for HOTP, that of the counter. */
export function code(account: Draft, unixMs: number): Promise<string> {
	return codeOf(account, moving(account, unixMs));
}

/** The code after {@link code}'s. */
export function next(account: Draft, unixMs: number): Promise<string> {
	return codeOf(account, moving(account, unixMs) + 1);
}

/** The code of a counter (RFC 4226 §5.3): 5 to 10 digits. */
export async function hotp(secret: Bytes, counter: number, algorithm: Algorithm, digits: number): Promise<string> {
	const number = await truncated(secret, counter, algorithm);
	return String(number % 10 ** digits).padStart(digits, "0");
}

/** The five characters of a Steam code of a step. */
export async function steam(secret: Bytes, counter: number, algorithm: Algorithm): Promise<string> {
	let number = await truncated(secret, counter, algorithm);
	let text = "";
	for (let i = 0; i < 5; i++) {
		text += steamAlphabet[number % steamAlphabet.length];
		number = Math.floor(number / steamAlphabet.length);
	}
	return text;
}

function codeOf(account: Draft, counter: number): Promise<string> {
	const secret = decode(account.secret);
	if (account.type === "steam") {
		return steam(secret, counter, account.algorithm);
	}
	return hotp(secret, counter, account.algorithm, account.digits);
}

function moving(account: Draft, unixMs: number): number {
	return account.type === "hotp" ? account.counter ?? 0 : step(unixMs, account.period ?? 30);
}

/** The 31 bits that RFC 4226 §5.3 takes out of the HMAC. */
async function truncated(secret: Bytes, counter: number, algorithm: Algorithm): Promise<number> {
	const message = new DataView(new ArrayBuffer(8));
	message.setBigUint64(0, BigInt(counter));
	const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: hashes[algorithm] }, false, ["sign"]);
	const mac = new DataView(await crypto.subtle.sign("HMAC", key, message.buffer));
	return mac.getUint32(mac.getUint8(mac.byteLength - 1) & 15) & 0x7fff_ffff;
}
