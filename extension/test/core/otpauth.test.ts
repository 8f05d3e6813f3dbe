import assert from "node:assert/strict";
import { test } from "node:test";
import { otp, otpauth } from "../../src/core/index";
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
