import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import en from "../../i18n/en.json";
import ja from "../../i18n/ja.json";

const japanese: Record<string, string> = ja;
const english: Record<string, string> = en;

const sources = readdirSync("src", { recursive: true }).map((name) => join("src", String(name)))
	.filter((name) => /\.(ts|html)$/.test(name)).map((name) => ({ name, text: readFileSync(name, "utf8") }));

function placeholders(text: string): string[] {
	return [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
}

test("both languages have the same texts with the same placeholders", () => {
	assert.deepEqual(Object.keys(english), Object.keys(japanese));
	for (const [key, text] of Object.entries(japanese)) {
		assert.deepEqual(placeholders(english[key] ?? ""), placeholders(text), key);
		assert.ok(text.trim() !== "" && english[key]?.trim() !== "", key);
	}
});

test("no text is in the code, and English texts have no Japanese", () => {
	for (const { name, text } of sources) {
		const code = text.replace(/^\s*(\/\/|\*|\/\*\*).*$/gm, "").replace(/（\$\{whose\}）/, "");
		assert.doesNotMatch(code, /[\u3040-\u30ff\u4e00-\u9fff]/, name);
	}
	for (const [key, text] of Object.entries(english)) {
		if (key !== "settings.ja") {
			assert.doesNotMatch(text, /[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]/, key);
		}
	}
});

test("every text is used, and pages name only texts that there are", () => {
	const all = sources.map(({ text }) => text).join("\n");
	const families = ["refused.", "member.", "settings.ja", "settings.en", "app.description"]; // made of parts, or used by the manifest
	for (const key of Object.keys(japanese)) {
		assert.ok(all.includes(`"${key}"`) || families.some((family) => key.startsWith(family)), `${key} is not used`);
	}
	for (const [, key] of all.matchAll(/data-(?:t|title)="([^"]+)"/g)) {
		assert.ok(Object.hasOwn(japanese, String(key)), `${key} is unknown`);
	}
});

test("the words that documents and the sign-on quote stay as they are", () => {
	assert.equal(japanese["added"], "{name} 追加されました。");
	assert.equal(japanese["popup.scan"], "QRコード読み取り");
	assert.equal(japanese["conflict"], "同じアカウントがあります。置き換えますか？");
	assert.equal(japanese["not_site"], "登録されたサイトではありません。");
	assert.equal(japanese["import_sum"], "追加 {a}、置き換え {r}、同じ {s}、失敗 {f}");
	assert.equal(japanese["bad_pass"], "パスフレーズが違うか、ファイルが壊れています。");
});
