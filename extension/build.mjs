// node build.mjs test [PART]
//     bundles test/**/*.test.ts whose path contains PART and runs them
// node build.mjs interop write|read DIR
//     writes a file of each format, or reads those that another program wrote (test/core/interop.ts)
// node build.mjs demo [--out DIR]
//     packs the extension for a demonstration on this machine, any port of loopback
// node build.mjs release --origin ORIGIN… [--key PUBLIC.pem] [--out DIR]
//     packs it for the sign-on at these https origins, under the key that will sign it
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { keyOf, pack } from "./scripts/pack.mjs";

const startedIn = process.cwd();
process.chdir(fileURLToPath(new URL(".", import.meta.url)));

/** Bundles the entry points as Node modules into the folder, which is emptied first. */
async function bundleForNode(entryPoints, outdir) {
	rmSync(outdir, { recursive: true, force: true });
	await build({
		entryPoints,
		absWorkingDir: process.cwd(), // esbuild remembers where Node was started
		outdir,
		outbase: ".",
		outExtension: { ".js": ".mjs" },
		bundle: true,
		platform: "node",
		format: "esm",
		target: "es2022",
		banner: { js: 'import { webcrypto as nodeCrypto } from "node:crypto"; globalThis.crypto ??= nodeCrypto;' }, // Node 18 has no global one
		packages: "external",
		sourcemap: "inline",
		logLevel: "warning",
	});
}

async function test(part = "") {
	const sources = readdirSync("test", { recursive: true })
		.map((name) => join("test", name))
		.filter((name) => name.endsWith(".test.ts") && name.includes(part))
		.sort();
	if (sources.length === 0) {
		console.error(`build: no test has ${part} in its path`);
		return 2;
	}
	await bundleForNode(sources, "build/test");
	const bundles = sources.map((name) => join("build/test", name.replace(/\.ts$/, ".mjs")));
	return spawnSync(process.execPath, ["--enable-source-maps", "--test", ...bundles], { stdio: "inherit" }).status ?? 1;
}

/** For the tests of Go: the folder is relative to where the command was given. */
async function interop(direction, folder = "") {
	await bundleForNode(["test/core/interop.ts"], "build/interop");
	const args = ["build/interop/test/core/interop.mjs", direction, resolve(startedIn, folder)];
	return spawnSync(process.execPath, ["--enable-source-maps", ...args], { stdio: "inherit" }).status ?? 1;
}

const options = {
	out: { type: "string", default: "dist" },
	key: { type: "string", default: "public-key.pem" },
	origin: { type: "string", multiple: true, default: [] },
};

async function demo(...args) {
	const { values } = parseArgs({ args, options: { out: options.out } });
	await pack("demo", { origins: [], loopback: true }, keyOf(options.key.default), values.out);
}

async function release(...args) {
	const { values } = parseArgs({ args, options });
	if (values.origin.length === 0 || !values.origin.every(isHttpsOrigin)) {
		console.error("build: release needs --origin https://HOST, once or more");
		return 2;
	}
	await pack("release", { origins: values.origin, loopback: false }, keyOf(values.key), values.out);
}

function isHttpsOrigin(text) {
	return /^https:\/\/[a-z0-9.-]+(:\d+)?$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

const [command, ...rest] = process.argv.slice(2);
const commands = { test, interop, demo, release };
if (!Object.hasOwn(commands, command ?? "")) {
	console.error(`usage: node build.mjs ${Object.keys(commands).join("|")} …`);
	process.exit(2);
}
process.exit(await commands[command](...rest) ?? 0);
