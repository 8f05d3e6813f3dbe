// The window in which a person decides about an account that a page hands over.

import { add, boundTo, facts, nameOf, showAdded } from "../add";
import type { Draft } from "../core/model";
import { byId, el } from "../dom";
import { openVault } from "../gate";
import { t } from "../i18n";
import type { Answer, FromExtension } from "../messages";
import { firstCode, offered } from "../offer";
import { closeWindow, say, startPage } from "../page";
import type { PendingRequest } from "../requests";

const id = new URLSearchParams(location.search).get("id") ?? "";

function tell<T>(message: FromExtension): Promise<T> {
	return chrome.runtime.sendMessage(message) as Promise<T>;
}

/** Answers the page; false if its time has run out. */
function answer(content: Answer): Promise<boolean> {
	return tell({ op: "answer", id, answer: content });
}

async function decline(): Promise<void> {
	await answer({ ok: false, reason: "declined" });
	await closeWindow();
}

/** Stores the account, answers the page, and says so. */
async function accept(draft: Draft, request: PendingRequest): Promise<void> {
	if (!(await waits())) return end(t("confirm.expired"));
	const result = await add(draft, request.reason);
	if (result.outcome === "skipped") return decline();
	await answer(await firstCode(draft, Date.now()));
	byId("request").hidden = true;
	if (result.outcome === "same") return end(t("same", { name: nameOf(draft) }));
	const undone = await showAdded(result.id, result.replaced, t("confirm.return"));
	if (undone) return end(t("confirm.undone", { name: nameOf(draft) }));
	await closeWindow();
}

async function waits(): Promise<PendingRequest | undefined> {
	const request = await tell<PendingRequest | undefined>({ op: "request", id });
	return request && Date.now() < request.expires ? request : undefined;
}

/** Leaves only these words, and a button that closes the window. */
function end(text: string): void {
	say(text);
	byId("gate").replaceChildren();
	byId("request").hidden = false;
	byId("request").replaceChildren(el("p", { class: "actions" }, el("button", { type: "button", click: () => void closeWindow() }, t("common.close"))));
}

// The background takes away a request whose time has run out.
function watchExpiry(request: PendingRequest): void {
	setTimeout(() => void waits().then((waiting) => waiting || document.querySelector("dialog") || end(t("confirm.expired"))), request.expires - Date.now());
}

function show(draft: Draft, request: PendingRequest): void {
	const box = byId("request");
	const buttons = el("p", { class: "actions" },
		el("button", { type: "button", click: () => void once(() => accept(draft, request)) }, t("confirm.add")),
		el("button", { type: "button", class: "secondary", click: () => void once(decline) }, t("confirm.decline")));
	box.replaceChildren(el("p", {}, t("confirm.lead", { origin: request.origin })), facts(draft), buttons);
	box.hidden = false;
	buttons.querySelector("button")?.focus();
}

let deciding = false;
async function once(act: () => Promise<void>): Promise<void> {
	if (deciding) return;
	deciding = true;
	await act().finally(() => (deciding = false));
}

void startPage(async () => {
	const request = await waits();
	const draft = request && offered(request.uri);
	if (!request || !draft) return end(t("confirm.gone"));
	watchExpiry(request);
	await openVault(byId("gate"));
	show(boundTo(draft, request.origin), request);
});
