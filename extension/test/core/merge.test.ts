import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, accounts, type Draft, kdfs, merge, native, type Plain, vault } from "../../src/core/index";
import { randomAccount } from "./account";
import { type Seeded, seeded } from "./random";

const now = new Date("2026-06-01T00:00:00Z");
const day = 86_400_000;
const [early, middle, late] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"];
const [key1, key2, key3] = ["JBSWY3DPEHPK3PXP", "GEZDGNBVGY3TQOJQ", "KRSXG5CTMVRXEZLU"];
const [id1, id2, id3] = ["1", "2", "3"].map((n) => `00000000-0000-4000-8000-00000000000${n}`) as [string, string, string];

function account(changes: Partial<Account> = {}): Account {
	return {
		id: id1, type: "totp", issuer: "Miyako", account: "sps00001", secret: key1, algorithm: "SHA1", digits: 6, period: 30,
		origins: [], createdAt: early, updatedAt: early, ...changes,
	};
}

function plain(...list: Account[]): Plain {
	return { ...vault.empty("here", now), accounts: list };
}

/** An account whose name no other has. */
function unique(random: Seeded): Account {
	const some = randomAccount(random);
	return { ...some, account: `account ${some.id}` };
}

function ids(): () => string {
	let n = 0;
	return () => `00000000-0000-4000-9000-${String(n++).padStart(12, "0")}`;
}

function into(here: Plain, drafts: Draft[], rest: Partial<merge.Incoming> = {}): merge.Merged {
	const before = structuredClone(here);
	const merged = merge.merge(here, { drafts, ...rest }, now, ids());
	assert.deepEqual(here, before, "the vault given is not changed");
	assert.equal(merged.lines.length, drafts.length, "a line for each incoming account");
	return merged;
}

function outcomes({ lines }: merge.Merged): string[] {
	return lines.map(({ outcome }) => outcome);
}

test("rule 1: the same id, the newer wins as a whole", () => {
	const newer = account({ issuer: "New", note: "n", updatedAt: late, "x-future": 1 });
	const merged = into(plain(account({ note: "old" })), [newer]);
	assert.deepEqual(merged.plain.accounts, [newer]);
	assert.deepEqual(outcomes(merged), ["replaced"]);
});

test("rule 1: the same id, equal or older is the same, and nothing changes", () => {
	for (const updatedAt of [middle, early]) {
		const here = plain(account({ updatedAt: middle }));
		const merged = into(here, [account({ issuer: "Other", updatedAt })]);
		assert.deepEqual(merged.plain.accounts, here.accounts);
		assert.deepEqual(outcomes(merged), ["same"]);
	}
});

test("rule 1: the larger counter stays, whoever is newer", () => {
	const hotp = (counter: number, updatedAt: string) => {
		const { period: _, ...rest } = account({ type: "hotp", counter, updatedAt });
		return rest as Account;
	};
	for (const [here, there] of [[hotp(5, early), hotp(3, late)], [hotp(3, late), hotp(5, early)], [hotp(3, early), hotp(5, early)]]) {
		assert.equal(into(plain(here as Account), [there as Account]).plain.accounts[0]?.counter, 5);
	}
});

test("rule 1: the origins of both are kept, whoever is newer", () => {
	for (const [here, there] of [[early, late], [late, early]]) {
		const merged = into(plain(account({ origins: ["https://b.example"], updatedAt: here as string })),
			[account({ origins: ["https://a.example"], updatedAt: there as string })]);
		assert.deepEqual(merged.plain.accounts[0]?.origins, ["https://a.example", "https://b.example"]);
	}
});

test("rule 1: a key that is replaced under its id lies in the bin", () => {
	const old = account();
	const merged = into(plain(old), [account({ secret: key2, updatedAt: late })]);
	assert.deepEqual(merged.plain.local?.bin, [{ account: old, at: now.toISOString() }]);
});

test("rule 2: the same key under another id is the same; the smaller id stays, with its offset", () => {
	const here = { ...plain(account({ id: id2, origins: ["https://a.example"] })), local: { offsets: { [id2]: -7 } } };
	const merged = into(here, [account({ id: id1, issuer: "Other", origins: ["https://b.example"], updatedAt: late })]);
	assert.deepEqual(merged.plain.accounts, [account({ id: id1, origins: ["https://a.example", "https://b.example"], updatedAt: late })]);
	assert.deepEqual(merged.plain.local?.offsets, { [id1]: -7 });
	assert.deepEqual(merged.lines, [{ issuer: "Other", account: "sps00001", outcome: "same", id: id1 }]);
	assert.deepEqual(into(plain(account({ id: id1 })), [account({ id: id2 })]).plain.accounts, [account({ id: id1 })]);
});

test("rule 2: an account without id, as from a QR code, is the same as the one that is here", () => {
	const { id: _, createdAt: __, updatedAt: ___, ...draft } = account({ origins: ["https://a.example"] });
	const merged = into(plain(account({ id: id2 })), [draft]);
	assert.deepEqual(merged.plain.accounts, [account({ id: id2, origins: ["https://a.example"] })]);
	assert.deepEqual(outcomes(merged), ["same"]);
});

test("rule 2: type, secret, algorithm, digits and period make the key", () => {
	const others: Partial<Account>[] = [{ type: "steam" }, { secret: key2 }, { algorithm: "SHA256" }, { digits: 8 }, { period: 60 }];
	for (const change of others) {
		const merged = into(plain(account()), [account({ id: id2, account: "other", ...change })]);
		assert.deepEqual(outcomes(merged), ["added"], JSON.stringify(change));
	}
});

test("rules 1 and 2: an id or key that an account lost to one of a file is no longer its own for the next", () => {
	const other = { account: "other", updatedAt: late };
	const lostID = into(plain(account({ id: id2 })), [account({ id: id1 }), account({ id: id2, secret: key2, ...other })]);
	assert.deepEqual(outcomes(lostID), ["same", "added"]);
	const lostKey = into(plain(account()), [account({ secret: key2, updatedAt: late }), account({ id: id3, ...other })]);
	assert.deepEqual(outcomes(lostKey), ["replaced", "added"]);
});

test("rule 3: the same name with another key is asked, and until then nothing is done", () => {
	const here = plain(account());
	const there = account({ id: id2, issuer: "ｍｉｙａｋｏ", account: "SPS00001", secret: key2 });
	const merged = into(here, [there, account({ id: id3, account: "other", secret: key3 })]);
	assert.deepEqual(merged.conflicts, [{ index: 0, incoming: there, existing: here.accounts[0], preset: null }]);
	assert.deepEqual(outcomes(merged), ["asked", "added"]);
	assert.deepEqual(into(here, [account({ id: id2, type: "steam", secret: key2 })]).conflicts, [], "another type is another name");
});

test("rule 3: the newer createdAt is the first choice; none without a date", () => {
	const presetFor = (there: Partial<Account>, here = middle) =>
		into(plain(account({ createdAt: here })), [account({ id: id2, secret: key2, ...there })]).conflicts[0]?.preset;
	assert.equal(presetFor({ createdAt: late }), "replace");
	assert.equal(presetFor({ createdAt: early }), "skip");
	assert.equal(presetFor({ createdAt: middle }), null);
	const { createdAt: _, ...undated } = account({ id: id2, secret: key2 }) as Draft;
	assert.equal(into(plain(account()), [undated]).conflicts[0]?.preset, null);
});

test("rule 3: replace puts the new one in the old one's place and the old one in the bin", () => {
	const [first, old, last] = [account({ id: id3, account: "a", secret: key3 }), account(), account({ id: "z", account: "z", secret: "MZXW6YTBOI" })];
	const there = account({ id: id2, secret: key2 });
	const merged = into(plain(first, old, last), [there], { answers: new Map([[0, "replace"]]) });
	assert.deepEqual(merged.plain.accounts, [first, there, last]);
	assert.deepEqual(merged.plain.local?.bin, [{ account: old, at: now.toISOString() }]);
	assert.deepEqual(merged.plain.deleted, [], "other browsers are asked for themselves");
	assert.deepEqual(merged.lines, [{ issuer: "Miyako", account: "sps00001", outcome: "replaced", id: id2, replaced: id1 }]);
	const undone = merge.undo(merged.plain, merged.lines[0] as merge.Line, now);
	assert.deepEqual(undone.accounts, [first, last, { ...old, updatedAt: now.toISOString() }]);
	assert.deepEqual(undone.local?.bin, []);
});

test("rule 3: keep both, or skip", () => {
	const there = account({ id: id2, secret: key2 });
	const kept = into(plain(account()), [there], { answers: new Map([[0, "keep"]]) });
	assert.deepEqual(kept.plain.accounts, [account(), there]);
	assert.deepEqual(outcomes(kept), ["added"]);
	const skipped = into(plain(account()), [there], { answers: new Map([[0, "skip"]]) });
	assert.deepEqual(skipped.plain.accounts, [account()]);
	assert.deepEqual(outcomes(skipped), ["skipped"]);
});

test("rule 3: two of one name that a file holds both are not asked about", () => {
	const both = [account(), account({ id: id2, secret: key2 })];
	assert.deepEqual(outcomes(into(plain(), both)), ["added", "added"]);
	assert.deepEqual(outcomes(into(plain(account()), both)), ["same", "added"]);
	const changed = account({ secret: key3, updatedAt: late });
	assert.deepEqual(outcomes(into(plain(account()), [changed, both[1] as Account])), ["replaced", "added"], "by its id");
	assert.deepEqual(outcomes(into(plain(account()), [account({ id: id3 }), both[1] as Account])), ["same", "added"], "by its key");
});

test("rule 3: of two rivals the one made last is asked about", () => {
	const rivals = [account({ createdAt: middle }), account({ id: id2, secret: key2, createdAt: late }), account({ id: "x", secret: "MZXW6YTBOI" })];
	assert.equal(into(plain(...rivals), [account({ id: id3, secret: key3 })]).conflicts[0]?.existing.id, id2);
});

test("rule 3: what was replaced by one of a file is no rival of the next", () => {
	const file = [account({ id: id2, secret: key2 }), account({ id: id3, secret: key3 })];
	const merged = into(plain(account()), file, { answers: new Map([[0, "replace"], [1, "replace"]]) });
	assert.deepEqual(outcomes(merged), ["replaced", "added"]);
	assert.deepEqual(merged.plain.accounts, file);
});

test("rule 4: what was deleted here at or after its last change does not come back", () => {
	const here = accounts.remove(plain(account()), id1, new Date(middle));
	for (const updatedAt of [early, middle]) {
		const merged = into(here, [account({ updatedAt })]);
		assert.deepEqual(merged.plain.accounts, []);
		assert.deepEqual(outcomes(merged), ["deleted"]);
		assert.equal(merged.plain.deleted.length, 1);
	}
	const changedLater = into(here, [account({ updatedAt: late })]);
	assert.deepEqual(outcomes(changedLater), ["added"]);
	assert.deepEqual(changedLater.plain.deleted, [], "it lives, so its tombstone goes");
});

test("rule 4: what was deleted there after its last change here goes to the bin", () => {
	const here = plain(account({ updatedAt: middle }), account({ id: id2, account: "b", secret: key2 }));
	const merged = into(here, [], { deleted: [{ id: id1, at: late }] });
	assert.deepEqual(merged.binned.map(({ id }) => id), [id1]);
	assert.deepEqual(merged.plain.accounts.map(({ id }) => id), [id2]);
	assert.deepEqual(merged.plain.local?.bin?.map(({ account }) => account.id), [id1]);
	assert.equal(merged.plain.deleted.length, 1);
	for (const at of [early, middle]) {
		assert.deepEqual(into(here, [], { deleted: [{ id: id1, at }] }).plain.accounts, here.accounts, at);
	}
	const twice = into(here, [], { deleted: [{ id: id1, at: late }, { id: id1, at: early }] });
	assert.deepEqual(twice.binned.map(({ id }) => id), [id1], "of two tombstones the later counts");
});

test("rule 4: a tombstone of what lives in its own file buries nothing", () => {
	const merged = into(plain(account()), [account()], { deleted: [{ id: id1, at: late }] });
	assert.deepEqual(outcomes(merged), ["same"]);
	assert.deepEqual([merged.binned, merged.plain.deleted, merged.plain.accounts], [[], [], [account()]]);
});

test("rule 4: tombstones of both are kept, each with its latest time", () => {
	const here = { ...plain(), deleted: [{ id: id1, at: middle }, { id: id2, at: middle, "x-future": 1 }] };
	const merged = into(here, [], { deleted: [{ id: id1, at: late }, { id: id2, at: early }, { id: id3, at: early }] });
	assert.deepEqual(merged.plain.deleted, [{ id: id1, at: late }, { id: id2, at: middle, "x-future": 1 }, { id: id3, at: early }]);
});

test("rule 5: what is new is added behind the others, an account without dates as of now", () => {
	const merged = into(plain(account()), [{ type: "totp", issuer: "", account: "b", secret: key2, algorithm: "SHA1", digits: 6, period: 30 }]);
	assert.deepEqual(merged.plain.accounts[1], account({
		id: "00000000-0000-4000-9000-000000000000", issuer: "", account: "b", secret: key2, createdAt: now.toISOString(), updatedAt: now.toISOString(),
	}));
	assert.deepEqual(merge.undo(merged.plain, merged.lines[0] as merge.Line, now), plain(account()));
});

test("the sums count what was added, replaced, the same and failed, and nothing else", () => {
	const line = (outcome: merge.Outcome): merge.Line => ({ issuer: "", account: "", outcome, id: "" });
	const lines = (["added", "added", "replaced", "same", "deleted", "skipped", "asked"] as const).map(line);
	const failure = { at: 1, issuer: "", account: "", code: "secret", detail: "" } as const;
	assert.deepEqual(merge.sums(lines, [failure]), { added: 2, replaced: 1, same: 1, failed: 1 });
});

test("the same file a second time is only the same and changes nothing", () => {
	const random = seeded("twice");
	const here = plain(...Array.from({ length: 10 }, () => unique(random)));
	const twin = { ...here.accounts[4], id: id1, updatedAt: "2027-01-01T00:00:00Z" } as Account;
	const file = [...here.accounts.slice(0, 3), twin, ...Array.from({ length: 10 }, () => unique(random))];
	const deleted = [{ id: here.accounts[5]?.id as string, at: late }];
	const first = into(here, file, { deleted });
	const second = into(first.plain, file, { deleted });
	assert.ok(outcomes(second).every((outcome) => outcome === "same"));
	assert.deepEqual(second.plain, first.plain);
});

test("an export read back into the same vault is only the same, unknown members and all", async () => {
	const here = { ...plain(account({ "x-future": { a: [1] }, note: "n" })), deleted: [{ id: id2, at: late, "x-why": "y" }], "x-later": true };
	const random = seeded("back").bytes;
	const file = await native.seal(here, "eight letters", { kdfs, random, alg: "pbkdf2-sha256" });
	const found = await native.read(file, "eight letters", kdfs);
	const merged = merge.merge(here, found, now, ids());
	assert.deepEqual(outcomes(merged), ["same"]);
	assert.deepEqual(merged.plain, here);
});

test("two browsers come to the same accounts after one exchange each way", () => {
	const random = seeded("converge");
	const between = ["2025-12-31T00:00:00Z", "2026-01-15T00:00:00Z", "2026-02-15T00:00:00Z", "2026-03-15T00:00:00Z"];
	for (let round = 0; round < 200; round++) {
		const shared = Array.from({ length: 4 }, () => unique(random));
		const variant = (each: Account): Account => ({
			...each,
			...random.of([{}, { issuer: random.text(5), updatedAt: random.of([early, middle, late]) }, { id: randomAccount(random).id }]),
			...(each.type === "hotp" ? { counter: random.below(100) } : {}),
			origins: random.of([[], ["https://a.example"], ["https://b.example"]]),
		});
		const side = (): Plain => {
			const full = plain(...shared.filter(() => random.below(4) > 0).map(variant), unique(random));
			return random.below(2) === 0 ? full : accounts.remove(full, full.accounts[0]?.id as string, new Date(random.of(between)));
		};
		const a = side();
		const atB = merge.merge(side(), { drafts: a.accounts, deleted: a.deleted }, now, ids());
		const atA = merge.merge(a, { drafts: atB.plain.accounts, deleted: atB.plain.deleted }, now, ids());
		assert.deepEqual([...atA.conflicts, ...atB.conflicts], []);
		const codes = ({ accounts }: Plain) => accounts.map(({ id, secret, counter, origins }) => ({ id, secret, counter, origins }))
			.sort((x, y) => (x.id < y.id ? -1 : 1));
		assert.deepEqual(codes(atA.plain), codes(atB.plain), `round ${round}`);
	}
});

test("set up again in one browser, then exported and imported: the other is offered the new key first", () => {
	const old = account({ createdAt: early });
	const anew = account({ id: id2, secret: key2, createdAt: late, updatedAt: late });
	const inA = into(plain(old), [anew], { answers: new Map([[0, "replace"]]) }).plain;
	const asked = into(plain(old), inA.accounts, { deleted: inA.deleted });
	assert.deepEqual(asked.conflicts.map(({ preset }) => preset), ["replace"]);
	const inB = into(plain(old), inA.accounts, { deleted: inA.deleted, answers: new Map([[0, "replace"]]) });
	assert.deepEqual(inB.plain.accounts, [anew]);
	const back = into(inA, inB.plain.accounts, { deleted: inB.plain.deleted });
	assert.deepEqual(outcomes(back), ["same"]);
	assert.deepEqual(into(inA, [old]).conflicts.map(({ preset }) => preset), ["skip"], "an old backup is not the first choice");
});

test("a merge throws away what has lain too long: 30 days in the bin, 400 as a tombstone", () => {
	const at = (days: number) => new Date(now.getTime() - days * day).toISOString();
	const here: Plain = {
		...plain(),
		deleted: [{ id: id1, at: at(400) }, { id: id2, at: at(401) }],
		local: { bin: [{ account: account(), at: at(30) }, { account: account({ id: id2 }), at: at(31) }] },
	};
	const { plain: merged } = into(here, [], { deleted: [{ id: id3, at: at(401) }] });
	assert.deepEqual(merged.deleted.map(({ id }) => id), [id1]);
	assert.deepEqual(merged.local?.bin?.map(({ account }) => account.id), [id1]);
});
