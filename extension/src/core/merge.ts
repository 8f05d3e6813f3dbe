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

/** Whether two accounts make the same codes. */
export function sameKey(a: Draft, b: Draft): boolean {
	return a.type === b.type && a.secret === b.secret && a.algorithm === b.algorithm && a.digits === b.digits && a.period === b.period;
}

/** Whether two accounts have the same type, issuer and account, however they are written. */
export function sameName(a: Draft, b: Draft): boolean {
	return a.type === b.type && fold(a.issuer) === fold(b.issuer) && fold(a.account) === fold(b.account);
}

class Merge {
	private plain: Plain;
	private readonly conflicts: Conflict[] = [];
	/** Accounts that the file does not have either: the only ones that a name can conflict with. */
	private readonly unknownThere: Set<string>;

	constructor(here: Plain, private readonly incoming: Incoming, private readonly now: Date, private readonly newId: () => string) {
		this.plain = prune(here, now);
		this.unknownThere = new Set(here.accounts.map(({ id }) => id));
	}

	run(): Merged {
		const binned = this.bury();
		for (const account of this.plain.accounts) {
			if (this.incoming.drafts.some((draft) => draft.id === account.id || sameKey(draft, account))) {
				this.unknownThere.delete(account.id);
			}
		}
		const lines = this.incoming.drafts.map((draft, index) => this.take(draft, index));
		this.keepTombstones();
		return { plain: this.plain, lines, conflicts: this.conflicts, binned };
	}

	/** Rule 4, second half, first: who deleted an account there is not asked about it here. */
	private bury(): Account[] {
		const alive = new Set(this.incoming.drafts.map(({ id }) => id));
		const buried = this.plain.accounts.filter((account) =>
			!alive.has(account.id) && this.incoming.deleted?.some(({ id, at }) => id === account.id && isLater(at, account.updatedAt)));
		for (const { id } of buried) {
			this.plain = remove(this.plain, id, this.now);
		}
		return buried;
	}

	private take(draft: Draft, index: number): Line {
		const same = this.plain.accounts.find(({ id }) => id === draft.id);
		if (same) {
			return this.update(same, draft);
		}
		const twin = this.plain.accounts.find((account) => sameKey(account, draft));
		if (twin) {
			return this.unite(twin, draft);
		}
		const rival = this.rivalOf(draft);
		if (rival) {
			return this.decide(rival, draft, index);
		}
		const tombstone = this.plain.deleted.find(({ id }) => id === draft.id);
		if (tombstone && !isLater(draft.updatedAt, tombstone.at)) {
			return line(draft, "deleted");
		}
		return this.add(draft);
	}

	/** Rule 1: the newer wins as a whole. */
	private update(same: Account, draft: Draft): Line {
		const newer = isLater(draft.updatedAt, same.updatedAt);
		if (newer && !sameKey(same, draft)) {
			this.bin(same);
		}
		this.put(same, united(newer ? fromDraft(draft, same.id, this.now) : same, same, draft));
		return line(draft, newer ? "replaced" : "same", same.id);
	}

	/**
	 * Rule 2: one key under two ids; the smaller stays, so that two browsers come to the same. So does
	 * the later time: else the same file would seem newer the second time, under the id that it gave.
	 */
	private unite(twin: Account, draft: Draft): Line {
		const id = draft.id !== undefined && draft.id < twin.id ? draft.id : twin.id;
		const updatedAt = draft.updatedAt !== undefined && isLater(draft.updatedAt, twin.updatedAt) ? draft.updatedAt : twin.updatedAt;
		this.put(twin, { ...united(twin, twin, draft), id, updatedAt });
		this.moveOffset(twin.id, id);
		return line(draft, "same", id);
	}

	/** Rule 3: one name, two keys. What is replaced is no deletion: other browsers are asked for themselves. */
	private decide(existing: Account, draft: Draft, index: number): Line {
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
		this.put(existing, account);
		this.bin(existing);
		return { ...line(draft, "replaced", account.id), replaced: existing.id };
	}

	private rivalOf(draft: Draft): Account | undefined {
		return this.plain.accounts
			.filter((account) => this.unknownThere.has(account.id) && sameName(account, draft))
			.reduce<Account | undefined>((newest, each) => (newest && !isLater(each.createdAt, newest.createdAt) ? newest : each), undefined);
	}

	private add(draft: Draft): Line {
		const account = fromDraft(draft, this.newId(), this.now);
		this.plain = { ...this.plain, accounts: [...this.plain.accounts, account] };
		return line(draft, "added", account.id);
	}

	private put(old: Account, account: Account): void {
		this.plain = { ...this.plain, accounts: this.plain.accounts.map((each) => (each === old ? account : each)) };
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

	/** Both lists, each id once with its latest time, without those that live here. */
	private keepTombstones(): void {
		const alive = new Set(this.plain.accounts.map(({ id }) => id));
		const latest = new Map<string, Tombstone>();
		for (const tombstone of [...this.plain.deleted, ...this.incoming.deleted ?? []]) {
			const known = latest.get(tombstone.id);
			if (!alive.has(tombstone.id) && (!known || isLater(tombstone.at, known.at))) {
				latest.set(tombstone.id, tombstone);
			}
		}
		this.plain = prune({ ...this.plain, deleted: [...latest.values()] }, this.now);
	}
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
