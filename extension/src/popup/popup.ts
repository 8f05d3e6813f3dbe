// The popup of the toolbar button: scan, the codes, copy, fill in.

import { prune } from "../core/accounts";
import { looksAlike } from "../core/origin";
import { byId, el } from "../dom";
import { openVault } from "../gate";
import { t, when } from "../i18n";
import { lock, used } from "../lock";
import { startPage } from "../page";
import { hasPassphrase, onChange, state, view } from "../vault";
import { clockBanner, reconcileOffsets } from "./clock";
import { listAccounts } from "./list";
import { scan } from "./scan";
import { shownTab, type ShownTab } from "./tab";

/** From so many accounts on they can be searched. */
const SEARCH_FROM = 8;

async function showVault(tab: ShownTab | undefined): Promise<void> {
	const plain = prune(await view(), new Date());
	const search = byId("search") as HTMLInputElement;
	byId("search-field").hidden = plain.accounts.length < SEARCH_FROM;
	const last = plain.local?.lastExportAt;
	byId("backup").textContent = last === undefined ? t("popup.backup_none") : t("popup.backup", { date: when(last) });
	const alike = tab !== undefined && !anyway && looksAlike(tab.page, plain.accounts);
	byId("banners").replaceChildren(...(alike ? [notSite(tab)] : []), ...(await clockBanner(plain, tab)));
	byId("accounts").hidden = alike;
	listAccounts(byId("accounts"), plain, tab, search.value);
}

let anyway = false;

function notSite(tab: ShownTab): HTMLElement {
	const button = el("button", { type: "button", class: "secondary", click: () => {
		anyway = true;
		void showVault(tab);
	} }, t("not_site.show"));
	return el("div", { class: "box error", role: "alert" }, el("strong", {}, t("not_site")), el("p", {}, button));
}

async function showEmpty(): Promise<void> {
	byId("backup").textContent = t("popup.backup_none");
	byId("accounts").replaceChildren(el("li", { class: "hint" }, t("popup.empty")));
}

async function start(): Promise<void> {
	const tab = await shownTab();
	byId("scan").addEventListener("click", () => void scan(tab));
	if ((await state()) === "none") {
		await showEmpty();
		onChange(() => location.reload());
		return;
	}
	byId("vault").hidden = true;
	await openVault(byId("gate"));
	await used();
	byId("vault").hidden = false;
	byId("lock").hidden = !(await hasPassphrase());
	byId("lock").addEventListener("click", () => void lock());
	byId("search").addEventListener("input", () => void showVault(tab));
	await reconcileOffsets();
	onChange(() => void showVault(tab));
	await showVault(tab);
}

void startPage(start);
