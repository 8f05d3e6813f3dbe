// What the popup says about this device's clock, as the shown site has measured it.

import { dropOffset, judge, takeOffset, type Verdict } from "../core/drift";
import type { Plain } from "../core/model";
import { isBound } from "../core/origin";
import { el } from "../dom";
import { drifts } from "../drifts";
import { t } from "../i18n";
import { change, view } from "../vault";
import type { ShownTab } from "./tab";

/** Drops the offsets of each site whose newest page shows that the clock is right again. */
export async function reconcileOffsets(): Promise<void> {
	const plain = await view();
	for (const [origin, drift] of Object.entries(await drifts())) {
		if (!judge(drift).offer && offset(plain, origin) !== undefined) await change((now) => dropOffset(now, origin));
	}
}

/** Returns what is to be said about the clock on this tab: nothing, or one box. */
export async function clockBanner(plain: Plain, tab: ShownTab | undefined): Promise<HTMLElement[]> {
	const origin = tab?.origin;
	const drift = origin === undefined ? undefined : (await drifts())[origin];
	if (origin === undefined || drift === undefined) return [];
	const verdict = judge(drift);
	if (!verdict.offer) return [];
	const content: HTMLElement[] = verdict.tell ? [el("strong", {}, slowOrFast(verdict)), help()] : [];
	const taken = offset(plain, origin);
	if (taken !== undefined) content.push(el("p", {}, t("clock.taken", { n: taken })));
	else if (plain.accounts.some((account) => isBound(account, origin))) content.push(offer(origin, drift));
	return content.length > 0 ? [el("div", { class: "box warn" }, ...content)] : [];
}

function slowOrFast({ seconds, direction }: Verdict): string {
	return t(direction === "slow" ? "clock.slow" : "clock.fast", { n: seconds });
}

function offer(origin: string, drift: number): HTMLElement {
	const button = el("button", { type: "button", class: "secondary", click: () => void change((now) => takeOffset(now, origin, drift)) }, t("clock.offer"));
	return el("p", {}, button);
}

function help(): HTMLElement {
	const ways = (["clock.help", "clock.help_windows", "clock.help_mac", "clock.help_linux"] as const).map((key) => el("li", {}, t(key)));
	return el("details", {}, el("summary", {}, t("clock.help_title")), el("ul", {}, ...ways));
}

/** The offset of the accounts of a site, in seconds. */
function offset(plain: Plain, origin: string): number | undefined {
	const account = plain.accounts.find((each) => isBound(each, origin) && plain.local?.offsets?.[each.id] !== undefined);
	return account && plain.local?.offsets?.[account.id];
}
