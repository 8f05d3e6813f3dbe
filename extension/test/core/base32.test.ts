import assert from "node:assert/strict";
import { test } from "node:test";
import { base32, Refused } from "../../src/core/index";
import { seeded } from "./random";
import { refusal } from "./vectors";

test("RFC 4648 §10: the examples, without padding", () => {
	const examples = [["f", "MY"], ["fo", "MZXQ"], ["foo", "MZXW6"], ["foob", "MZXW6YQ"], ["fooba", "MZXW6YTB"], ["foobar", "MZXW6YTBOI"]];
	for (const [plain = "", encoded = ""] of examples) {
		assert.equal(base32.encode(Buffer.from(plain)), encoded);
		assert.equal(Buffer.from(base32.decode(encoded)).toString(), plain);
	}
});

test("bytes of every length come back", () => {
	const { bytes } = seeded("base32");
	for (let length = 1; length <= 128; length++) {
		const secret = bytes(length);
		assert.deepEqual(base32.decode(base32.encode(secret)), secret);
		assert.equal(base32.canonical(base32.encode(secret)), base32.encode(secret));
	}
});

test("a typed key is made canonical", () => {
	assert.equal(base32.canonical(" jbsw y3dp-ehpk\u30003pxp ===="), "JBSWY3DPEHPK3PXP");
	assert.equal(base32.canonical("JBSWY3DPEB"), "JBSWY3DPEA");
});

test("a refused key names its bad characters, each once, and what they may be", () => {
	assert.deepEqual(base32.badCharacters("0bsw y3dp 0811 ﾊ"), ["0", "8", "1", "ﾊ"]);
	assert.deepEqual(["0", "1", "8", "9"].map(base32.meant), ["O", "I", "B", undefined]);
	assert.throws(() => base32.canonical("JBSW0Y3DP81"), new Refused("secret", "0 8 1"));
	assert.deepEqual(base32.badCharacters("\u017f\u212a"), ["\u017f", "\u212a"], "letters that only folding makes S and K");
});

test("lengths that no bytes have are refused, and more than 128 bytes", () => {
	for (const length of [0, 1, 3, 6, 9, 11, 14]) {
		assert.equal(refusal(() => base32.canonical("A".repeat(length))), "secret", `${length}`);
	}
	for (const length of [2, 4, 5, 7, 8, 205]) {
		assert.equal(refusal(() => base32.canonical("A".repeat(length))), undefined, `${length}`);
	}
	assert.equal(refusal(() => base32.canonical("A".repeat(207))), "secret");
});

test("a key under ten bytes is short", () => {
	assert.equal(base32.isShort(base32.encode(new Uint8Array(9))), true);
	assert.equal(base32.isShort(base32.encode(new Uint8Array(10))), false);
});
