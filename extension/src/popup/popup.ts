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

let shown: Promise<void> = Promise.resolve();

/** Shows what there is now, after whatever is being shown: the last change is seen last. */
function show(tab: ShownTab | undefined): Promise<void> {
	shown = shown.catch(() => undefined).then(() => draw(tab));
	return shown;
}

/** Nothing yet, or the accounts. */
async function draw(tab: ShownTab | undefined): Promise<void> {
	if ((await state()) !== "open") return showEmpty();
	const plain = prune(await view(), new Date());
	const search = byId("search") as HTMLInputElement;
	byId("lock").hidden = !(await hasPassphrase());
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
		void show(tab);
	} }, t("not_site.show"));
	return el("div", { class: "box error", role: "alert" }, el("strong", {}, t("not_site")), el("p", {}, button));
}

function showEmpty(): void {
	byId("backup").textContent = t("popup.backup_none");
	byId("accounts").replaceChildren(el("li", { class: "hint" }, t("popup.empty")));
}

void startPage(async () => {
	const tab = await shownTab();
	byId("scan").addEventListener("click", () => void scan(tab));
	byId("lock").addEventListener("click", () => void lock());
	byId("search").addEventListener("input", () => void show(tab));
	if ((await state()) !== "none") {
		await openVault(byId("gate"));
		await used();
		await reconcileOffsets();
	}
	await show(tab);
	byId("vault").hidden = false;
	onChange(() => void show(tab));
});
