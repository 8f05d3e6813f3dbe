// How one account comes in, by whichever way: the choice where there is one of the
// same name, then the dialog that says 「… 追加されました。」.

import { forget, restore } from "./core/accounts";
import { isShort } from "./core/base32";
import { type Answer, merge, type Merged } from "./core/merge";
import type { Account, Draft, Plain } from "./core/model";
import { displayName } from "./core/names";
import { isBindable } from "./core/origin";
import { ask, type Choice } from "./dialog";
import { el } from "./dom";
import { lang, t } from "./i18n";
import type { Reason } from "./messages";
import { say } from "./page";
import { liveCode } from "./ticker";
import { change, view } from "./vault";

/** What became of an account: with `stored` it is here now, whether it is new or took the place of another. */
export type Result = { outcome: "stored"; id: string; replaced?: string } | { outcome: "same"; id: string } | { outcome: "skipped" };

/** Returns how an account is called in sentences. */
export function nameOf({ issuer, account }: Draft): string {
	return displayName(issuer, account, lang());
}

/** The draft bound to the origin that it came from, where that is one to bind to. */
export function boundTo(draft: Draft, origin: string | undefined): Draft {
	return origin !== undefined && isBindable(origin) ? { ...draft, origins: [origin] } : draft;
}

/**
 * Adds an account to the open vault. Of an account of the same name with another
 * key the person is asked first; the choice that stands first is to replace it,
 * except where the sign-on said that this is one more. @throws NotOpen
 */
export async function add(draft: Draft, reason?: Reason): Promise<Result> {
	const incoming = { drafts: [draft] };
	const answers = new Map<number, Answer>();
	if (merged(await view(), incoming).conflicts.length > 0) {
		answers.set(0, await askConflict(draft, reason === "added" ? "keep" : "replace"));
	}
	let line: Merged["lines"][number] | undefined;
	await change((plain) => {
		const result = merged(plain, { ...incoming, answers });
		line = result.lines[0];
		return line?.outcome === "asked" ? plain : result.plain;
	});
	if (line?.outcome === "same") return { outcome: "same", id: line.id };
	if (line?.outcome !== "added" && line?.outcome !== "replaced") return { outcome: "skipped" };
	return line.replaced === undefined ? { outcome: "stored", id: line.id } : { outcome: "stored", id: line.id, replaced: line.replaced };
}

function merged(plain: Plain, incoming: Parameters<typeof merge>[1]): Merged {
	return merge(plain, incoming, new Date(), () => crypto.randomUUID());
}

/** Asks what to do with an account of the same name and another key. */
export function askConflict(draft: Draft, first: "replace" | "keep"): Promise<Answer> {
	const replace: Choice<Answer> = { answer: "replace", label: t("conflict.replace") };
	const keep: Choice<Answer> = { answer: "keep", label: t("conflict.both") };
	const [one, other] = first === "replace" ? [replace, keep] : [keep, replace];
	return ask(t("conflict"), [facts(draft), el("p", { class: "hint" }, t("conflict.hint"))],
		[one, { ...other, look: "secondary" }, { answer: "skip", label: t("common.cancel"), look: "secondary" }], "skip");
}

/** Shows that an account was added; returns true if the person has taken that back. */
export async function showAdded(id: string, replaced: string | undefined, hint = ""): Promise<boolean> {
	const plain = await view();
	const account = plain.accounts.find((each) => each.id === id) as Account;
	const { element, stop } = liveCode(account, plain);
	const content = [facts(account)];
	if (account.type !== "hotp") content.push(el("p", { class: "first" }, element));
	if (isShort(account.secret)) content.push(el("p", { class: "box warn" }, t("warn.short")));
	if (hint !== "") content.push(el("p", {}, hint));
	const answer = await ask(t("added", { name: nameOf(account) }), content,
		[{ answer: "ok", label: t("common.ok") }, { answer: "undo", label: t("common.undo"), look: "secondary" }], "ok");
	stop();
	if (answer !== "undo") return false;
	await change((now) => (replaced === undefined ? forget(now, id) : restore(forget(now, id), replaced, new Date())));
	return true;
}

/** Adds an account that the person has brought, and says what became of it. @throws NotOpen */
export async function addAndTell(draft: Draft): Promise<Result> {
	const result = await add(draft);
	if (result.outcome === "same") say(t("same", { name: nameOf(draft) }));
	if (result.outcome !== "stored") return result;
	const undone = await showAdded(result.id, result.replaced);
	say(undone ? t("common.undone", { name: nameOf(draft) }) : "");
	return undone ? { outcome: "skipped" } : result;
}

/** Issuer, account and site of an account, as far as it has them. */
export function facts({ issuer, account, origins = [] }: Draft): HTMLElement {
	const rows: [string, string][] = [[t("common.issuer"), issuer], [t("common.account"), account], [t("common.origin"), origins.join(" ")]];
	return el("dl", {}, ...rows.filter(([, value]) => value !== "").flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}
