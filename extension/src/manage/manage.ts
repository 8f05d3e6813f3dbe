// The page in a tab of its own: all that is done at leisure, and all with files,
// because a popup closes when a file chooser takes the focus.

import { byId } from "../dom";
import { openVault } from "../gate";
import { lock, used } from "../lock";
import { say, startPage } from "../page";
import { hasPassphrase, onChange } from "../vault";
import { showAccounts } from "./accounts";
import { showAdd, takeDropped } from "./add";
import { showExport } from "./export";
import { showSettings } from "./settings";

/** What fills the page, by the part of the address behind #. */
const views: Record<string, (view: HTMLElement) => Promise<void>> = {
	accounts: showAccounts,
	add: showAdd,
	export: showExport,
	settings: showSettings,
};

function current(): string {
	const name = location.hash.slice(1);
	return Object.hasOwn(views, name) ? name : "accounts";
}

async function show(): Promise<void> {
	const name = current();
	for (const link of byId("nav").querySelectorAll("a")) {
		link.toggleAttribute("aria-current", link.hash === `#${name}`);
		if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
	}
	byId("lock").hidden = !(await hasPassphrase());
	await used();
	await views[name]?.(byId("view"));
}

void startPage(async () => {
	await openVault(byId("gate"));
	byId("lock").addEventListener("click", () => void lock());
	takeDropped(byId("view"));
	addEventListener("hashchange", () => {
		say("");
		void show();
	});
	// Forms keep what is typed; the list alone follows what other windows change.
	onChange(() => void (current() === "accounts" && !document.querySelector("dialog") && show()));
	await show();
});
