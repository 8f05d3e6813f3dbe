import type { Bytes } from "./model";

/** UTF-8 of a text. */
export function utf8(text: string): Bytes {
	return new TextEncoder().encode(text) as Bytes;
}

/** The text of UTF-8 bytes, or nothing if they are not. */
export function fromUTF8(bytes: Uint8Array): string | undefined {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		return undefined;
	}
}

/** Standard Base64 with padding (RFC 4648 §4). */
export function base64(bytes: Uint8Array): string {
	let binary = "";
	for (let i = 0; i < bytes.length; i += 0x8000) {
		binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
	}
	return btoa(binary);
}

/** The bytes of standard Base64; padding may be lost. Nothing if it is not Base64. */
export function fromBase64(text: string): Bytes | undefined {
	if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
		return undefined;
	}
	const digits = text.replace(/=+$/, "");
	if (digits.length % 4 === 1) {
		return undefined;
	}
	const binary = atob(digits);
	const bytes = new Uint8Array(binary.length);
	for (let i = 0; i < binary.length; i++) {
		bytes[i] = binary.charCodeAt(i);
	}
	return bytes;
}

/** Base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
	return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * The bytes of base64url without padding, or nothing if it is anything else. Bits that say nothing
 * must be zero, so that no two texts mean the same bytes.
 */
export function fromBase64url(text: string): Bytes | undefined {
	const spare = [/^/, /^/, /[AQgw]$/, /[AEIMQUYcgkosw048]$/][text.length % 4] as RegExp;
	if (!/^[A-Za-z0-9_-]*$/.test(text) || !spare.test(text)) {
		return undefined;
	}
	return fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of hexadecimal, or nothing if it is not. */
export function fromHex(text: string): Bytes | undefined {
	if (text.length % 2 !== 0 || !/^[0-9A-Fa-f]*$/.test(text)) {
		return undefined;
	}
	const bytes = new Uint8Array(text.length / 2);
	for (let i = 0; i < bytes.length; i++) {
		bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
	}
	return bytes;
}

/** The parts one after the other. */
export function concat(...parts: Uint8Array[]): Bytes {
	const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of parts) {
		all.set(part, at);
		at += part.length;
	}
	return all;
}
