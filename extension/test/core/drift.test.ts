import assert from "node:assert/strict";
import { test } from "node:test";
import { drift, otp, type Plain, vault } from "../../src/core/index";
import { randomAccount } from "./account";
import { seeded } from "./random";

const random = seeded("drift");
const here = { ...randomAccount(random), origins: ["https://sso.miyako.example"] };
const there = { ...randomAccount(random), origins: ["https://other.example"] };
const plain: Plain = { ...vault.empty("test", new Date(0)), accounts: [here, there] };

test("a device behind the server is slow, and what passed since the answer began counts", () => {
	assert.equal(drift.drift({ server: 100_000, now: 2_500, responseStart: 500, device: 90_000 }), 12_000);
	assert.equal(drift.drift({ server: 100_000, now: 500, responseStart: 500, device: 107_000 }), -7_000);
	assert.equal(drift.judge(12_000).direction, "slow");
	assert.equal(drift.judge(-12_000).direction, "fast");
});

test("an offset is offered from 5 s, the person told from 10 s, either way", () => {
	for (const sign of [1, -1]) {
		const verdicts = [0, 4_999, 5_000, 9_999, 10_000].map((ms) => drift.judge(sign * ms));
		assert.deepEqual(verdicts.map(({ offer }) => offer), [false, false, true, true, true]);
		assert.deepEqual(verdicts.map(({ tell }) => tell), [false, false, false, false, true]);
		assert.deepEqual(verdicts.map(({ seconds }) => seconds), [0, 5, 5, 10, 10]);
	}
});

test("an offset is taken and dropped for the accounts of that origin alone", () => {
	const both = drift.takeOffset(drift.takeOffset(plain, "https://sso.miyako.example", -7_400), "https://other.example", 12_000);
	assert.deepEqual(both.local?.offsets, { [here.id]: -7, [there.id]: 12 });
	assert.deepEqual(drift.dropOffset(both, "https://sso.miyako.example").local?.offsets, { [there.id]: 12 });
	assert.equal(plain.local, undefined, "the vault given is not changed");
});

test("with the offset a slow device shows the code of the server's step", async () => {
	const server = 1_767_225_600_000;
	const device = server - 12_000;
	const account = { ...here, type: "totp" as const, period: 30 };
	assert.notEqual(otp.step(device, 30), otp.step(server, 30));
	const set = drift.takeOffset(plain, "https://sso.miyako.example", server - device);
	assert.equal(await otp.code(account, drift.timeFor(set, here.id, device)), await otp.code(account, server));
	assert.equal(drift.timeFor(set, there.id, device), device);
});
