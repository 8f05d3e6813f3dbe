import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, otp, otpauth } from "../../src/core/index";
import { randomAccount } from "./account";
import { seeded } from "./random";
import { refusal, vectors } from "./vectors";

const { time, read, refuse } = vectors("otpauth-uris");

test("every URI of the vectors is read as the account that it means", () => {
	for (const { name, uri, account } of read) {
		assert.deepEqual(otpauth.read(uri), account, name);
	}
	assert.equal(read.length, 40);
});

test("every account of the vectors is written as its one URI, which reads as the same", () => {
	for (const { name, account, writes } of read) {
		assert.equal(otpauth.write(account), writes, name);
		assert.deepEqual(otpauth.read(writes), account, name);
	}
});

test("every account of the vectors has its code", async () => {
	for (const { name, account, code } of read) {
		assert.equal(await otp.code(account, time * 1000), code, name);
	}
});

test("every URI of the vectors that is to be refused is, for its reason", () => {
	for (const { name, uri, error } of refuse) {
		assert.equal(refusal(() => otpauth.read(uri)), error, name);
	}
	assert.equal(refuse.length, 31);
});

test("whatever account is written is read as the same", () => {
	const random = seeded("otpauth");
	for (let i = 0; i < 2000; i++) {
		const { type, issuer, account, secret, algorithm, digits, period, counter } = randomAccount(random);
		const moving = type === "hotp" ? { counter } : { period };
		const draft = { type, issuer, account, secret, algorithm, digits, ...moving } as Draft;
		const uri = otpauth.write(draft);
		assert.match(uri, /^otpauth:\/\/[A-Za-z0-9._~%:?=&-]*\/[A-Za-z0-9._~%:?=&-]*$/);
		assert.deepEqual(otpauth.read(uri), draft, uri);
	}
});

test("a name is written without the characters that are never shown", () => {
	const draft: Draft = { type: "totp", issuer: "a\u202eb\n", account: "\u2066c", secret: "JBSWY3DP", algorithm: "SHA1", digits: 6, period: 30 };
	assert.equal(otpauth.write(draft), "otpauth://totp/ab:c?secret=JBSWY3DP&issuer=ab&algorithm=SHA1&digits=6&period=30");
});

test("4096 bytes are read, one more is not, counted in UTF-8", () => {
	const uri = (length: number) => `otpauth://totp/a?secret=JBSWY3DP&image=${"x".repeat(length)}`;
	const fixed = uri(0).length;
	assert.equal(refusal(() => otpauth.read(uri(4096 - fixed))), undefined);
	assert.equal(refusal(() => otpauth.read(uri(4097 - fixed))), "length");
	assert.equal(refusal(() => otpauth.read(uri(4094 - fixed) + "é")), undefined);
	assert.equal(refusal(() => otpauth.read(uri(4095 - fixed) + "é")), "length");
});

test("200 characters of a name are read, one more is not, counted as code points", () => {
	const uri = (name: string, issuer = "") => `otpauth://totp/${name}?secret=JBSWY3DP&issuer=${issuer}`;
	assert.equal(otpauth.read(uri("🔑".repeat(200))).account, "🔑".repeat(200));
	assert.equal(refusal(() => otpauth.read(uri("🔑".repeat(201)))), "label");
	assert.equal(refusal(() => otpauth.read(uri("a", "x".repeat(201)))), "label");
	assert.equal(refusal(() => otpauth.read(uri(`${"x".repeat(201)}:a`))), "label");
});
