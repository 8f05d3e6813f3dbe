import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "warifu-pack-"));
after(() => rmSync(folder, { recursive: true }));

const sso = "https://sso.miyako.example";

/** Packs the sources of a folder into one of this name. */
function pack(out: string, args: string[], sources = "."): { status: number | null; stderr: string } {
	return spawnSync(process.execPath, [join(sources, "build.mjs"), ...args, "--out", join(folder, out)], { encoding: "utf8" });
}

function read(file: string): Record<string, unknown> {
	return JSON.parse(readFileSync(join(folder, file), "utf8"));
}

/** A copy of the sources, to be spoiled. */
function copy(name: string): string {
	const sources = join(folder, name);
	const parts = ["build.mjs", "scripts", "src", "i18n", "icons", "policy", "manifest.base.json", "managed_schema.json", "public-key.pem", "package.json", "tsconfig.json"];
	parts.forEach((part) => cpSync(part, join(sources, part), { recursive: true }));
	symlinkSync(join(process.cwd(), "node_modules"), join(sources, "node_modules"));
	return sources;
}

const common = {
	manifest_version: 3,
	name: "__MSG_name__",
	description: "__MSG_description__",
	version: "1.0.0",
	default_locale: "ja",
	icons: { 16: "icons/16.png", 32: "icons/32.png", 48: "icons/48.png", 128: "icons/128.png" },
	action: { default_title: "__MSG_name__", default_popup: "popup.html" },
	options_ui: { page: "manage.html", open_in_tab: true },
	permissions: ["activeTab", "storage", "scripting", "alarms"],
	incognito: "not_allowed",
	content_security_policy: {
		extension_pages: "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
			+ "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
	},
};

const scripts = (...matches: string[]) => ({ content_scripts: [{ matches, js: ["bridge.js"], run_at: "document_start" }] });

const chromium = { storage: { managed_schema: "managed_schema.json" }, minimum_chrome_version: "120", background: { service_worker: "background.js", type: "module" } };
const firefox = {
	background: { scripts: ["background.js"], type: "module" },
	browser_specific_settings: {
		gecko: { id: "authenticator@warifu.example", strict_min_version: "142.0", data_collection_permissions: { required: ["none"] } },
	},
};

test("a release asks for these rights on the sign-on's origins, and for no other", () => {
	assert.equal(pack("release", ["release", "--origin", sso, "--origin", "https://idp.miyako.example:8443"]).status, 0);
	const { key, ...manifest } = read("release/chromium/manifest.json");
	const matches = scripts("https://sso.miyako.example/*", "https://idp.miyako.example/*");
	assert.deepEqual(manifest, { ...common, ...chromium, ...matches });
	assert.match(String(key), /^[A-Za-z0-9+/]+=*$/);
	assert.deepEqual(read("release/firefox/manifest.json"), { ...common, ...firefox, ...matches });
	assert.deepEqual(read("release/firefox-test/manifest.json"), { ...common, ...firefox, ...matches, host_permissions: ["<all_urls>"] });
	assert.match(readFileSync(join(folder, "release/chromium/bridge.js"), "utf8"), /https:\/\/idp\.miyako\.example:8443/);
});

test("the demonstration is for every port of loopback, and for nothing else", () => {
	assert.equal(pack("demo", ["demo"]).status, 0);
	const { key: _, ...manifest } = read("demo/chromium/manifest.json");
	assert.deepEqual(manifest, { ...common, ...chromium, ...scripts("http://127.0.0.1/*", "http://localhost/*") });
});

test("a release is for https origins only", () => {
	for (const origin of ["http://sso.miyako.example", "http://localhost:8080", "https://sso.miyako.example/", "sso.miyako.example", "https://*"]) {
		assert.equal(pack("refused", ["release", "--origin", origin]).status, 2, origin);
	}
	assert.equal(pack("refused", ["release"]).status, 2);
});

test("two builds have the same bytes, at most 800 KB, and firefox-test is never among them", () => {
	assert.equal(pack("one", ["release", "--origin", sso]).status, 0);
	assert.equal(pack("two", ["release", "--origin", sso], copy("elsewhere")).status, 0);
	const zips = readdirSync(join(folder, "one")).filter((name) => name.endsWith(".zip"));
	assert.deepEqual(zips.sort(), ["authenticator-release-chromium.zip", "authenticator-release-firefox.zip"]);
	for (const name of zips) {
		const [one, two] = ["one", "two"].map((out) => readFileSync(join(folder, out, name)));
		assert.ok(one && two && one.equals(two), name);
		assert.ok(one.length <= 800 * 1024, `${name} has ${one.length} bytes`);
	}
});

test("a foreign address in a bundle, a style or a page fails the build", () => {
	for (const [file, text] of [
		["src/background.ts", "void fetch('https://collect.example/');"], ["src/popup/popup.ts", "new WebSocket(`wss://${location.host}/`);"],
		["src/style.css", "body { background: url(http://collect.example/x.png); }"], ["src/popup/popup.html", "<img src=https://collect.example/x.png>"],
	] as const) {
		const sources = copy(`spoiled-${file.replaceAll("/", "-")}`);
		appendFileSync(join(sources, file), text);
		const { status, stderr } = pack("spoiled", ["release", "--origin", sso], sources);
		assert.equal(status, 1, file);
		assert.match(stderr, /names a foreign address/);
	}
});

test("the policy samples hold the ids of the build and the sign-on's address", () => {
	assert.equal(pack("policies", ["release", "--origin", "https://idp.miyako.example"]).status, 0);
	const sample = readFileSync(join(folder, "policies/policy/chromium.json"), "utf8");
	assert.match(sample, /"[a-p]{32}": \{\s+"installation_mode": "force_installed"/);
	assert.match(sample, /"https:\/\/idp\.miyako\.example\/authenticator\/update\.xml"/);
	assert.match(readFileSync(join(folder, "policies/policy/policies.json"), "utf8"), /"authenticator@warifu\.example"/);
	assert.match(readFileSync(join(folder, "policies/policy/update.xml"), "utf8"),
		/<app appid="[a-p]{32}">\s+<updatecheck codebase="https:\/\/idp\.miyako\.example\/authenticator\/chromium\.crx" version="1\.0\.0"\/>/);
});
