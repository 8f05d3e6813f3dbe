// Pixels of images and of the tab that is shown. All of it happens in the page of
// the extension: a canvas in the page of another could be read by that.

import { readCodes, setWasm } from "./read";

setWasm((file) => chrome.runtime.getURL(file));

/** Returns the texts of the QR codes in an image file. @throws DOMException if it is no image */
export async function readImage(file: Blob): Promise<string[]> {
	const image = await createImageBitmap(file);
	const found = await readCodes(pixels(image, 1));
	return found.length > 0 ? found : await readCodes(pixels(image, 2));
}

/** Returns the texts of the QR codes that the tab of a window shows. @throws Error on pages that cannot be captured */
export async function readTab(windowId: number | undefined): Promise<string[]> {
	const address = await chrome.tabs.captureVisibleTab(windowId, { format: "png" });
	return await readImage(fromDataURL(address));
}

// Not by fetch: the content policy has no data: in connect-src.
function fromDataURL(address: string): Blob {
	const binary = atob(address.slice(address.indexOf(",") + 1));
	return new Blob([Uint8Array.from(binary, (character) => character.charCodeAt(0))], { type: "image/png" });
}

function pixels(image: ImageBitmap, scale: number): ImageData {
	const [width, height] = [image.width * scale, image.height * scale];
	const context = new OffscreenCanvas(width, height).getContext("2d");
	if (!context) throw new Error("no canvas");
	context.drawImage(image, 0, 0, width, height);
	return context.getImageData(0, 0, width, height);
}
