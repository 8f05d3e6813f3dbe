import { fromBase64url } from "../bytes";
import { derive, type Means } from "../crypto";
import * as envelope from "../envelope";
import type { Kdfs } from "../kdfs";
import { type Bytes, type Found, type Plain, Refused } from "../model";

/** The end of the name of every export file. */
export const suffix = ".warifu-authenticator.json";

/** The export file of a plain text under a passphrase, without `local`: 0.5 to 2 s in a browser. */
export async function seal(plain: Plain, passphrase: string, means: Means): Promise<string> {
	const { local: _, ...exported } = plain;
	const kdf = envelope.freshKdf(means.alg ?? "argon2id", means.random);
	const key = await derive(means.kdfs, kdf, fromBase64url(kdf.salt) as Bytes, passphrase);
	const header: envelope.Header = { typ: "warifu-authenticator-export", v: 1, kdf, enc: envelope.freshEnc(means.random) };
	return envelope.seal(header, key, exported as Plain);
}

/**
 * The plain text of an export file, every member kept.
 *
 * @throws Refused `format`, `unsupported`, `limits`, before deriving; then `passphrase`; then
 *   `unsupported` or `format` for what is inside
 */
export async function open(file: string, passphrase: string, kdfs: Kdfs): Promise<Plain> {
	const opened = envelope.open(file);
	if (opened.header.typ !== "warifu-authenticator-export") {
		throw new Refused("unsupported", "typ");
	}
	const { kdf } = opened.header;
	return envelope.unseal(opened, await derive(kdfs, kdf, fromBase64url(kdf.salt) as Bytes, passphrase));
}

/** What an import takes from an export file. @throws as {@link open} */
export async function read(file: string, passphrase: string, kdfs: Kdfs): Promise<Found> {
	const { accounts, deleted } = await open(file, passphrase, kdfs);
	return { drafts: accounts, failures: [], deleted };
}
