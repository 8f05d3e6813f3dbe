// What a person has chosen for this browser. No account data is here: it lies in
// clear in storage.local.

import type { Language } from "./i18n.js";

/** Minutes without use after which the vault locks; 0 when the browser closes. */
export const LOCK_TIMES = [0, 5, 15, 60] as const;
export type LockTime = (typeof LOCK_TIMES)[number];

/** Undefined members were never chosen. */
export type Settings = { language?: Language; lockAfter?: LockTime };

const KEY = "settings";

/** Returns what was chosen so far. */
export async function settings(): Promise<Settings> {
	const stored = await chrome.storage.local.get(KEY);
	return (stored[KEY] as Settings | undefined) ?? {};
}

/** Keeps a choice along with the others. */
export async function choose(choice: Settings): Promise<void> {
	await navigator.locks.request(KEY, async () => {
		await chrome.storage.local.set({ [KEY]: { ...(await settings()), ...choice } });
	});
}
