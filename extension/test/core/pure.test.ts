import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const folder = "src/core";
const sources = readdirSync(folder, { recursive: true }).map(String).filter((name) => name.endsWith(".ts"));

/** The code of a file without comments and the contents of texts. */
function code(name: string): string {
	const source = readFileSync(join(folder, name), "utf8");
	return source.replace(/\/\*[^]*?\*\/|\/\/.*$|"(?:\\.|[^"\\\n])*"/gm, '""');
}

test("the core uses nothing of a browser, no clock and no randomness of its own", () => {
	assert.ok(sources.length > 25);
	for (const name of sources) {
		const used = code(name).match(/\b(chrome|browser|document|window|navigator|localStorage|self|fetch|XMLHttpRequest|console)\b|Date\.now|new Date\(\)|Math\.random|getRandomValues|randomUUID|performance\./g);
		assert.equal(used, null, name);
	}
});

test("the core imports itself and hash-wasm, which kdfs.ts alone may know", () => {
	for (const name of sources) {
		const imported = [...readFileSync(join(folder, name), "utf8").matchAll(/\bfrom "([^"]+)"/g)].map(([, path = ""]) => path);
		const foreign = imported.filter((path) => !path.startsWith("./") && !/^\.\.\/[a-z]/.test(path));
		assert.deepEqual(foreign, name === "kdfs.ts" ? ["hash-wasm"] : [], name);
	}
});
