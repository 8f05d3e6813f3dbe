import type { Account, Draft, Plain } from "./model";

/** Days that a deleted or replaced account can be restored. */
export const binDays = 30;

/** Days that a tombstone is kept. */
export const tombstoneDays = 400;

/** The account of a draft: what it lacks is filled in. */
export function fromDraft(draft: Draft, id: string, now: Date): Account {
	const at = now.toISOString();
	const createdAt = draft.createdAt ?? at;
	return { ...draft, id: draft.id ?? id, origins: draft.origins ?? [], createdAt, updatedAt: draft.updatedAt ?? createdAt };
}

/** The vault with an account changed by the person; id and creation stay. */
export function edit(plain: Plain, id: string, changes: Partial<Draft>, now: Date): Plain {
	return withAccount(plain, id, (account) => ({
		...account, ...changes, id: account.id, createdAt: account.createdAt, updatedAt: now.toISOString(),
	}));
}

/** The vault with a HOTP account's counter one on; to be stored before the code is shown. */
export function advance(plain: Plain, id: string, now: Date): Plain {
	return withAccount(plain, id, (account) => ({
		...account, counter: (account.counter ?? 0) + 1, updatedAt: now.toISOString(),
	}));
}

/** The vault with the accounts in the order of the ids; those that are not named stay behind them. */
export function reorder(plain: Plain, ids: string[]): Plain {
	const named = ids.flatMap((id) => plain.accounts.filter((account) => account.id === id));
	return { ...plain, accounts: [...named, ...plain.accounts.filter((account) => !ids.includes(account.id))] };
}

/** The vault with an account moved to the bin, and a tombstone for the other browsers. */
export function remove(plain: Plain, id: string, now: Date): Plain {
	const account = plain.accounts.find((each) => each.id === id);
	if (!account) {
		return plain;
	}
	const at = now.toISOString();
	return {
		...plain,
		accounts: plain.accounts.filter((each) => each !== account),
		deleted: [...plain.deleted.filter((tombstone) => tombstone.id !== id), { id, at }],
		local: { ...plain.local, bin: [...plain.local?.bin ?? [], { account, at }] },
	};
}

/** The vault with the newest of the bin under that id back among the accounts, changed now: it counts as newer than its tombstone. */
export function restore(plain: Plain, id: string, now: Date): Plain {
	const bin = plain.local?.bin ?? [];
	const binned = bin.findLast(({ account }) => account.id === id);
	if (!binned || plain.accounts.some((account) => account.id === id)) {
		return plain;
	}
	return {
		...plain,
		accounts: [...plain.accounts, { ...binned.account, updatedAt: now.toISOString() }],
		deleted: plain.deleted.filter((tombstone) => tombstone.id !== id),
		local: { ...plain.local, bin: bin.filter((each) => each !== binned) },
	};
}

/** The vault without an account that was added a moment ago: no other browser has seen it. */
export function forget(plain: Plain, id: string): Plain {
	return { ...plain, accounts: plain.accounts.filter((account) => account.id !== id) };
}

/** The vault without what has lain in the bin or as a tombstone for too long. */
export function prune(plain: Plain, now: Date): Plain {
	const since = (days: number) => now.getTime() - days * 86_400_000;
	const pruned = { ...plain, deleted: plain.deleted.filter(({ at }) => Date.parse(at) >= since(tombstoneDays)) };
	if (plain.local?.bin) {
		pruned.local = { ...plain.local, bin: plain.local.bin.filter(({ at }) => Date.parse(at) >= since(binDays)) };
	}
	return pruned;
}

function withAccount(plain: Plain, id: string, change: (account: Account) => Account): Plain {
	return { ...plain, accounts: plain.accounts.map((account) => (account.id === id ? change(account) : account)) };
}
