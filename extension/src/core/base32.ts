import { type Bytes, Refused } from "./model";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The longest secret in bytes. */
export const maxSecretBytes = 128;

/** The longest text in characters that is looked at as a secret. */
const maxTyped = 4096;

/** Secrets below this many bytes get a warning: RFC 4226 §4 asks for 16. */
export const shortSecretBytes = 10;

/** Base32 of RFC 4648 §6 without padding. */
export function encode(bytes: Uint8Array): string {
	let text = "";
	let bits = 0;
	let value = 0;
	for (const byte of bytes) {
		value = ((value << 8) | byte) & 0xfff;
		for (bits += 8; bits >= 5; bits -= 5) {
			text += alphabet[(value >>> (bits - 5)) & 31];
		}
	}
	return bits === 0 ? text : text + alphabet[(value << (5 - bits)) & 31];
}

/** The bytes of a canonical secret. */
export function decode(secret: string): Bytes {
	const bytes = new Uint8Array(Math.floor((secret.length * 5) / 8));
	let length = 0;
	let bits = 0;
	let value = 0;
	for (const character of secret) {
		value = ((value << 5) | alphabet.indexOf(character)) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			bytes[length++] = value >>> bits;
		}
	}
	return bytes;
}

/**
 * A secret as typed or read, made canonical: spaces, hyphens and padding are dropped, letters made
 * upper case, trailing bits zero.
 *
 * @throws Refused `secret`; its detail names the characters that are not Base32, or is empty if the
 *   length cannot be or is over {@link maxSecretBytes}
 */
export function canonical(typed: string): string {
	if (typed.length > maxTyped) {
		throw new Refused("secret");
	}
	const text = bare(typed);
	const bad = badCharacters(typed);
	if (bad.length > 0) {
		throw new Refused("secret", bad.join(" "));
	}
	const rest = text.length % 8;
	if (text.length === 0 || rest === 1 || rest === 3 || rest === 6 || text.length > Math.ceil((maxSecretBytes * 8) / 5)) {
		throw new Refused("secret");
	}
	return encode(decode(text));
}

/** The characters of a typed secret that are not Base32, each once, in their order. */
export function badCharacters(typed: string): string[] {
	return [...new Set(bare(typed))].filter((character) => !alphabet.includes(character));
}

/** What a bad character was probably meant to be, or nothing. */
export function meant(bad: string): string | undefined {
	return new Map([["0", "O"], ["1", "I"], ["8", "B"]]).get(bad);
}

/** Whether a canonical secret is shorter than it should be. */
export function isShort(secret: string): boolean {
	return decode(secret).length < shortSecretBytes;
}

function bare(typed: string): string {
	return typed.replace(/[\s\u0085=-]/g, "").replace(/[a-z]/g, (letter) => letter.toUpperCase());
}
