// The accounts with their codes, as the popup shows them.

import { advance, edit } from "../core/accounts";
import { timeFor } from "../core/drift";
import type { Account, Plain } from "../core/model";
import { fold } from "../core/names";
import { isBound } from "../core/origin";
import { code } from "../core/otp";
import { nameOf } from "../add";
import { el } from "../dom";
import { t } from "../i18n";
import { say } from "../page";
import { grouped, liveCode } from "../ticker";
import { change } from "../vault";
import { fill, type ShownTab } from "./tab";

let stops: (() => void)[] = [];
let redraw: () => void = () => undefined;

/** Fills the list: what is bound to the shown site first, then in the person's order; only what the search finds. */
export function listAccounts(list: HTMLElement, plain: Plain, tab: ShownTab | undefined, search: string): void {
	for (const stop of stops) stop();
	stops = [];
	redraw = () => listAccounts(list, plain, tab, search);
	const found = plain.accounts.filter(({ issuer, account }) => fold(`${issuer} ${account}`).includes(fold(search.trim())));
	const here = found.filter((account) => tab?.origin !== undefined && isBound(account, tab.origin));
	const rows = [...here, ...found.filter((account) => !here.includes(account))].map((account) => row(account, plain, tab));
	const empty = t(plain.accounts.length === 0 ? "popup.empty" : "popup.no_match");
	list.replaceChildren(...(rows.length > 0 ? rows : [el("li", { class: "hint" }, empty)]));
}

function row(account: Account, plain: Plain, tab: ShownTab | undefined): HTMLElement {
	const names = el("p", { class: "names" }, el("strong", {}, account.issuer || account.account));
	if (account.issuer !== "" && account.account !== "") names.append(" ", el("span", {}, account.account));
	const item = el("li", {}, names, account.type === "hotp" ? counted(account) : timed(account, plain));
	if (tab?.origin !== undefined) item.append(...forSite(account, plain, tab.id, tab.origin));
	return item;
}

function timed(account: Account, plain: Plain): HTMLElement {
	const { element, stop } = liveCode(account, plain);
	stops.push(stop);
	const button = el("button", { type: "button", class: "copy", click: () => void copy(account, plain) }, element.firstElementChild as HTMLElement, copyWords(account));
	return el("div", { class: "line" }, button, element);
}

function copyWords(account: Account): HTMLElement {
	return el("span", { class: "away" }, ` ${t("popup.copy")} ${nameOf(account)}`);
}

async function copy(account: Account, plain: Plain): Promise<void> {
	await navigator.clipboard.writeText(await code(account, timeFor(plain, account.id, Date.now())));
	say(t("popup.copied"));
}

/** A HOTP account: its code is shown on demand only, because each one is used up by that. */
function counted(account: Account): HTMLElement {
	const output = el("output", { "aria-live": "off", class: "code" }, shownCodes.get(account.id) ?? "––– –––");
	const copyShown = () => {
		const shown = shownCodes.get(account.id);
		if (shown !== undefined) void navigator.clipboard.writeText(shown.replace(" ", "")).then(() => say(t("popup.copied")));
	};
	return el("div", { class: "line" },
		el("button", { type: "button", class: "copy", click: copyShown, disabled: !shownCodes.has(account.id) }, output, copyWords(account)),
		el("button", { type: "button", class: "secondary", click: () => void countOn(account.id) }, t("popup.hotp_next")));
}

/** The codes of counters that are shown, by account. */
const shownCodes = new Map<string, string>();

/** The next counter is stored before the code of the present one is shown: no code is shown twice. */
async function countOn(id: string): Promise<void> {
	let next: string | undefined;
	await change(async (plain) => {
		const account = plain.accounts.find((each) => each.id === id);
		if (account) next = grouped(await code(account, Date.now()));
		return advance(plain, id, new Date());
	});
	if (next !== undefined) shownCodes.set(id, next);
	redraw();
}

/** What can be done on the shown site: fill in what is bound to exactly this origin, bind what is bound to none. */
function forSite(account: Account, plain: Plain, tabId: number, origin: string): HTMLElement[] {
	if (isBound(account, origin) && account.type !== "hotp") {
		return [el("button", { type: "button", class: "fill", click: () => void fillIn(account, plain, tabId, origin) }, t("popup.fill"))];
	}
	if (account.origins.length > 0) return [];
	const bind = async () => {
		await change((now) => edit(now, account.id, { origins: [origin] }, new Date()));
		say(t("popup.bound", { origin }));
	};
	return [el("button", { type: "button", class: "secondary bind", click: () => void bind() }, t("popup.bind", { origin }))];
}

async function fillIn(account: Account, plain: Plain, tabId: number, origin: string): Promise<void> {
	const text = await code(account, timeFor(plain, account.id, Date.now()));
	const filled = await fill(tabId, origin, text);
	if (filled === "filled") return say(t("popup.filled"));
	if (filled === "elsewhere") return say(t("popup.fill_elsewhere"));
	await navigator.clipboard.writeText(text);
	say(t("popup.fill_none"));
}
