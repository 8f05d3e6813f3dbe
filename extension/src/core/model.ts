/** Bytes over an ArrayBuffer of their own, as WebCrypto takes them. */
export type Bytes = Uint8Array<ArrayBuffer>;

export type AccountType = "totp" | "hotp" | "steam";
export type Algorithm = "SHA1" | "SHA256" | "SHA512";

/**
 * An account as a reader makes it, before this browser has taken it in: id, dates and origins are
 * there only if the file had them. See authenticator.md §5 for the members.
 */
export interface Draft {
	type: AccountType;
	/** Who asks for the code; may be empty. */
	issuer: string;
	/** Whose code it is; may be empty. */
	account: string;
	/** Base32 in upper case without padding, as `base32.canonical` gives it: 1 to 128 bytes. */
	secret: string;
	algorithm: Algorithm;
	/** 5 to 10. A Steam code has five characters whatever stands here. */
	digits: number;
	/** Seconds, 1 to 3600; totp and steam alone. */
	period?: number;
	/** The counter of the next code, 0 to 2^53 - 1; hotp alone. */
	counter?: number;
	/** Exact origins that the account is bound to. */
	origins?: string[];
	note?: string;
	/** UUID */
	id?: string;
	/** RFC 3339 */
	createdAt?: string;
	/** RFC 3339 */
	updatedAt?: string;
}

/** An account of the vault or of an export file. Members that this version does not know are kept. */
export interface Account extends Draft {
	origins: string[];
	id: string;
	createdAt: string;
	updatedAt: string;
	[unknown: string]: unknown;
}

/** That an account was deleted, kept 400 days so that no import brings it back. */
export interface Tombstone {
	/** UUID of the deleted account */
	id: string;
	/** RFC 3339 */
	at: string;
	[unknown: string]: unknown;
}

/** An account in the bin, restorable for 30 days. */
export interface Binned {
	account: Account;
	/** RFC 3339: when it was deleted or replaced */
	at: string;
	[unknown: string]: unknown;
}

/** What stays in this browser and is never exported. */
export interface Local {
	/** By account id: seconds to add to this device's clock. */
	offsets?: Record<string, number>;
	bin?: Binned[];
	/** RFC 3339 */
	lastExportAt?: string;
	[unknown: string]: unknown;
}

/** The plain text of an export file, or, with `local`, of the vault. */
export interface Plain {
	v: 1;
	/** RFC 3339 in UTC */
	exportedAt: string;
	/** What the person calls the browser or machine that wrote it. */
	device: string;
	/** In the order of the screen. */
	accounts: Account[];
	deleted: Tombstone[];
	local?: Local;
	[unknown: string]: unknown;
}

/** Why something was refused: the word that the texts and the vectors go by. */
export type Code =
	| "length" | "scheme" | "type" | "encoding" | "duplicate" | "secret" | "algorithm" | "digits" | "period"
	| "counter" | "label" | "malformed" | "missing" | "format" | "unsupported" | "limits" | "passphrase" | "unknown";

/** A refusal that a person may see. Neither code nor detail ever holds a secret. */
export class Refused extends Error {
	override readonly name = "Refused";

	/**
	 * @param code   the reason
	 * @param detail what exactly, in the words of the file or empty: a member's name, a type, bad characters
	 */
	constructor(readonly code: Code, readonly detail = "") {
		super(detail === "" ? code : `${code}: ${detail}`);
	}
}

/** An entry of a file that could not be taken; the entries beside it are not touched by that. */
export interface Failure {
	/** Which line or entry, from 1, in the order of the file's own screen; 0 for the file as a whole. */
	at: number;
	issuer: string;
	account: string;
	code: Code;
	detail: string;
}

/** What a reader found in a file. */
export interface Found {
	drafts: Draft[];
	failures: Failure[];
	/** Of a native file alone. */
	deleted?: Tombstone[];
}

/** What a format cannot hold of an account; listed before the person saves. */
export interface LeftOut {
	id: string;
	/** The member that is lost, or that keeps the account out. */
	member: "type" | "algorithm" | "digits" | "period" | "counter" | "note" | "origins" | "secret" | "names";
	/** True if the whole account is left out. */
	whole: boolean;
}

/** A file to save, and what it does not hold. */
export interface Written {
	text: string;
	leftOut: LeftOut[];
}

/** Returns that many unpredictable bytes. */
export type Random = (length: number) => Bytes;
