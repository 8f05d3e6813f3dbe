import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** The add-on's id in Firefox. */
export const geckoId = "authenticator@warifu.example";

/** The sites of a build: exact origins, and whether every port of loopback is among them. */
export function matches({ origins, loopback }) {
	const hosts = origins.map((origin) => `https://${new URL(origin).hostname}/*`);
	return loopback ? [...hosts, "http://127.0.0.1/*", "http://localhost/*"] : hosts;
}

/** The manifest of an engine, `chromium` or `firefox`, for the sites; the key is SPKI in Base64. */
export function manifest(engine, sites, key) {
	const base = JSON.parse(readFileSync("manifest.base.json", "utf8"));
	base.content_scripts = [{ matches: matches(sites), js: ["bridge.js"], run_at: "document_start" }];
	if (engine === "chromium") {
		return { ...base, key, minimum_chrome_version: "120", background: { service_worker: "background.js", type: "module" } };
	}
	delete base.storage; // Firefox takes the policy without a schema
	return {
		...base,
		background: { scripts: ["background.js"], type: "module" },
		browser_specific_settings: {
			gecko: { id: geckoId, strict_min_version: "142.0", data_collection_permissions: { required: ["none"] } },
		},
	};
}

/** The version of the extension. */
export const version = () => JSON.parse(readFileSync("manifest.base.json", "utf8")).version;

/** The id that Chromium makes of a key: the first 16 bytes of its SHA-256, in letters from a to p. */
export function chromiumId(key) {
	const digest = createHash("sha256").update(Buffer.from(key, "base64")).digest("hex").slice(0, 32);
	return digest.replace(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 16)));
}
