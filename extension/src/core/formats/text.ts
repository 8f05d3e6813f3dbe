import { type Account, type Draft, type Failure, type Found, type LeftOut, Refused, type Written } from "../model";
import * as migration from "../migration";
import * as otpauth from "../otpauth";
import { extras } from "./extras";
import { failure, maxEntries } from "./entry";

/** Whether a text has a line that {@link read} takes. */
export function isKnown(text: string): boolean {
	return /(^|[\r\n])[^\S\r\n]*(otpauth|otpauth-migration|steam):\/\//i.test(text);
}

/**
 * Reads lines of `otpauth://`, `otpauth-migration://` and `steam://KEY`; empty ones are passed over.
 * Parts of a migration that are missing are a failure `missing`, whose detail names them from 1.
 *
 * @throws Refused `limits` for too many lines
 */
export function read(file: string): Found {
	const lines = file.split(/\r\n|\r|\n/, maxEntries + 1);
	if (lines.length > maxEntries) {
		throw new Refused("limits");
	}
	const drafts: Draft[] = [];
	const failures: Failure[] = [];
	const collector = new migration.Collector();
	lines.forEach((line, index) => {
		try {
			if (/^\s*otpauth-migration:/i.test(line)) {
				collector.add(migration.read(line));
			} else if (line.trim() !== "") {
				drafts.push(readLine(line.trim()));
			}
		} catch (error) {
			failures.push(failure(index + 1, error, { issuer: "", account: "" }));
		}
	});
	collector.accounts().forEach((account, index) => {
		if ("error" in account) {
			failures.push({ at: index + 1, issuer: "", account: "", code: account.error, detail: "" });
		} else {
			drafts.push(account);
		}
	});
	const missing = collector.missing();
	if (missing.length > 0) {
		failures.push({ at: 0, issuer: "", account: "", code: "missing", detail: missing.map((part) => part + 1).join(" ") });
	}
	return { drafts, failures };
}

/** One URI in a line each, CRLF, as Authenticator-Extension writes them. One that no reader would take is left out. */
export function write(accounts: Account[]): Written {
	const lines = accounts.map((account) => ({ account, uri: otpauth.write(account) }));
	const fits = ({ uri }: { uri: string }) => uri.length <= otpauth.maxBytes;
	return {
		text: lines.filter(fits).map(({ uri }) => `${uri}\r\n`).join(""),
		leftOut: lines.flatMap((line): LeftOut[] =>
			fits(line) ? extras(line.account) : [{ id: line.account.id, member: "names", whole: true }]),
	};
}

function readLine(line: string): Draft {
	const steam = /^steam:\/\/([^/?#]*)/i.exec(line);
	if (!steam) {
		return otpauth.read(line);
	}
	return otpauth.read(`otpauth://steam/Steam:?secret=${steam[1]}`);
}
