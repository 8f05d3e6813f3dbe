import { createHash } from "node:crypto";
import type { Bytes } from "../../src/core/index";

/** Random values that are the same in every run: SHA-256 of the seed and a counter. */
export interface Seeded {
	bytes(length: number): Bytes;
	/** 0 to below the limit. */
	below(limit: number): number;
	of<T>(choices: readonly T[]): T;
	/** A text of that many characters at most, of all that names could hold. */
	text(longest: number): string;
}

const alphabet = [..."abc XYZ 019 :/?#&=%+-._~!'()*@\\\"<>[]{}|^`,;$ みやこ大学都花子（）：　ÄßŁİſ🔑𠮷é", "é", "㍿"];

export function seeded(seed: string): Seeded {
	let counter = 0;
	let pool: number[] = [];
	const byte = (): number => {
		if (pool.length === 0) {
			pool = [...createHash("sha256").update(`${seed}:${counter++}`).digest()];
		}
		return pool.pop() as number;
	};
	const below = (limit: number): number => {
		let value = 0;
		for (let i = 0; i < 6; i++) {
			value = value * 256 + byte();
		}
		return value % limit;
	};
	const of = <T>(choices: readonly T[]): T => choices[below(choices.length)] as T;
	return {
		bytes: (length) => Uint8Array.from({ length }, byte),
		below,
		of,
		text: (longest) => Array.from({ length: below(longest + 1) }, () => of(alphabet)).join(""),
	};
}
