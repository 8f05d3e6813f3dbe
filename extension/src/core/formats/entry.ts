import * as base32 from "../base32";
import { type Code, type Draft, type Failure, type Found, Refused } from "../model";
import { clean } from "../names";
import { algorithmOf, maxName, name } from "../otpauth";

/** The most entries of a file. */
export const maxEntries = 10_000;

/** An entry of another product's file: values as they stand there, absent ones undefined or null. */
export interface Entry {
	/** In any case. */
	type: unknown;
	issuer: unknown;
	account: unknown;
	/** Base32 in any spelling. */
	secret: unknown;
	algorithm: unknown;
	digits: unknown;
	period: unknown;
	counter: unknown;
	note?: unknown;
}

/**
 * The draft of an entry; what is absent has the default of otpauth.
 *
 * @throws Refused `type secret algorithm digits period counter label`
 */
export function draftOf(entry: Entry): Draft {
	const type = text(entry.type).toLowerCase();
	if (type !== "totp" && type !== "hotp" && type !== "steam") {
		throw new Refused("type", shown(type));
	}
	const note = text(entry.note);
	return {
		type,
		issuer: name(text(entry.issuer)),
		account: name(text(entry.account)),
		secret: base32.canonical(text(entry.secret)),
		algorithm: algorithmOf(text(entry.algorithm)),
		digits: whole(entry.digits, "digits", type === "steam" ? 5 : 6, 5, 10),
		...(type === "hotp"
			? { counter: whole(entry.counter, "counter", 0, 0, Number.MAX_SAFE_INTEGER) }
			: { period: whole(entry.period, "period", 30, 1, 3600) }),
		...(note === "" ? {} : { note }),
	};
}

/** Reads each entry for itself, so that a bad one does not stop the others. @throws Refused `limits` for too many */
export function readEach<T>(
	entries: T[], named: (entry: T) => { issuer: unknown; account: unknown }, read: (entry: T) => Draft,
): Found {
	if (entries.length > maxEntries) {
		throw new Refused("limits");
	}
	const found: Found = { drafts: [], failures: [] };
	entries.forEach((entry, index) => {
		try {
			found.drafts.push(read(entry));
		} catch (error) {
			found.failures.push(failure(index + 1, error, named(entry)));
		}
	});
	return found;
}

/** The report of a refusal; another error is thrown on. */
export function failure(at: number, error: unknown, names: { issuer: unknown; account: unknown }): Failure {
	if (!(error instanceof Refused)) {
		throw error;
	}
	const { code, detail } = error;
	return { at, issuer: shown(names.issuer), account: shown(names.account), code, detail };
}

/** A text of a file; whatever is none is empty. */
export function text(value: unknown): string {
	return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\uFFFD") : "";
}

/** A text of a file, short and fit to be shown. */
export function shown(value: unknown): string {
	return [...clean(text(value).slice(0, 4 * maxName))].slice(0, maxName).join("");
}

function whole(value: unknown, code: Code, absent: number, least: number, most: number): number {
	if (value === undefined || value === null) {
		return absent;
	}
	const number = typeof value === "string" && /^[0-9]+$/.test(value) ? Number(value) : value;
	if (!Number.isSafeInteger(number) || Number(number) < least || Number(number) > most) {
		throw new Refused(code);
	}
	return Number(number);
}
