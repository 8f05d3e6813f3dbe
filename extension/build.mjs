// node build.mjs test [PART]
//     bundles test/**/*.test.ts whose path contains PART and runs them
// node build.mjs interop write|read DIR
//     writes a file of each format, or reads those that another program wrote (test/core/interop.ts)
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const startedIn = process.cwd();
process.chdir(fileURLToPath(new URL(".", import.meta.url)));

/** Bundles the entry points as Node modules into the folder, which is emptied first. */
async function bundleForNode(entryPoints, outdir) {
	rmSync(outdir, { recursive: true, force: true });
	await build({
		entryPoints,
		outdir,
		outbase: ".",
		outExtension: { ".js": ".mjs" },
		bundle: true,
		platform: "node",
		format: "esm",
		target: "es2022",
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

const [command, ...rest] = process.argv.slice(2);
const commands = { test, interop };
if (!Object.hasOwn(commands, command ?? "")) {
	console.error(`usage: node build.mjs ${Object.keys(commands).join("|")} …`);
	process.exit(2);
}
process.exit(await commands[command](...rest));
