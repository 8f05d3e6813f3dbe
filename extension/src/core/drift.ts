import { isBound } from "./origin";
import type { Plain } from "./model";

/** From this many milliseconds the person is told. */
export const tellFrom = 10_000;

/** From this many milliseconds an offset is offered. */
export const offerFrom = 5_000;

/** One look at the server's clock; all times in milliseconds. */
export interface Reading {
	/** What the page says, Unix time. */
	server: number;
	/** `performance.now()` at the reading. */
	now: number;
	/** When the answer began to arrive, on the clock of `now`. */
	responseStart: number;
	/** This device's clock at the reading, Unix time. */
	device: number;
}

/** How far this device is behind the server in milliseconds; below 0 it is ahead. */
export function drift(reading: Reading): number {
	return reading.server + (reading.now - reading.responseStart) - reading.device;
}

/** What a drift means for the person. */
export interface Verdict {
	/** Whole seconds that the device is off. */
	seconds: number;
	direction: "slow" | "fast";
	/** Whether to say so. */
	tell: boolean;
	/** Whether to offer it as an offset. */
	offer: boolean;
}

export function judge(ms: number): Verdict {
	const off = Math.abs(ms);
	return {
		seconds: Math.round(off / 1000),
		direction: ms > 0 ? "slow" : "fast",
		tell: off >= tellFrom,
		offer: off >= offerFrom,
	};
}

/** The vault with the drift as offset of the accounts of that origin. */
export function takeOffset(plain: Plain, origin: string, ms: number): Plain {
	const offsets = { ...plain.local?.offsets };
	for (const account of plain.accounts) {
		if (isBound(account, origin)) {
			offsets[account.id] = Math.round(ms / 1000);
		}
	}
	return { ...plain, local: { ...plain.local, offsets } };
}

/** The vault without offsets for the accounts of that origin: its clock and this device's agree again. */
export function dropOffset(plain: Plain, origin: string): Plain {
	const offsets = { ...plain.local?.offsets };
	for (const account of plain.accounts) {
		if (isBound(account, origin)) {
			delete offsets[account.id];
		}
	}
	return { ...plain, local: { ...plain.local, offsets } };
}

/** The time in Unix milliseconds that an account's code is for, on a device that shows now. */
export function timeFor(plain: Plain, id: string, now: number): number {
	return now + (plain.local?.offsets?.[id] ?? 0) * 1000;
}
