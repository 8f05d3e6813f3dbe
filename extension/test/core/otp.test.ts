import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { type Algorithm, base32, type Draft, otp } from "../../src/core/index";
import { seeded } from "./random";
import { vectors } from "./vectors";

const rfc4226 = vectors("rfc4226");
const rfc6238 = vectors("rfc6238");

function draft(changes: Partial<Draft>): Draft {
	return { type: "totp", issuer: "", account: "", secret: "", algorithm: "SHA1", digits: 6, period: 30, ...changes };
}

test("RFC 4226 Appendix D: ten counters, and larger ones", async () => {
	for (const { counter, code } of rfc4226.cases) {
		const account = draft({ type: "hotp", secret: rfc4226.secret.base32, counter });
		assert.equal(await otp.code(account, 0), code, `counter ${counter}`);
	}
	for (const { why, secret = rfc4226.secret.base32, counter, algorithm = "SHA1", digits = 6, code } of rfc4226.more) {
		assert.equal(await otp.code(draft({ type: "hotp", secret, counter, algorithm, digits }), 0), code, why);
	}
});

test("RFC 6238 Appendix B: each algorithm with its own seed", async () => {
	for (const row of rfc6238.cases) {
		for (const algorithm of ["SHA1", "SHA256", "SHA512"] as Algorithm[]) {
			const account = draft({ secret: rfc6238.secrets[algorithm].base32, algorithm, digits: 8 });
			assert.equal(await otp.code(account, row.time * 1000), row[algorithm], `${algorithm} at ${row.time}`);
			assert.equal(otp.step(row.time * 1000, 30), Number.parseInt(row.counterHex, 16));
		}
	}
	for (const { why, secret, algorithm, digits, period, time, code } of rfc6238.more) {
		assert.equal(await otp.code(draft({ secret, algorithm, digits, period }), time * 1000), code, `${why} at ${time}`);
	}
});

test("a step is never rounded: it lasts to its last millisecond", () => {
	assert.equal(otp.step(29_999, 30), 0);
	assert.equal(otp.step(30_000, 30), 1);
	assert.equal(otp.step(59_999, 30), 1);
	assert.equal(otp.step(-1, 30), -1);
	assert.equal(otp.remaining(29_999, 30), 1);
	assert.equal(otp.remaining(30_000, 30), 30_000);
	assert.equal(otp.remaining(30_001, 45), 14_999);
});

test("the next code is that of the next step or counter", async () => {
	const totp = draft({ secret: rfc6238.secrets.SHA1.base32 });
	assert.equal(await otp.next(totp, 59_000), await otp.code(totp, 60_000));
	const hotp = draft({ type: "hotp", secret: rfc4226.secret.base32, counter: 3 });
	assert.equal(await otp.next(hotp, 0), rfc4226.cases[4].code);
});

test("a hundred random keys have the codes that oathtool computes", async () => {
	const random = seeded("oathtool");
	for (let i = 0; i < 100; i++) {
		const secret = base32.encode(random.bytes(1 + random.below(64)));
		const algorithm = random.of<Algorithm>(["SHA1", "SHA256", "SHA512"]);
		const digits = 6 + random.below(3);
		const period = random.of([15, 30, 45, 60]);
		const time = random.below(4_000_000_000);
		const args = [`--totp=${algorithm}`, "--base32", `--digits=${digits}`, `--time-step-size=${period}s`, `--now=@${time}`, secret];
		const account = draft({ secret, algorithm, digits, period });
		assert.equal(await otp.code(account, time * 1000), execFileSync("oathtool", args, { encoding: "utf8" }).trim(), args.join(" "));
	}
});
