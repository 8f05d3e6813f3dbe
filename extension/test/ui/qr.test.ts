import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { prepareZXingModule } from "zxing-wasm/reader";
import { readWithScript, readWithWasm } from "../../src/qr/read";
import { blurred, type Code, type Colour, page } from "./picture";

const { buffer } = readFileSync("node_modules/zxing-wasm/dist/reader/zxing_reader.wasm");
prepareZXingModule({ overrides: { wasmBinary: buffer as ArrayBuffer } });

const most = 1_000_000; // microseconds of processor time for a picture

// About 200 characters, as the sign-on writes them.
const uri = "otpauth://totp/Miyako%20University%20Integrated%20Authentication:sps00001"
	+ "?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Miyako%20University%20Integrated%20Authentication&algorithm=SHA1&digits=6&period=30";
const other = uri.replace("sps00001", "sps00002");

function code(more: Partial<Code> = {}): Code {
	return { text: uri, width: 220, x: 400, y: 300, ...more };
}

function screen(...codes: Code[]): ImageData {
	return page(1280, 900, codes);
}

const night: Colour = [26, 26, 26];
const day: Colour = [230, 230, 230];
const inverted = (width: number) => page(1280, 900, [code({ width, dark: day, light: night })], night, day);

const both: Record<string, () => ImageData> = {
	"100 px": () => screen(code({ width: 100 })),
	"140 px": () => screen(code({ width: 140 })),
	"220 px": () => screen(code()),
	"400 px": () => screen(code({ width: 400 })),
	"800 px": () => screen(code({ width: 800, x: 200, y: 50 })),
	"light on dark, 140 px": () => inverted(140),
	"light on dark, 220 px": () => inverted(220),
	"blue on cream": () => screen(code({ dark: [0, 23, 193], light: [255, 248, 220] })),
	"rotated by 7°": () => screen(code({ turned: 7 })),
	"a logo over 20 % at level H": () => screen(code({ level: "high", logo: 0.2 })),
	"440 px on 2560 × 1800": () => page(2560, 1800, [code({ width: 440, x: 1000, y: 700 })]),
	"440 px on 3840 × 2160": () => page(3840, 2160, [code({ width: 440, x: 2000, y: 900 })]),
};

const wasmAlone: Record<string, () => ImageData> = {
	"80 px": () => screen(code({ width: 80 })),
	"rotated by 45°": () => screen(code({ turned: 45 })),
	"no quiet zone": () => screen(code({ quiet: false })),
	"blurred by 1.5 px": () => blurred(screen(code())),
};

async function timed(read: () => string[] | Promise<string[]>): Promise<string[]> {
	const begin = process.cpuUsage();
	const found = await read();
	assert.ok(process.cpuUsage(begin).user < most, "it takes too long");
	return found;
}

for (const [name, draw] of Object.entries(both)) {
	test(`both readers read ${name}`, async () => {
		const image = draw();
		assert.deepEqual(await timed(() => readWithWasm(image)), [uri], "zxing-wasm");
		assert.deepEqual(await timed(() => readWithScript(image)), [uri], "qr");
	});
}

for (const [name, draw] of Object.entries(wasmAlone)) {
	test(`zxing-wasm reads ${name}`, async () => {
		const image = draw();
		assert.deepEqual(await timed(() => readWithWasm(image)), [uri]);
	});
}

test("two codes on the page: zxing-wasm reads both, qr one", async () => {
	const image = screen(code({ x: 100 }), code({ x: 800, text: other }));
	assert.deepEqual((await timed(() => readWithWasm(image))).sort(), [uri, other]);
	const [found, ...more] = await timed(() => readWithScript(image));
	assert.ok(more.length === 0 && (found === uri || found === other));
});

test("a page of text has no code", async () => {
	assert.deepEqual(await timed(() => readWithWasm(screen())), []);
	assert.deepEqual(await timed(() => readWithScript(screen())), []);
});
