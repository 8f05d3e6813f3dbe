import assert from "node:assert/strict";
import { test } from "node:test";
import { authext, kdfs, migration, text } from "../../src/core/index";
import * as aegis from "../../src/core/formats/aegis";
import { maxSealed } from "../../src/core/formats/authext";
import { maxEntries } from "../../src/core/formats/entry";
import { laterRefusal, refusal } from "./vectors";

test("a text of as many lines as are read is read, one more is not", () => {
	const line = "otpauth://totp/a?secret=JBSWY3DP";
	assert.equal(text.read(Array(maxEntries).fill(line).join("\n")).drafts.length, maxEntries);
	assert.equal(refusal(() => text.read(Array(maxEntries + 1).fill(line).join("\n"))), "limits");
});

test("a file of as many entries as are read is read, one more is not", async () => {
	const file = (length: number) => ({ version: 1, header: {}, db: { version: 3, entries: Array(length).fill({}) } });
	assert.equal((await aegis.read(file(maxEntries), "", kdfs)).failures.length, maxEntries);
	assert.equal(await laterRefusal(aegis.read(file(maxEntries + 1), "", kdfs)), "limits");
});

test("a migration of 64 KiB is read, one more character is not", () => {
	const [head, rest] = ["otpauth-migration://offline?data=EAE&x=", migration.maxLength];
	assert.equal(refusal(() => migration.read(head + "x".repeat(rest - head.length))), undefined);
	assert.equal(refusal(() => migration.read(head + "x".repeat(rest - head.length + 1))), "length");
});

test("a backup of as many encrypted entries as are read is read, one more is not", async () => {
	const file = (length: number) => Object.fromEntries(Array.from({ length }, (_, i) =>
		[`${i}`, { dataType: "OTPStorage", encrypted: true, secret: "not sealed" }]));
	assert.equal((await authext.read(file(maxSealed), "x", kdfs)).failures.length, maxSealed);
	assert.equal(await laterRefusal(authext.read(file(maxSealed + 1), "x", kdfs)), "limits");
});
