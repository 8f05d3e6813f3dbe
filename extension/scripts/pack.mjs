import { createPublicKey } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { chromiumId, geckoId, manifest, version } from "./manifest.mjs";
import { zip } from "./zip.mjs";

const pages = ["popup", "confirm", "manage"];
const most = 800 * 1024; // bytes of a zip

/**
 * Writes the builds for the sites into a folder: chromium, firefox, firefox-test, the policy samples,
 * and a zip of each that is handed out.
 *
 * @throws if a bundle names an address that is not of the sites, or a zip is over 800 KB
 */
export async function pack(name, sites, key, out) {
	rmSync(out, { recursive: true, force: true });
	await bundle(sites, join(out, "chromium"));
	assets(join(out, "chromium"));
	for (const copy of ["firefox", "firefox-test"]) {
		cpSync(join(out, "chromium"), join(out, copy), { recursive: true });
	}
	rmSync(join(out, "firefox/managed_schema.json"));
	rmSync(join(out, "firefox-test/managed_schema.json"));
	json(join(out, "chromium/manifest.json"), manifest("chromium", sites, key));
	json(join(out, "firefox/manifest.json"), manifest("firefox", sites, key));
	json(join(out, "firefox-test/manifest.json"), { ...manifest("firefox", sites, key), host_permissions: ["<all_urls>"] });
	checkAddresses(join(out, "chromium"), sites.origins);
	policies(join(out, "policy"), sites.origins[0], key);
	for (const engine of ["chromium", "firefox"]) {
		const archive = zip(join(out, engine));
		if (archive.length > most) {
			throw new Error(`${engine} has ${archive.length} bytes, more than ${most}`);
		}
		writeFileSync(join(out, `authenticator-${name}-${engine}.zip`), archive);
	}
}

/** The public key in a PEM file, as the manifest has it. */
export function keyOf(file) {
	return createPublicKey(readFileSync(file)).export({ type: "spki", format: "der" }).toString("base64");
}

async function bundle(sites, outdir) {
	const common = {
		absWorkingDir: process.cwd(), // esbuild remembers where Node was started
		outdir,
		bundle: true,
		preserveSymlinks: true, // names of chunks come from paths: they are the same wherever node_modules lies
		minify: true,
		target: "es2022",
		charset: "utf8",
		legalComments: "none",
		logLevel: "warning",
		define: { BUILD_SITES: JSON.stringify(sites) },
		plugins: [withoutCDN],
	};
	const entries = [...pages.map((page) => ({ in: `src/${page}/${page}.ts`, out: page })), { in: "src/background.ts", out: "background" }];
	await build({ ...common, entryPoints: entries, format: "esm", splitting: true, chunkNames: "chunks/[hash]" });
	await build({ ...common, entryPoints: ["src/bridge.ts"], format: "iife" }); // a content script is no module
}

/** Takes the CDN out of zxing-wasm, which otherwise loads its wasm from there: ours is in the package. */
const withoutCDN = {
	name: "without-cdn",
	setup(build) {
		build.onLoad({ filter: /zxing-wasm\/dist\/es\/share\.js$/ }, ({ path }) => {
			const source = readFileSync(path, "utf8");
			const cleaned = source.replace(/https:\/\/fastly\.jsdelivr\.net\/npm\/zxing-wasm@[^/]*\/dist\/\$\{[^}]*\}\//, "");
			if (cleaned === source) {
				throw new Error("zxing-wasm no longer names its CDN as expected");
			}
			return { contents: cleaned, loader: "js" };
		});
	},
};

function assets(out) {
	for (const page of pages) {
		cpSync(`src/${page}/${page}.html`, join(out, `${page}.html`));
	}
	cpSync("src/style.css", join(out, "style.css"));
	cpSync("icons", join(out, "icons"), { recursive: true, filter: (file) => !file.endsWith(".svg") });
	cpSync("managed_schema.json", join(out, "managed_schema.json"));
	cpSync("node_modules/zxing-wasm/dist/reader/zxing_reader.wasm", join(out, "zxing_reader.wasm"));
	for (const language of ["ja", "en"]) {
		const texts = JSON.parse(readFileSync(`i18n/${language}.json`, "utf8"));
		mkdirSync(join(out, "_locales", language), { recursive: true });
		json(join(out, "_locales", language, "messages.json"), { name: { message: texts["app.name"] }, description: { message: texts["app.description"] } });
	}
}

function checkAddresses(folder, origins) {
	const allowed = [...origins, "http://www.w3.org/"];
	for (const name of readdirSync(folder, { recursive: true })) {
		if (!/\.(js|css|html|json)$/.test(name) || name === "manifest.json") {
			continue;
		}
		for (const [address] of readFileSync(join(folder, name), "utf8").matchAll(/\b(?:https?|wss?):\/\/[\w$[{][^\s"'`)]*/g)) {
			if (!allowed.some((start) => address.startsWith(start))) {
				throw new Error(`${name} names a foreign address: ${address}`);
			}
		}
	}
}

/** The samples with the ids and the version of this build, and with its sign-on in place of the example's. */
function policies(out, origin, key) {
	mkdirSync(out, { recursive: true });
	for (const name of readdirSync("policy")) {
		const sample = readFileSync(join("policy", name), "utf8")
			.replaceAll("EXTENSION_ID", chromiumId(key))
			.replaceAll("EXTENSION_VERSION", version())
			.replaceAll("GECKO_ID", geckoId)
			.replaceAll("https://sso.miyako.example", origin ?? "https://sso.miyako.example");
		writeFileSync(join(out, name), sample);
	}
}

function json(file, value) {
	writeFileSync(file, `${JSON.stringify(value, null, "\t")}\n`);
}
