// The key of the unlocked vault, in memory (storage.session) only, and when it
// goes: with the browser, or after minutes without use.

import { policy } from "./policy";
import { settings } from "./settings";

/** The alarm at which the background locks the vault. */
export const LOCK_ALARM = "lock";

const KEY = "unlocked";
/** The key in base64url, and until when it may be used, in Unix milliseconds. */
type Unlocked = { key: string; until?: number };

/** Returns the minutes without use after which the vault locks; undefined when the browser closes. */
export async function lockMinutes(): Promise<number | undefined> {
	const chosen = (await settings()).lockAfter || undefined;
	const most = (await policy()).maxUnlockMinutes;
	if (chosen === undefined || most === undefined) return chosen ?? most;
	return Math.min(chosen, most);
}

/** Keeps the key of the vault, from now on for the chosen time. */
export async function unlockWith(key: string): Promise<void> {
	const minutes = await lockMinutes();
	const unlocked: Unlocked = { key };
	if (minutes === undefined) {
		await chrome.alarms.clear(LOCK_ALARM);
	} else {
		unlocked.until = Date.now() + minutes * 60_000;
		await chrome.alarms.create(LOCK_ALARM, { when: unlocked.until });
	}
	await chrome.storage.session.set({ [KEY]: unlocked });
}

/** Returns the key if the vault is unlocked. An alarm may be late, after a sleep for instance: the time counts. */
export async function unlockedKey(): Promise<string | undefined> {
	const unlocked = (await chrome.storage.session.get(KEY))[KEY] as Unlocked | undefined;
	if (unlocked?.until === undefined || Date.now() < unlocked.until) return unlocked?.key;
	await lock();
	return undefined;
}

/** Begins the time without use anew. */
export async function used(): Promise<void> {
	const key = await unlockedKey();
	if (key !== undefined) await unlockWith(key);
}

/** Forgets the key. */
export async function lock(): Promise<void> {
	await chrome.alarms.clear(LOCK_ALARM);
	await chrome.storage.session.remove(KEY);
}

/** Calls back when the vault locks, in whichever window that was asked. */
export function onLock(locked: () => void): void {
	chrome.storage.session.onChanged.addListener((changes) => {
		if (changes[KEY] && changes[KEY].newValue === undefined) locked();
	});
}
