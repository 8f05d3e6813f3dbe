import { forget, fromDraft, prune, remove, restore } from "./accounts";
import type { Account, Draft, Failure, Plain, Tombstone } from "./model";
import { fold } from "./names";

/** What the person says about an account of the same name with another secret. */
export type Answer = "replace" | "keep" | "skip";

/** What became of one incoming account. */
export type Outcome =
	/** It is new here. */
	| "added"
	/** It took the place of one. */
	| "replaced"
	/** It was here, as new or newer. */
	| "same"
	/** It was deleted here later than it was changed there. */
	| "deleted"
	/** The person said so. */
	| "skipped"
	/** Nothing was done: the person has not answered yet. */
	| "asked";

/** The report on one incoming account. */
export interface Line {
	issuer: string;
	account: string;
	outcome: Outcome;
	/** Of the account as it is here now; empty if it is not. */
	id: string;
	/** Of the account of another id whose place it took, which lies in the bin. */
	replaced?: string;
}

/** A question for the person. */
export interface Conflict {
	/** Place among the incoming, from 0: the key of the answer. */
	index: number;
	incoming: Draft;
	existing: Account;
	/** The choice that stands first; none if the file does not tell which is newer. */
	preset: "replace" | "skip" | null;
}

/** What comes in: a file, or one account that is added. */
export interface Incoming {
	drafts: Draft[];
	/** Tombstones of the file. */
	deleted?: Tombstone[];
	/** By the place among the drafts. */
	answers?: ReadonlyMap<number, Answer>;
}

export interface Merged {
	plain: Plain;
	/** One for each draft, in their order. */
	lines: Line[];
	/** The unanswered. While there is one, the person is asked, and all is merged again from the start. */
	conflicts: Conflict[];
	/** Accounts moved to the bin because they were deleted where the file comes from. */
	binned: Account[];
}

/** The sums of a report, as the message *import_sum* has them. */
export interface Sums {
	added: number;
	replaced: number;
	same: number;
	failed: number;
}

/**
 * Merges accounts into the vault by the rules of authenticator.md §6: nothing is overwritten
 * unasked, what is replaced lies in the bin, and the same file a second time changes nothing.
 *
 * @param here  the vault; it is not changed
 * @param newId makes a UUID for each account that has none
 */
export function merge(here: Plain, incoming: Incoming, now: Date, newId: () => string): Merged {
	return new Merge(here, incoming, now, newId).run();
}

/** The sums of a report; what was deleted here or skipped is none of them, failures are those of the reader. */
export function sums(lines: Line[], failures: Failure[]): Sums {
	const count = (outcome: Outcome) => lines.filter((line) => line.outcome === outcome).length;
	return { added: count("added"), replaced: count("replaced"), same: count("same"), failed: failures.length };
}

/** The vault as it was before one account was added, or took the place of another. */
export function undo(plain: Plain, { outcome, id, replaced }: Line, now: Date): Plain {
	if (outcome === "added") {
		return forget(plain, id);
	}
	return replaced === undefined ? plain : restore(forget(plain, id), replaced, now);
}

/** What accounts that make the same codes have in common. */
function keyOf({ type, secret, algorithm, digits, period }: Draft): string {
	return `${type} ${secret} ${algorithm} ${digits} ${period}`;
}

/** What accounts of the same type, issuer and account have in common, however they are written. */
function nameOf({ type, issuer, account }: Draft): string {
	return JSON.stringify([type, fold(issuer), fold(account)]);
}

class Merge {
	private plain: Plain;
	/** No account leaves its place while the incoming are taken, so that the places below stay true. */
	private readonly accounts: Account[];
	private readonly placeOfID = new Map<string, number>();
	private readonly placeOfKey = new Map<string, number>();
	/** Places of accounts that the file does not have: the only ones that a name can conflict with. */
	private readonly rivals = new Map<string, number[]>();
	private readonly deletedHere: Map<string, Tombstone>;
	private readonly conflicts: Conflict[] = [];
	private readonly binned: Account[];

	constructor(here: Plain, private readonly incoming: Incoming, private readonly now: Date, private readonly newId: () => string) {
		this.plain = prune(here, now);
		const ids = new Set(incoming.drafts.map(({ id }) => id));
		this.binned = this.bury(ids);
		this.accounts = [...this.plain.accounts];
		this.deletedHere = latest(this.plain.deleted);
		const keys = new Set(incoming.drafts.map(keyOf));
		this.accounts.forEach((account, place) => {
			this.index(place);
			if (!ids.has(account.id) && !keys.has(keyOf(account))) {
				this.rivals.set(nameOf(account), [...this.rivals.get(nameOf(account)) ?? [], place]);
			}
		});
	}

	run(): Merged {
		const lines = this.incoming.drafts.map((draft, index) => this.take(draft, index));
		const plain = prune({ ...this.plain, accounts: this.accounts, deleted: this.tombstones() }, this.now);
		return { plain, lines, conflicts: this.conflicts, binned: this.binned };
	}

	/** Rule 4, second half, first: who deleted an account there is not asked about it here. */
	private bury(alive: Set<string | undefined>): Account[] {
		const deleted = latest(this.incoming.deleted ?? []);
		const buried = this.plain.accounts.filter(({ id, updatedAt }) => !alive.has(id) && isLater(deleted.get(id)?.at, updatedAt));
		for (const { id } of buried) {
			this.plain = remove(this.plain, id, this.now);
		}
		return buried;
	}

	private take(draft: Draft, index: number): Line {
		const same = this.placeOfID.get(draft.id ?? "");
		if (same !== undefined) {
			return this.update(same, draft);
		}
		const twin = this.placeOfKey.get(keyOf(draft));
		if (twin !== undefined) {
			return this.unite(twin, draft);
		}
		const rival = this.rivalOf(draft);
		if (rival !== undefined) {
			return this.decide(rival, draft, index);
		}
		const tombstone = this.deletedHere.get(draft.id ?? "");
		if (tombstone && !isLater(draft.updatedAt, tombstone.at)) {
			return line(draft, "deleted");
		}
		return this.add(draft);
	}

	/** Rule 1: the newer wins as a whole. */
	private update(place: number, draft: Draft): Line {
		const here = this.at(place);
		const newer = isLater(draft.updatedAt, here.updatedAt);
		if (newer && keyOf(here) !== keyOf(draft)) {
			this.bin(here);
		}
		this.put(place, united(newer ? fromDraft(draft, here.id, this.now) : here, here, draft));
		return line(draft, newer ? "replaced" : "same", here.id);
	}

	/**
	 * Rule 2: one key under two ids; the smaller stays, so that two browsers come to the same. So does
	 * the later time: else the same file would seem newer the second time, under the id that it gave.
	 */
	private unite(place: number, draft: Draft): Line {
		const twin = this.at(place);
		const id = draft.id !== undefined && draft.id < twin.id ? draft.id : twin.id;
		const updatedAt = draft.updatedAt !== undefined && isLater(draft.updatedAt, twin.updatedAt) ? draft.updatedAt : twin.updatedAt;
		this.put(place, { ...united(twin, twin, draft), id, updatedAt });
		this.moveOffset(twin.id, id);
		return line(draft, "same", id);
	}

	/** Rule 3: one name, two keys. What is replaced is no deletion: other browsers are asked for themselves. */
	private decide(place: number, draft: Draft, index: number): Line {
		const existing = this.at(place);
		const answer = this.incoming.answers?.get(index);
		if (answer === undefined) {
			this.conflicts.push({ index, incoming: draft, existing, preset: preset(draft, existing) });
			return line(draft, "asked");
		}
		if (answer === "skip") {
			return line(draft, "skipped");
		}
		if (answer === "keep") {
			return this.add(draft);
		}
		const account = fromDraft(draft, this.newId(), this.now);
		this.rivals.set(nameOf(existing), (this.rivals.get(nameOf(existing)) ?? []).filter((rival) => rival !== place));
		this.put(place, account);
		this.bin(existing);
		return { ...line(draft, "replaced", account.id), replaced: existing.id };
	}

	/** The place of the account of that name that was made last. */
	private rivalOf(draft: Draft): number | undefined {
		return this.rivals.get(nameOf(draft))?.reduce<number | undefined>((newest, place) =>
			newest === undefined || isLater(this.at(place).createdAt, this.at(newest).createdAt) ? place : newest, undefined);
	}

	private add(draft: Draft): Line {
		const account = fromDraft(draft, this.newId(), this.now);
		this.index(this.accounts.push(account) - 1);
		return line(draft, "added", account.id);
	}

	private at(place: number): Account {
		return this.accounts[place] as Account;
	}

	private put(place: number, account: Account): void {
		this.placeOfID.delete(this.at(place).id);
		if (this.placeOfKey.get(keyOf(this.at(place))) === place) {
			this.placeOfKey.delete(keyOf(this.at(place)));
		}
		this.accounts[place] = account;
		this.index(place);
	}

	private index(place: number): void {
		this.placeOfID.set(this.at(place).id, place);
		if (!this.placeOfKey.has(keyOf(this.at(place)))) {
			this.placeOfKey.set(keyOf(this.at(place)), place);
		}
	}

	private bin(account: Account): void {
		const binned = { account, at: this.now.toISOString() };
		this.plain = { ...this.plain, local: { ...this.plain.local, bin: [...this.plain.local?.bin ?? [], binned] } };
	}

	private moveOffset(from: string, to: string): void {
		const offset = this.plain.local?.offsets?.[from];
		if (from === to || offset === undefined) {
			return;
		}
		const { [from]: _, ...others } = this.plain.local?.offsets ?? {};
		this.plain = { ...this.plain, local: { ...this.plain.local, offsets: { ...others, [to]: offset } } };
	}

	/** Those of both, without those of accounts that live here. */
	private tombstones(): Tombstone[] {
		const all = latest([...this.plain.deleted, ...this.incoming.deleted ?? []]);
		return [...all.values()].filter(({ id }) => !this.placeOfID.has(id));
	}
}

/** Of each id the tombstone of the latest time. */
function latest(tombstones: Tombstone[]): Map<string, Tombstone> {
	const found = new Map<string, Tombstone>();
	for (const tombstone of tombstones) {
		const known = found.get(tombstone.id);
		if (!known || isLater(tombstone.at, known.at)) {
			found.set(tombstone.id, tombstone);
		}
	}
	return found;
}

/** The account with the origins of both and, of a HOTP key, the larger counter: a smaller one was used already. */
function united(account: Account, here: Account, there: Draft): Account {
	const origins = [...new Set([...here.origins, ...there.origins ?? []])].sort();
	if (account.type !== "hotp" || here.type !== "hotp" || there.type !== "hotp") {
		return { ...account, origins };
	}
	return { ...account, origins, counter: Math.max(here.counter ?? 0, there.counter ?? 0) };
}

function preset(draft: Draft, existing: Account): Conflict["preset"] {
	if (draft.createdAt === undefined || Date.parse(draft.createdAt) === Date.parse(existing.createdAt)) {
		return null;
	}
	return isLater(draft.createdAt, existing.createdAt) ? "replace" : "skip";
}

function isLater(a: string | undefined, b: string): boolean {
	return a !== undefined && Date.parse(a) > Date.parse(b);
}

function line(draft: Draft, outcome: Outcome, id = ""): Line {
	return { issuer: draft.issuer, account: draft.account, outcome, id };
}
