import { base64url, fromBase64url, utf8 } from "./bytes";
import { decrypt, derive, encrypt, ivBytes, keyBytes, type Means } from "./crypto";
import * as envelope from "./envelope";
import type { Kdfs } from "./kdfs";
import { type Bytes, type Plain, type Random, Refused } from "./model";

/** A vault that was made or opened: its text for the disk, its key for the memory. */
export interface Unlocked {
	text: string;
	key: Bytes;
	plain: Plain;
}

/** A vault without accounts. */
export function empty(device: string, now: Date): Plain {
	return { v: 1, exportedAt: now.toISOString(), device, accounts: [], deleted: [] };
}

/** A new vault under a passphrase, or, with none, one that is not encrypted in effect. */
export async function create(plain: Plain, passphrase: string | null, means: Means): Promise<Unlocked> {
	const key = means.random(keyBytes);
	const slot = passphrase === null
		? { id: "open" as const, key: base64url(key) }
		: await lockedSlot(key, passphrase, means);
	return { text: await sealed([slot], key, plain, means.random), key, plain };
}

/** Whether a passphrase is needed. @throws Refused as {@link unlock}, but never `passphrase` */
export function isLocked(text: string): boolean {
	return openSlot(slots(envelope.open(text))) === undefined;
}

/**
 * Opens a vault; the passphrase is not looked at if it has no lock.
 *
 * @throws Refused `passphrase` if it is wrong or the vault damaged; `format`, `unsupported`, `limits`
 */
export async function unlock(text: string, passphrase: string | null, kdfs: Kdfs): Promise<Unlocked> {
	const opened = envelope.open(text);
	const key = await unwrap(slots(opened), passphrase ?? "", kdfs);
	return { text, key, plain: await envelope.unseal(opened, key) };
}

/** The plain text by the key that {@link unlock} gave. @throws Refused as {@link unlock} */
export function read(text: string, key: Bytes): Promise<Plain> {
	return envelope.unseal(envelope.open(text), key);
}

/** The vault with another plain text: same slots, same key, fresh initialisation vector. */
export function write(text: string, key: Bytes, plain: Plain, random: Random): Promise<string> {
	return sealed(slots(envelope.open(text)), key, plain, random);
}

function slots(opened: envelope.Envelope): envelope.Slot[] {
	if (opened.header.typ !== "warifu-authenticator-vault") {
		throw new Refused("unsupported", "typ");
	}
	return opened.header.slots;
}

function openSlot(all: envelope.Slot[]): Bytes | undefined {
	const slot = all.find((each) => "key" in each);
	return slot && "key" in slot ? fromBase64url(slot.key) : undefined;
}

async function unwrap(all: envelope.Slot[], passphrase: string, kdfs: Kdfs): Promise<Bytes> {
	const open = openSlot(all);
	if (open) {
		return open;
	}
	for (const slot of all) {
		if ("kdf" in slot) {
			const slotKey = await derive(kdfs, slot.kdf, bytes(slot.kdf.salt), passphrase);
			const key = await decrypt(slotKey, bytes(slot.iv), bytes(slot.wrapped), utf8(`slot:${slot.id}`)).catch(() => undefined);
			if (key?.length === keyBytes) {
				return key;
			}
		}
	}
	throw new Refused("passphrase");
}

async function lockedSlot(key: Bytes, passphrase: string, { kdfs, random, alg }: Means): Promise<envelope.Slot> {
	const id = "main";
	const kdf = envelope.freshKdf(alg ?? "argon2id", random);
	const iv = random(ivBytes);
	const slotKey = await derive(kdfs, kdf, bytes(kdf.salt), passphrase);
	return { id, kdf, iv: base64url(iv), wrapped: base64url(await encrypt(slotKey, iv, key, utf8(`slot:${id}`))) };
}

function sealed(all: envelope.Slot[], key: Bytes, plain: Plain, random: Random): Promise<string> {
	const header: envelope.Header = { typ: "warifu-authenticator-vault", v: 1, slots: all, enc: envelope.freshEnc(random) };
	return envelope.seal(header, key, plain);
}

function bytes(text: string): Bytes {
	return fromBase64url(text) as Bytes;
}
