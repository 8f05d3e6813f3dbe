import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, origin } from "../../src/core/index";
import { randomAccount } from "./account";
import { seeded } from "./random";

const base = randomAccount(seeded("origin"));

function bound(issuer: string, ...origins: string[]): Account {
	return { ...base, issuer, origins };
}

function alike(url: string, accounts: Account[], title = "", asks = false): boolean {
	return origin.looksAlike({ url, title, asks }, accounts);
}

const miyako = [bound("みやこ大学", "https://sso.miyako.example")];

test("an origin is what a browser writes for it, and nothing else", () => {
	for (const text of ["https://sso.miyako.example", "http://localhost:8080", "https://[::1]:1", "https://xn--p8j9a0d9c9a.example"]) {
		assert.equal(origin.isOrigin(text), true, text);
	}
	const none = ["", "sso.miyako.example", "https://sso.miyako.example/", "https://sso.miyako.example:443", "HTTPS://sso.miyako.example",
		"https://SSO.miyako.example", "https://a@sso.miyako.example", "https://みやこ.example", "file:///", "null", "data:,", "https://", "https://a b"];
	for (const text of none) {
		assert.equal(origin.isOrigin(text), false, text);
	}
});

test("an account may be bound to https, or to http on loopback", () => {
	for (const text of ["https://sso.miyako.example", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:8080"]) {
		assert.equal(origin.isBindable(text), true, text);
	}
	for (const text of ["http://sso.miyako.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "ftp://localhost", "http://127.0.0.1/"]) {
		assert.equal(origin.isBindable(text), false, text);
	}
});

test("bound is the exact origin: port, scheme, subdomain, trailing dot and name count", () => {
	assert.equal(origin.isBound(miyako[0] as Account, "https://sso.miyako.example"), true);
	const others = ["https://sso.miyako.example:8443", "http://sso.miyako.example", "https://www.sso.miyako.example", "https://miyako.example",
		"https://sso.miyako.example.", "https://sso.miyako.example.evil.example", "https://ss0.miyako.example"];
	for (const other of others) {
		assert.equal(origin.isBound(miyako[0] as Account, other), false, other);
	}
	assert.equal(origin.isBound(bound("", "http://127.0.0.1:8080"), "http://localhost:8080"), false);
});

test("a page is no look-alike on a bound host or below it, whatever the port", () => {
	for (const url of ["https://sso.miyako.example/login", "http://sso.miyako.example", "https://sso.miyako.example:8443/", "https://a.b.sso.miyako.example/"]) {
		assert.equal(alike(url, miyako, "みやこ大学", true), false, url);
	}
});

test("a look-alike holds a bound host, or is two edits from one, but not three", () => {
	const near = ["https://sso.miyako.example.evil.example/", "https://sso.miyako.example./", "https://evil-sso.miyako.example/", "https://ss0.miyako.example/",
		"https://sso.miyak0.examp1e/", "https://so.miyakko.example/", "https://sso-miyako.example/"];
	for (const url of near) {
		assert.equal(alike(url, miyako), true, url);
	}
	for (const url of ["https://ss0.m1yak0.example/", "https://miyako.example/", "https://example.com/", "about:blank", "not a URL"]) {
		assert.equal(alike(url, miyako), false, url);
	}
});

test("an xn-- label is a look-alike unless a bound host has one", () => {
	const url = "https://sso.xn--myako-p2a.example/";
	assert.equal(alike(url, [bound("", "https://login.other.example")]), true);
	assert.equal(alike(url, [bound("", "https://xn--p8j9a0d9c9a.example")]), false);
	assert.equal(alike(url, [bound("みやこ大学")]), false, "nothing is bound");
});

test("a title with a bound account's issuer counts where the page asks for a password or code", () => {
	const url = "https://somewhere.example/";
	assert.equal(alike(url, miyako, "ﾐﾔｺ みやこ大学 ログイン", true), true);
	assert.equal(alike(url, miyako, "みやこ大学 ログイン", false), false);
	assert.equal(alike(url, [bound("みやこ大学")], "みやこ大学", true), false, "the account is bound to nothing");
	assert.equal(alike(url, [bound("", "https://sso.miyako.example")], "anything", true), false, "no issuer");
	assert.equal(alike(url, [bound("Miyako", "https://sso.miyako.example")], "ＭＩＹＡＫＯ login", true), true);
});
