import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account } from "../../src/core/index";
import { validate } from "../../src/core/validate";
import { refusal } from "./vectors";

const id = "5c9f0d3e-6f0e-4a57-9d0e-0d6b1c9a7a11";
const at = "2026-01-01T00:00:00.5Z";
const good: Account = {
	id, type: "totp", issuer: "Miyako", account: "sps00001", secret: "JBSWY3DPEHPK3PXP", algorithm: "SHA1", digits: 6, period: 30,
	origins: ["https://sso.miyako.example"], note: "n", createdAt: at, updatedAt: at,
};

function whole(changes: object): object {
	return { v: 1, exportedAt: at, device: "", accounts: [good], deleted: [{ id, at }], ...changes };
}

function withAccount(changes: object): object {
	return whole({ accounts: [{ ...good, ...changes }] });
}

function refused(value: unknown, code: string | undefined, why: string): void {
	assert.equal(refusal(() => validate(JSON.parse(JSON.stringify(value)))), code, why);
}

test("what follows every rule is taken, each bound included", () => {
	refused(whole({ local: { offsets: { [id]: -7 }, bin: [{ account: good, at, "x-why": 1 }], lastExportAt: at, "x-more": 1 } }), undefined, "whole");
	for (const changes of [{ digits: 5 }, { digits: 10 }, { period: 1 }, { period: 3600 }, { type: "steam" }, { note: undefined }, { issuer: "" }]) {
		refused(withAccount(changes), undefined, JSON.stringify(changes));
	}
	for (const counter of [0, Number.MAX_SAFE_INTEGER]) {
		refused(withAccount({ type: "hotp", counter, period: undefined }), undefined, `${counter}`);
	}
});

test("each member of an account is held to its rule", () => {
	const broken: Record<string, unknown[]> = {
		id: ["", id.toUpperCase(), `${id}0`, `x${id.slice(1)}`],
		type: ["TOTP", "motp", null],
		issuer: [1, null],
		account: [undefined, []],
		secret: ["", "jbswy3dpehpk3pxp", "JBSWY3DPEHPK3PX=", "JBSWY3DPEB", "A".repeat(207), 1],
		algorithm: ["sha1", "MD5"],
		digits: [4, 11, 6.5, "6"],
		period: [0, 3601, 1.5, undefined],
		origins: [undefined, "https://a.example", [1], ["https://a.example/"], ["a.example"]],
		note: [1, null],
		createdAt: ["2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00", "2026-13-01T00:00:00Z", 1],
		updatedAt: [undefined, ""],
	};
	for (const [member, values] of Object.entries(broken)) {
		for (const value of values) {
			refused(withAccount({ [member]: value }), "format", `${member}: ${value}`);
		}
	}
	for (const counter of [-1, 2 ** 53, 0.5, undefined]) {
		refused(withAccount({ type: "hotp", counter }), "format", `counter: ${counter}`);
	}
});

test("half a character is no text", () => {
	assert.equal(refusal(() => validate(withAccount({ issuer: "\ud800" }))), "format");
	assert.equal(refusal(() => validate(whole({ device: "\udc00x" }))), "format");
});

test("each member beside the accounts is held to its rule", () => {
	const broken: Record<string, unknown[]> = {
		exportedAt: [undefined, "yesterday"],
		device: [undefined, 1],
		accounts: [undefined, {}, [1], [good, good]],
		deleted: [undefined, [{ id }], [{ id: "x", at }], [null]],
		local: [null, [], { offsets: [] }, { offsets: { [id]: 0.5 } }, { bin: {} }, { bin: [{ account: good }] }, { bin: [{ at }] }, { lastExportAt: "x" }],
		v: [undefined, "1", null],
	};
	for (const [member, values] of Object.entries(broken)) {
		for (const value of values) {
			refused(whole({ [member]: value }), "format", `${member}: ${JSON.stringify(value)}`);
		}
	}
	refused(whole({ v: 2 }), "unsupported", "v");
	refused([], "format", "an array");
});
