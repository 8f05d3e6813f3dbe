import encodeQR from "qr";

/** Where and how a code is painted; lengths in pixels. */
export interface Code {
	text: string;
	/** With its quiet zone of 4 modules. */
	width: number;
	x: number;
	y: number;
	dark?: Colour;
	light?: Colour;
	/** Degrees. */
	turned?: number;
	/** Share of the width that a logo covers in the middle. */
	logo?: number;
	level?: "medium" | "high";
	quiet?: boolean;
}

export type Colour = [number, number, number];

const black: Colour = [0, 0, 0];
const white: Colour = [255, 255, 255];

/** A page of text with codes on it, as a screenshot has it. */
export function page(width: number, height: number, codes: Code[], paper: Colour = white, ink: Colour = black): ImageData {
	const data = new Uint8ClampedArray(width * height * 4);
	const set = (x: number, y: number, [r, g, b]: Colour) => data.set([r, g, b, 255], (y * width + x) * 4);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			set(x, y, letters(x, y) ? ink : paper);
		}
	}
	for (const code of codes) {
		paint(code, width, height, set);
	}
	return { data, width, height, colorSpace: "srgb" } as ImageData;
}

/** The picture blurred by nearly a Gaussian of 1.5 px: the weights 1.5, 1, 1.5 three times in each direction. */
export function blurred(image: ImageData): ImageData {
	const weight = 1.5;
	const once = ({ data, width, height, colorSpace }: ImageData, step: number): ImageData => {
		const out = new Uint8ClampedArray(data.length);
		for (let i = 0; i < data.length; i++) {
			const [before, after] = [data[i - step * 4] ?? data[i], data[i + step * 4] ?? data[i]];
			out[i] = ((before ?? 0) * weight + (data[i] ?? 0) + (after ?? 0) * weight) / (1 + 2 * weight);
		}
		return { data: out, width, height, colorSpace } as ImageData;
	};
	return [1, image.width, 1, image.width, 1, image.width].reduce(once, image);
}

/** Strokes in lines of 24 px, each word of other letters. */
function letters(x: number, y: number): boolean {
	const [line, column] = [Math.floor(y / 24), Math.floor(x / 9)];
	if (y % 24 < 6 || y % 24 > 17 || x % 9 > 6) {
		return false;
	}
	const letter = (line * 7919 + column * 104_729) % 64;
	return letter % 6 !== 0 && ((letter >> (Math.floor((y % 24) / 3) % 6)) & 1) === (x % 9 < 2 || x % 9 > 4 ? 1 : 0);
}

function paint(code: Code, width: number, height: number, set: (x: number, y: number, colour: Colour) => void): void {
	const framed = encodeQR(code.text, "raw", { ecc: code.level ?? "medium", border: 4 });
	const modules = code.quiet === false ? framed.slice(4, -4).map((row) => row.slice(4, -4)) : framed;
	const angle = ((code.turned ?? 0) * Math.PI) / 180;
	const [centre, reach] = [code.width / 2, code.width / 2 * Math.SQRT2];
	for (let y = Math.max(0, Math.floor(code.y + centre - reach)); y < Math.min(height, code.y + centre + reach); y++) {
		for (let x = Math.max(0, Math.floor(code.x + centre - reach)); x < Math.min(width, code.x + centre + reach); x++) {
			const [dx, dy] = [x + 0.5 - code.x - centre, y + 0.5 - code.y - centre];
			const [u, v] = [dx * Math.cos(angle) + dy * Math.sin(angle) + centre, dy * Math.cos(angle) - dx * Math.sin(angle) + centre];
			if (u < 0 || v < 0 || u >= code.width || v >= code.width) {
				continue;
			}
			const inLogo = Math.max(Math.abs(u - centre), Math.abs(v - centre)) < (code.width * (code.logo ?? 0)) / 2;
			const dark = modules[Math.floor((v / code.width) * modules.length)]?.[Math.floor((u / code.width) * modules.length)];
			set(x, y, inLogo ? [200, 30, 30] : dark ? code.dark ?? black : code.light ?? white);
		}
	}
}
