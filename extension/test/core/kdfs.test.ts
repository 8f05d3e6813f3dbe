import assert from "node:assert/strict";
import { createHash, pbkdf2Sync, scryptSync } from "node:crypto";
import { test } from "node:test";
import { kdfs } from "../../src/core/index";
import { hex, utf8 } from "../../src/core/bytes";
import { seeded } from "./random";
import { laterRefusal } from "./vectors";

test("scrypt: RFC 7914 §12", async () => {
	const derived = await kdfs.scrypt(utf8("pleaseletmein"), utf8("SodiumChloride"), { n: 16_384, r: 8, p: 1 }, 64);
	assert.equal(hex(derived), "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
});

test("scrypt, PBKDF2 and MD5 are what Node computes", async () => {
	const random = seeded("kdfs");
	for (let i = 0; i < 10; i++) {
		const [password, salt] = [random.bytes(random.below(40)), random.bytes(8 + random.below(40))];
		const cost = { n: random.of([2, 16, 1024]), r: 1 + random.below(8), p: 1 + random.below(4) };
		const expected = scryptSync(password, salt, 32, { N: cost.n, r: cost.r, p: cost.p });
		assert.equal(hex(await kdfs.scrypt(password, salt, cost, 32)), expected.toString("hex"));
		const rounds = 1 + random.below(1000);
		assert.equal(hex(await kdfs.pbkdf2Sha256(password, salt, rounds, 32)), pbkdf2Sync(password, salt, rounds, 32, "sha256").toString("hex"));
		assert.equal(hex(await kdfs.md5(password)), createHash("md5").update(password).digest("hex"));
	}
});

test("what cannot be computed is a refusal: no passphrase, a short salt, more memory than there is", async () => {
	const some = utf8("12345678");
	const argon2id = { m: 8192, t: 1, p: 1 };
	assert.equal(await laterRefusal(kdfs.argon2id(utf8(""), some, argon2id, 32)), "passphrase");
	assert.equal(await laterRefusal(kdfs.argon2id(some, utf8("1234567"), argon2id, 32)), "limits");
	assert.equal(await laterRefusal(kdfs.scrypt(some, some, { n: 1 << 20, r: 16, p: 1 }, 32)), "limits");
});
