import assert from "node:assert/strict";
import { test } from "node:test";
import { names } from "../../src/core/index";

test("an account is called Issuer (account), in Japanese with full-width parentheses, what is empty left out", () => {
	assert.equal(names.displayName("みやこ大学", "sps00001", "ja"), "みやこ大学（sps00001）");
	assert.equal(names.displayName("Miyako", "sps00001", "en"), "Miyako (sps00001)");
	assert.equal(names.displayName("", "sps00001", "ja"), "sps00001");
	assert.equal(names.displayName("Miyako", "", "en"), "Miyako");
});

test("a name never shows characters that control or turn the text", () => {
	const bad = ["\u0000", "\u001f", "\u007f", "\u009f", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"];
	for (const character of bad) {
		assert.equal(names.displayName(`a${character}b`, "", "en"), "ab", character.codePointAt(0)?.toString(16));
	}
	assert.equal(names.clean(" \u3000みやこ \n"), "みやこ");
});

test("names are compared without width, case and composition", () => {
	const alike = [["Miyako", "ｍｉｙａｋｏ"], ["STRASSE", "straße"], ["ΟΔΟΣ", "οδος"], ["ﾐﾔｺ", "ミヤコ"], ["e\u0301", "É"], ["㍿", "株式会社"]];
	for (const [a = "", b = ""] of alike) {
		assert.equal(names.fold(a), names.fold(b), `${a} ${b}`);
	}
	assert.notEqual(names.fold("Miyako"), names.fold("Miyak0"));
	assert.ok(names.fold("ΟΔΟΣΑ").includes(names.fold("οδος")), "the form of a letter at the end of a word");
});
