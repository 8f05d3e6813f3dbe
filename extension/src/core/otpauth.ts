import * as base32 from "./base32";
import { type AccountType, type Algorithm, type Code, type Draft, Refused } from "./model";
import { clean } from "./names";

/** The longest URI in bytes of UTF-8. */
export const maxBytes = 4096;

/** The longest issuer or account in characters. */
export const maxName = 200;

const names = ["secret", "issuer", "algorithm", "digits", "period", "counter"] as const;
type Name = (typeof names)[number];
type Parameters = Partial<Record<Name, string>>;

/**
 * Reads an `otpauth://` URI. There is no standard; what known applications write is read, and what
 * could be meant in two ways is refused (authenticator.md §7).
 *
 * @throws Refused `length scheme type encoding duplicate secret algorithm digits period counter label`
 */
export function read(text: string): Draft {
	const uri = text.trim();
	if (new TextEncoder().encode(uri).length > maxBytes) {
		throw new Refused("length");
	}
	const match = /^otpauth:\/\/([^/?#]*)\/?([^?#]*)\??([^#]*)/i.exec(uri);
	if (!match) {
		throw new Refused("scheme");
	}
	const [, kind = "", label = "", query = ""] = match;
	const type = typeOf(kind);
	const parameters = split(query);
	const [prefix, account] = labelNames(label);
	const issuer = name(decodeText((parameters.issuer ?? "").replaceAll("+", "%20"))) || prefix;
	return {
		type,
		issuer,
		account,
		secret: base32.canonical(decodeText(parameters.secret ?? "")),
		algorithm: algorithmOf(decodeText(parameters.algorithm ?? "")),
		digits: number(parameters, "digits", type === "steam" ? 5 : 6, 5, 10),
		...(type === "hotp"
			? { counter: number(parameters, "counter", 0, 0, Number.MAX_SAFE_INTEGER) }
			: { period: number(parameters, "period", 30, 1, 3600) }),
	};
}

/** The one URI that {@link read} makes the same account of: all but RFC 3986 §2.3's unreserved characters as %XX. */
export function write(account: Draft): string {
	const [issuer, whose] = [clean(account.issuer), clean(account.account)];
	const prefix = issuer !== "" || whose.includes(":") ? `${escape(issuer.replaceAll(":", " "))}:` : "";
	const moving = account.type === "hotp" ? `counter=${account.counter ?? 0}` : `period=${account.period ?? 30}`;
	return `otpauth://${account.type}/${prefix}${escape(whose)}?secret=${account.secret}`
		+ (issuer === "" ? "" : `&issuer=${escape(issuer)}`)
		+ `&algorithm=${account.algorithm}&digits=${account.digits}&${moving}`;
}

/** The algorithm that a name in any usual spelling means; empty means SHA1. @throws Refused `algorithm` */
export function algorithmOf(written: string): Algorithm {
	const folded = written.toUpperCase().replace(/^HMAC[-_]?/, "").replace(/^SHA-/, "SHA");
	if (folded === "") {
		return "SHA1";
	}
	if (folded === "SHA1" || folded === "SHA256" || folded === "SHA512") {
		return folded;
	}
	throw new Refused("algorithm", clean(written).slice(0, maxName));
}

/** An issuer or account fit to be kept. @throws Refused `label` if it is over {@link maxName} characters */
export function name(text: string): string {
	const shown = text.length > maxBytes ? text : clean(text);
	if (shown.length > 2 * maxName || [...shown].length > maxName) {
		throw new Refused("label");
	}
	return shown;
}

function typeOf(kind: string): AccountType {
	const type = kind.toLowerCase();
	if (type === "totp" || type === "hotp" || type === "steam") {
		return type;
	}
	throw new Refused("type", clean(kind).slice(0, maxName));
}

function split(query: string): Parameters {
	const parameters: Parameters = {};
	for (const part of query.split("&")) {
		const equals = part.indexOf("=");
		const key = (equals < 0 ? part : part.slice(0, equals)).toLowerCase();
		const known = names.find((name) => name === key);
		if (known === undefined) {
			continue;
		}
		if (parameters[known] !== undefined) {
			throw new Refused("duplicate", known);
		}
		parameters[known] = equals < 0 ? "" : part.slice(equals + 1);
	}
	return parameters;
}

/** Issuer and account of a label: split at the first colon, written plainly or as %3A, before decoding. */
function labelNames(label: string): [string, string] {
	const colon = /:|%3a/i.exec(label);
	if (!colon) {
		return ["", name(decodeText(label))];
	}
	return [name(decodeText(label.slice(0, colon.index))), name(decodeText(label.slice(colon.index + colon[0].length)))];
}

function decodeText(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		throw new Refused("encoding");
	}
}

function number(parameters: Parameters, key: Name & Code, absent: number, least: number, most: number): number {
	const text = decodeText(parameters[key] ?? "");
	if (text === "") {
		return absent;
	}
	const value = Number(text);
	if (!/^[0-9]+$/.test(text) || value < least || value > most) {
		throw new Refused(key);
	}
	return value;
}

function escape(text: string): string {
	return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
