import * as base32 from "./base32";
import { isObject, type JSONObject } from "./json";
import { type Account, type Plain, Refused, type Tombstone } from "./model";
import { isOrigin } from "./origin";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/**
 * The plain text of an export file or vault (authenticator.md §5), every member as it was.
 *
 * @throws Refused `unsupported` if it has another version; `format` if it breaks a rule: the detail
 *   names the member
 */
export function validate(value: unknown): Plain {
	if (!isObject(value) || typeof value["v"] !== "number") {
		throw new Refused("format", "v");
	}
	if (value["v"] !== 1) {
		throw new Refused("unsupported", "v");
	}
	check(value, "exportedAt", isInstant);
	check(value, "device", isText);
	check(value, "accounts", isArrayOf(isAccount));
	check(value, "deleted", isArrayOf(isTombstone));
	if (value["local"] !== undefined) {
		check(value, "local", isLocal);
	}
	const ids = (value["accounts"] as Account[]).map((account) => account.id);
	if (new Set(ids).size !== ids.length) {
		throw new Refused("format", "id");
	}
	return value as unknown as Plain;
}

/** Whether the text is a moment in UTC in the form of RFC 3339 §5.6. */
function isInstant(value: unknown): value is string {
	return typeof value === "string" && instant.test(value) && !Number.isNaN(Date.parse(value));
}

/** Whether the text is a UUID in lower case (RFC 9562 §4). */
function isUUID(value: unknown): value is string {
	return typeof value === "string" && uuid.test(value);
}

function isAccount(value: unknown): value is Account {
	if (!isObject(value)) {
		return false;
	}
	check(value, "id", isUUID);
	check(value, "type", (type) => type === "totp" || type === "hotp" || type === "steam");
	check(value, "issuer", isText);
	check(value, "account", isText);
	check(value, "secret", isSecret);
	check(value, "algorithm", (name) => name === "SHA1" || name === "SHA256" || name === "SHA512");
	check(value, "digits", isWholeWithin(5, 10));
	if (value["type"] === "hotp") {
		check(value, "counter", isWholeWithin(0, Number.MAX_SAFE_INTEGER));
	} else {
		check(value, "period", isWholeWithin(1, 3600));
	}
	check(value, "origins", isArrayOf((origin): origin is string => typeof origin === "string" && isOrigin(origin)));
	if (value["note"] !== undefined) {
		check(value, "note", isText);
	}
	check(value, "createdAt", isInstant);
	check(value, "updatedAt", isInstant);
	return true;
}

function isTombstone(value: unknown): value is Tombstone {
	return isObject(value) && isUUID(value["id"]) && isInstant(value["at"]);
}

function isLocal(value: unknown): boolean {
	if (!isObject(value)) {
		return false;
	}
	const { offsets = {}, bin = [], lastExportAt } = value;
	return isObject(offsets) && Object.values(offsets).every(Number.isSafeInteger)
		&& Array.isArray(bin) && bin.every((binned) => isObject(binned) && isInstant(binned["at"]) && isAccount(binned["account"]))
		&& (lastExportAt === undefined || isInstant(lastExportAt));
}

function isText(value: unknown): value is string {
	return typeof value === "string" && !/\p{Surrogate}/u.test(value);
}

function isSecret(value: unknown): boolean {
	try {
		return typeof value === "string" && base32.canonical(value) === value;
	} catch {
		return false;
	}
}

function isWholeWithin(least: number, most: number) {
	return (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most;
}

function isArrayOf<T>(isElement: (value: unknown) => value is T) {
	return (value: unknown): value is T[] => Array.isArray(value) && value.every(isElement);
}

function check(value: JSONObject, member: string, holds: (value: unknown) => boolean): void {
	if (!Object.hasOwn(value, member) || !holds(value[member])) {
		throw new Refused("format", member);
	}
}
