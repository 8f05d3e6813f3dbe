// Reads QR codes out of pixels. Nothing leaves the page that calls it.

import decodeQR from "qr/decode.js";
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";

/** The most codes that are read in one image. */
export const MAX_CODES = 8;

/** Says where the wasm of the package lies, which otherwise would be sought beside the script. */
export function setWasm(locate: (file: string) => string): void {
	prepareZXingModule({ overrides: { locateFile: locate } });
}

/** Returns the texts of the QR codes in an image, each once; none where WebAssembly is off and the code is small or turned. */
export async function readCodes(image: ImageData): Promise<string[]> {
	return typeof WebAssembly === "object" ? await readWithWasm(image) : readWithScript(image);
}

/** As {@link readCodes}, by zxing-wasm. */
export async function readWithWasm(image: ImageData): Promise<string[]> {
	const found = await readBarcodes(image, { formats: ["QRCode"], tryHarder: true, tryInvert: true, maxNumberOfSymbols: MAX_CODES });
	return [...new Set(found.filter(({ isValid }) => isValid).map(({ text }) => text))];
}

/** As {@link readCodes}, by script alone; it finds one code at most. */
export function readWithScript(image: ImageData): string[] {
	try {
		return [decodeQR(image, { timeLimit: 800 })];
	} catch {
		return [];
	}
}
