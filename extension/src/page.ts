// What every page of the extension begins with.

import { byId } from "./dom";
import { loadLanguage, t } from "./i18n";
import { onLock } from "./lock";
import { onPolicy } from "./policy";

/** Says something in the page's one region for results. */
export function say(text: string): void {
	byId("status").textContent = text;
}

/** Writes the texts of the page, starts it, and starts it anew when the vault locks or the policy changes. What fails is said. */
export async function startPage(start: () => Promise<void>): Promise<void> {
	addEventListener("unhandledrejection", () => say(t("common.failed")));
	await loadLanguage();
	onLock(() => location.reload());
	onPolicy(() => location.reload());
	await start();
}

/** Closes the window that the page has for itself. Firefox lets no script close one that it has not opened. */
export async function closeWindow(): Promise<void> {
	const { id } = await chrome.windows.getCurrent();
	if (id !== undefined) await chrome.windows.remove(id);
}
