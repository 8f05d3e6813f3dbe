import { fromUTF8 } from "./bytes";
import * as aegis from "./formats/aegis";
import * as authext from "./formats/authext";
import * as text from "./formats/text";
import * as twofas from "./formats/twofas";
import { isObject, type JSONObject, parse } from "./json";
import { Refused } from "./model";

/** The largest file in bytes. */
export const maxBytes = 4 << 20;

/** What a file is, told by its content alone. */
export type Sniffed =
	| { kind: "native"; encrypted: true; text: string }
	| { kind: "aegis" | "twofas" | "authext"; encrypted: boolean; object: JSONObject }
	| { kind: "text"; encrypted: false; text: string }
	| { kind: "image"; encrypted: false };

/**
 * The kind of a file, in the order of authenticator.md §6.
 *
 * @throws Refused `limits` over {@link maxBytes}; `unknown` for whatever else
 */
export function sniff(file: Uint8Array): Sniffed {
	if (file.length > maxBytes) {
		throw new Refused("limits");
	}
	const content = fromUTF8(file);
	const sniffed = content === undefined ? undefined : object(content) ?? lines(content);
	if (sniffed) {
		return sniffed;
	}
	if (isImage(file)) {
		return { kind: "image", encrypted: false };
	}
	throw new Refused("unknown");
}

function object(content: string): Sniffed | undefined {
	const object = parse(content);
	if (!isObject(object)) {
		return undefined;
	}
	if (has(object, "protected", "ciphertext")) {
		return { kind: "native", encrypted: true, text: content };
	}
	if (has(object, "header", "db")) {
		return { kind: "aegis", encrypted: aegis.isEncrypted(object), object };
	}
	if (has(object, "schemaVersion", "services")) {
		return { kind: "twofas", encrypted: twofas.isEncrypted(object), object };
	}
	if (Object.values(object).some((member) => isObject(member) && (has(member, "dataType") || has(member, "secret", "hash")))) {
		return { kind: "authext", encrypted: authext.isEncrypted(object), object };
	}
	return undefined;
}

function lines(content: string): Sniffed | undefined {
	return text.isKnown(content) ? { kind: "text", encrypted: false, text: content } : undefined;
}

function has(object: JSONObject, ...members: string[]): boolean {
	return members.every((member) => Object.hasOwn(object, member));
}

/** PNG, JPEG or WebP by their first bytes. */
function isImage(file: Uint8Array): boolean {
	const begin = String.fromCharCode(...file.subarray(0, 12));
	return begin.startsWith("\x89PNG\r\n\x1a\n") || begin.startsWith("\xff\xd8\xff") || /^RIFF[^]{4}WEBP/.test(begin);
}
