import assert from "node:assert/strict";
import { test } from "node:test";
import { readPageRequest } from "../../src/messages";
import { firstCode, offered } from "../../src/offer";
import { isSignOn } from "../../src/sites";
import { grouped } from "../../src/ticker";

const n = "0123456789abcdef";
const good = { v: 1, to: "warifu-authenticator", n };
const uri = "otpauth://totp/Miyako%20Login:sps00001?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Miyako%20Login";

test("what a page says is read if it is of the protocol", () => {
	assert.deepEqual(readPageRequest({ ...good, op: "hello" }), { op: "hello", n });
	for (const reason of ["first", "added", "initialised"]) {
		assert.deepEqual(readPageRequest({ ...good, op: "enrol", uri, reason }), { op: "enrol", n, uri, reason });
	}
});

test("whatever else a page says is not heard", () => {
	for (const said of [
		null, undefined, "hello", 1, [], {}, { ...good, v: 2, op: "hello" }, { ...good, v: "1", op: "hello" }, { ...good, to: "another", op: "hello" },
		{ ...good, n: "0123456789abcde", op: "hello" }, { ...good, n: "x".repeat(65), op: "hello" }, { ...good, n: `${n}_`, op: "hello" },
		{ ...good, n: [n], op: "hello" }, { ...good, op: "list" }, { ...good, op: "code" }, good,
	]) {
		assert.equal(readPageRequest(said), undefined, JSON.stringify(said));
	}
});

test("a request to enrol that is wrong is answered, hence read as one without an account", () => {
	for (const more of [{}, { uri }, { uri, reason: "other" }, { uri: 1, reason: "first" }, { reason: "first" }]) {
		assert.deepEqual(readPageRequest({ ...good, op: "enrol", ...more }), { op: "enrol", n, uri: "", reason: "first" });
	}
	assert.equal(offered(""), undefined);
});

test("only a time-based account can be handed over", () => {
	assert.equal(offered(uri)?.account, "sps00001");
	for (const other of [uri.replace("totp", "hotp"), uri.replace("totp", "steam"), uri.replace("otpauth", "https"), `${uri}&secret=A`]) {
		assert.equal(offered(other), undefined, other);
	}
});

test("the code that a page is given may be filled in until 25 s after its step", async () => {
	const draft = offered(uri);
	assert.ok(draft);
	for (const [now, until] of [[0, 55_000], [29_999, 55_000], [30_000, 85_000], [1_700_000_000_000, 1_700_000_035_000]] as const) {
		const answer = await firstCode(draft, now);
		assert.ok(answer.ok);
		assert.equal(answer.validUntil, until);
		assert.match(answer.code, /^[0-9]{6}$/);
	}
});

test("the sign-on is the origins of the build, exactly", () => {
	Object.assign(globalThis, { BUILD_SITES: { origins: ["https://sso.miyako.example", "https://idp.miyako.example:8443"], loopback: false } });
	for (const origin of ["https://sso.miyako.example", "https://idp.miyako.example:8443"]) {
		assert.equal(isSignOn(origin), true, origin);
	}
	for (const origin of ["http://sso.miyako.example", "https://sso.miyako.example:444", "https://idp.miyako.example", "https://www.sso.miyako.example",
		"https://sso.miyako.example.", "https://sso.miyako.example.evil.example", "http://localhost:8080", "null"]) {
		assert.equal(isSignOn(origin), false, origin);
	}
});

test("in the demonstration it is every port of loopback, by http", () => {
	Object.assign(globalThis, { BUILD_SITES: { origins: [], loopback: true } });
	for (const origin of ["http://localhost:8080", "http://127.0.0.1:1", "http://localhost"]) {
		assert.equal(isSignOn(origin), true, origin);
	}
	for (const origin of ["https://localhost:8080", "http://127.0.0.2", "http://localhost.evil.example", "http://a.localhost", "https://sso.miyako.example"]) {
		assert.equal(isSignOn(origin), false, origin);
	}
});

test("a code is shown in two groups", () => {
	assert.deepEqual(["12345", "123456", "1234567", "12345678", "R2D2C"].map(grouped), ["12345", "123 456", "1234 567", "1234 5678", "R2D2C"]);
});
