// 「QRコード読み取り」: the codes that the tab shows are read, chosen and added.

import { isKnown, read } from "../core/formats/text";
import type { Draft, Failure } from "../core/model";
import { addAndTell, boundTo, nameOf } from "../add";
import { byId, el } from "../dom";
import { openVault } from "../gate";
import { t } from "../i18n";
import { say } from "../page";
import type { ShownTab } from "./tab";

/** The most characters of a foreign QR code that are shown. */
const SHOWN_TEXT = 200;

/** Reads the tab, lets the person choose if there are several accounts, and adds what is chosen. */
export async function scan(tab: ShownTab | undefined): Promise<void> {
	say(t("common.working"));
	byId("choice").hidden = true;
	const texts = await capture(tab);
	if (!texts) return advise(t("scan.page"));
	if (texts.length === 0) return advise(t("scan.none"));
	const known = texts.filter(isKnown);
	if (known.length === 0) return say(t("not_totp", { text: (texts[0] ?? "").slice(0, SHOWN_TEXT) }));
	const { drafts, failures } = read(known.join("\n"));
	say(failures.map(reasonOf).join(" "));
	const chosen = drafts.length > 1 ? await choose(drafts) : drafts;
	if (chosen.length > 0) await addAll(chosen, tab?.origin);
}

async function capture(tab: ShownTab | undefined): Promise<string[] | undefined> {
	const { readTab } = await import("../qr/image"); // large, and not needed for codes
	try {
		return await readTab(tab?.windowId);
	} catch {
		return undefined;
	}
}

function reasonOf({ code, detail }: Failure): string {
	return code === "missing" ? t("scan.batch", { list: detail }) : t("import.failed", { reason: t(`refused.${code}`) });
}

/** Says what to do, with the way to add in other ways. */
function advise(text: string): void {
	say(text);
	byId("choice").hidden = false;
	byId("choice").replaceChildren(el("p", {}, el("a", { href: "manage.html#add", target: "_blank" }, t("scan.other"))));
}

function choose(drafts: Draft[]): Promise<Draft[]> {
	return new Promise((resolve) => {
		const boxes = drafts.map((_, i) => el("input", { type: "checkbox", id: `found-${i}`, checked: true }));
		const options = drafts.map((draft, i) => el("label", { class: "option", for: `found-${i}` }, boxes[i] as Node, nameOf(draft)));
		const form = el("form", {}, el("fieldset", {}, el("legend", {}, t("scan.choose")), ...options), el("p", { class: "actions" }, el("button", {}, t("scan.add"))));
		form.addEventListener("submit", (event) => {
			event.preventDefault();
			byId("choice").hidden = true;
			resolve(drafts.filter((_, i) => boxes[i]?.checked));
		});
		byId("choice").replaceChildren(form);
		byId("choice").hidden = false;
		boxes[0]?.focus();
	});
}

async function addAll(drafts: Draft[], origin: string | undefined): Promise<void> {
	byId("vault").hidden = true;
	await openVault(byId("gate"));
	byId("vault").hidden = false;
	for (const draft of drafts) await addAndTell(boundTo(draft, origin));
}
