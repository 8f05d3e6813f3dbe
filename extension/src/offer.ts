// The account that a page hands over.

import type { Draft } from "./core/model";
import { code, remaining } from "./core/otp";
import { read } from "./core/otpauth";
import type { Answer } from "./messages";

/** Milliseconds after its step in which the sign-on still takes a code. */
const GRACE = 25_000;

/** Returns the account of a page's URI; undefined if it is none, or not time-based. */
export function offered(uri: string): Draft | undefined {
	try {
		const draft = read(uri);
		return draft.type === "totp" ? draft : undefined;
	} catch {
		return undefined;
	}
}

/** Returns what the page is told of an account that was added: its code, and until when that may be filled in. */
export async function firstCode(draft: Draft, now: number): Promise<Answer> {
	return { ok: true, code: await code(draft, now), validUntil: now + remaining(now, draft.period ?? 30) + GRACE };
}
