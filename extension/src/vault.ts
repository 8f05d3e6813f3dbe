// The vault of this browser: sealed in storage.local, its key in memory only.

import { base64url, fromBase64url } from "./core/bytes";
import type { Means } from "./core/crypto";
import { kdfs } from "./core/kdfs";
import { type Bytes, type Plain, Refused } from "./core/model";
import * as sealed from "./core/vault";
import { lock, unlockedKey, unlockWith, used } from "./lock";

const KEY = "vault";

/** `none` before the first account, `locked` until the passphrase is given. */
export type State = "none" | "locked" | "open";

/** Thrown when the vault is not open: it has locked, or was erased. */
export class NotOpen extends Error {
	override readonly name = "NotOpen";
}

/** What this browser can do: where WebAssembly is off, keys come by PBKDF2 instead of Argon2id. */
export function means(): Means {
	const random = (length: number): Bytes => crypto.getRandomValues(new Uint8Array(length));
	return typeof WebAssembly === "object" ? { kdfs, random } : { kdfs, random, alg: "pbkdf2-sha256" };
}

async function stored(): Promise<string | undefined> {
	return (await chrome.storage.local.get(KEY))[KEY] as string | undefined;
}

// Two windows may change the vault at once: reading, changing and writing are one step.
function alone<T>(act: () => Promise<T>): Promise<T> {
	return navigator.locks.request(KEY, act) as Promise<T>;
}

/** Returns whether there is a vault, and whether it is open. One without a lock is opened by that. */
export async function state(): Promise<State> {
	const text = await stored();
	if (text === undefined) return "none";
	if ((await unlockedKey()) !== undefined) return "open";
	if (sealed.isLocked(text)) return "locked";
	await unlock(null);
	return "open";
}

/** Reports whether the vault is under a passphrase. */
export async function hasPassphrase(): Promise<boolean> {
	const text = await stored();
	return text !== undefined && sealed.isLocked(text);
}

/** Makes the vault and opens it; with no passphrase, one that is not encrypted in effect. It takes 0.5 to 2 s. */
export function create(passphrase: string | null): Promise<void> {
	return alone(async () => {
		if ((await stored()) !== undefined) return;
		await keep(await sealed.create(sealed.empty(navigator.userAgent, new Date()), passphrase, means()));
	});
}

/** Opens the vault. @throws Refused `passphrase`, and nothing is changed */
export async function unlock(passphrase: string | null): Promise<void> {
	const text = await stored();
	if (text === undefined) throw new NotOpen();
	const { key } = await sealed.unlock(text, passphrase, kdfs);
	await unlockWith(base64url(key));
}

/** Checks the passphrase of a vault that is open. @throws Refused `passphrase` */
export async function prove(passphrase: string): Promise<void> {
	const text = await stored();
	if (text === undefined) throw new NotOpen();
	await sealed.unlock(text, passphrase, kdfs);
}

/** Returns what is in the open vault. @throws NotOpen */
export async function view(): Promise<Plain> {
	return (await opened()).plain;
}

/** Changes the open vault in one step, and returns it. What `act` throws leaves it as it was. @throws NotOpen */
export function change(act: (plain: Plain) => Plain | Promise<Plain>): Promise<Plain> {
	return alone(async () => {
		const { text, key, plain } = await opened();
		const changed = await act(plain);
		await chrome.storage.local.set({ [KEY]: await sealed.write(text, key, changed, means().random) });
		await used();
		return changed;
	});
}

/** Gives the open vault another passphrase, or none, and with it a new key. @throws NotOpen */
export function rekey(passphrase: string | null): Promise<void> {
	return alone(async () => keep(await sealed.create((await opened()).plain, passphrase, means())));
}

/** Erases the vault and everything else that this browser keeps. */
export function erase(): Promise<void> {
	return alone(async () => {
		await lock();
		await chrome.storage.local.clear();
	});
}

/** Calls back when any window has changed the vault. */
export function onChange(changed: () => void): void {
	chrome.storage.local.onChanged.addListener((changes) => {
		if (changes[KEY]) changed();
	});
}

async function opened(): Promise<sealed.Unlocked> {
	const [text, key] = [await stored(), await unlockedKey()];
	if (text === undefined || key === undefined) throw new NotOpen();
	const bytes = fromBase64url(key) as Bytes;
	return { text, key: bytes, plain: await readOrLock(text, bytes) };
}

/** A key that no longer fits is of a vault before a new passphrase: it is forgotten. */
async function readOrLock(text: string, key: Bytes): Promise<Plain> {
	try {
		return await sealed.read(text, key);
	} catch (error) {
		if (!(error instanceof Refused)) throw error;
		await lock();
		throw new NotOpen();
	}
}

async function keep({ text, key }: sealed.Unlocked): Promise<void> {
	await chrome.storage.local.set({ [KEY]: text });
	await unlockWith(base64url(key));
}
