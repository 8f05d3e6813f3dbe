import * as base32 from "../base32";
import { base64, fromHex, fromUTF8, hex, utf8 } from "../bytes";
import { isObject, type JSONObject, parse } from "../json";
import type { Kdfs } from "../kdfs";
import { type Account, type Bytes, type Draft, type Found, type LeftOut, Refused, type Written } from "../model";
import * as openssl from "../openssl";
import { draftOf, maxEntries, readEach, text } from "./entry";
import { extras } from "./extras";

const cost = { m: 19_456, t: 2, p: 1 };
const derivedBytes = 32;
const maxKeys = 4;

/** The most encrypted entries: each costs a derivation of its own. */
export const maxSealed = 2000;

/** An entry whose secret is in clear, or why that could not be had. */
type Opened = { entry: JSONObject; refused?: Refused };

/** Whether entries of the file are encrypted. */
export function isEncrypted(file: JSONObject): boolean {
	return entriesOf(file).some(isSealed);
}

/**
 * Reads a backup of Authenticator-Extension: plain, or encrypted as its versions 1, 2 and 3 did.
 *
 * @throws Refused `passphrase` if no entry can be opened with it; `limits`
 */
export async function read(file: JSONObject, passphrase: string, kdfs: Kdfs): Promise<Found> {
	const entries = entriesOf(file);
	const sealed = entries.filter(isSealed).length;
	if (entries.length > maxEntries || sealed > maxSealed) {
		throw new Refused("limits");
	}
	const opener = new Opener(file, utf8(passphrase), kdfs);
	const opened: Opened[] = [];
	for (const entry of entries) {
		opened.push(isSealed(entry) ? await opener.open(entry) : { entry });
	}
	const refused = opened.filter((each) => each.refused?.code === "passphrase").length;
	if (refused > 0 && refused === sealed) {
		throw new Refused("passphrase");
	}
	opened.sort((a, b) => index(a.entry) - index(b.entry));
	return readEach(opened, ({ entry }) => namesOf(entry), ({ entry, refused }) => {
		if (refused) {
			throw refused;
		}
		return readEntry(entry);
	});
}

/**
 * The accounts as a plain backup. Version 8.0.2 reads others than TOTP with SHA-1 wrongly from it,
 * so they are left out; text is the form for them.
 */
export function write(accounts: Account[]): Written {
	const leftOut = accounts.flatMap(lost);
	const fitting = accounts.filter(({ id }) => !leftOut.some((each) => each.id === id && each.whole));
	const entries = fitting.map((account, index) => [account.id, entryOf(account, index)]);
	return { text: JSON.stringify(Object.fromEntries(entries), null, 2), leftOut };
}

/** Opens entries one by one; what is derived is derived once. */
class Opener {
	private readonly derived = new Map<string, Promise<Bytes>>();

	constructor(private readonly file: JSONObject, private readonly password: Bytes, private readonly kdfs: Kdfs) {}

	async open(entry: JSONObject): Promise<Opened> {
		try {
			return { entry: entry["dataType"] === "EncOTPStorage" ? await this.wholeEntry(entry) : await this.secretAlone(entry) };
		} catch (error) {
			if (error instanceof Refused && error.code !== "limits") {
				return { entry, refused: error };
			}
			throw error;
		}
	}

	/** Version 3: all of the entry is encrypted, under a key record of the file. */
	private async wholeEntry(entry: JSONObject): Promise<JSONObject> {
		const record = this.file[text(entry["keyId"])];
		if (!isObject(record) || record["dataType"] !== "Key") {
			throw new Refused("missing", "Key");
		}
		const password = await this.once(text(entry["keyId"]), async () => {
			const bytes = await this.kdfs.argon2id(this.password, utf8(text(record["salt"])), cost, derivedBytes);
			return utf8(base64(bytes).replace(/=+$/, ""));
		});
		const opened = parse(fromUTF8(await openssl.decrypt(text(entry["data"]), password, this.kdfs)) ?? "");
		if (!isObject(opened)) {
			throw new Refused("passphrase");
		}
		return { index: entry["index"], ...opened };
	}

	/** Version 2: the secret is encrypted under a data key of the file; version 1: under the password. */
	private async secretAlone(entry: JSONObject): Promise<JSONObject> {
		const enc = text(isObject(this.file["key"]) ? this.file["key"]["enc"] : this.file["enc"]);
		const password = enc === "" ? this.password : await this.once("", async () =>
			utf8(hex(await openssl.decrypt(enc, this.password, this.kdfs))));
		const secret = fromUTF8(await openssl.decrypt(text(entry["secret"]), password, this.kdfs)) ?? "";
		if (!/^[A-Za-z0-9 =-]+$/.test(secret)) {
			throw new Refused("passphrase");
		}
		return { ...entry, secret };
	}

	private once(name: string, derive: () => Promise<Bytes>): Promise<Bytes> {
		const known = this.derived.get(name) ?? derive();
		this.derived.set(name, known);
		if (this.derived.size > maxKeys) {
			throw new Refused("limits", "Key");
		}
		return known;
	}
}

function entriesOf(file: JSONObject): JSONObject[] {
	return Object.values(file).filter(isObject)
		.filter((entry) => entry["dataType"] === undefined ? Object.hasOwn(entry, "secret") : entry["dataType"] !== "Key");
}

function isSealed(entry: JSONObject): boolean {
	return entry["dataType"] === "EncOTPStorage" || entry["encrypted"] === true;
}

function readEntry(entry: JSONObject): Draft {
	const { type, secret } = kindOf(text(entry["type"]).toLowerCase() || "totp", text(entry["secret"]));
	const { algorithm, digits, period, counter } = entry;
	return draftOf({ ...namesOf(entry), type, secret, algorithm, digits, period, counter });
}

/** The type and the secret in Base32, from what stands in `type` or before the secret. */
function kindOf(type: string, secret: string): { type: string; secret: string } {
	const prefix = /^(stm|blz|bliz)-/i.exec(secret)?.[1]?.toLowerCase();
	if (prefix === "stm") {
		return { type: "steam", secret: secret.slice("stm-".length) };
	}
	if (prefix !== undefined) {
		throw new Refused("type", "battle");
	}
	if (type !== "hex" && type !== "hhex") {
		return { type, secret };
	}
	const bytes = secret.length > 2 * base32.maxSecretBytes ? undefined : fromHex(secret);
	if (!bytes) {
		throw new Refused("secret");
	}
	return { type: type === "hex" ? "totp" : "hotp", secret: base32.encode(bytes) };
}

function namesOf({ issuer, account }: JSONObject): { issuer: string; account: unknown } {
	return { issuer: text(issuer).split("::", 1)[0] ?? "", account };
}

function index({ index }: JSONObject): number {
	return typeof index === "number" ? index : 0;
}

function entryOf({ id, secret, issuer, account, digits, period }: Account, index: number): JSONObject {
	return {
		dataType: "OTPStorage",
		encrypted: false,
		hash: id,
		index,
		type: "totp",
		secret,
		...(issuer === "" ? {} : { issuer }),
		...(account === "" ? {} : { account }),
		...(period === 30 ? {} : { period }),
		...(digits === 6 ? {} : { digits }),
	};
}

function lost(account: Account): LeftOut[] {
	const { id, type, algorithm, issuer } = account;
	if (type !== "totp" || algorithm !== "SHA1") {
		return [{ id, member: type !== "totp" ? "type" : "algorithm", whole: true }];
	}
	const names: LeftOut[] = issuer.includes("::") ? [{ id, member: "names", whole: false }] : [];
	return [...names, ...extras(account)];
}
