// What a page, the content script, the background and the confirm window say to
// each other (the hand-over, docs/authenticator.md).

/** The name under which the extension speaks to pages of the sign-on. */
export const AUTHENTICATOR = "warifu-authenticator";

/** Why a page has handed over an account: it is the person's first, one more, or the first after an initialisation. */
export type Reason = "first" | "added" | "initialised";

const reasons: readonly string[] = ["first", "added", "initialised"] satisfies Reason[];

/** What a page asks for. */
export type PageRequest =
	| { op: "hello"; n: string }
	| { op: "enrol"; n: string; uri: string; reason: Reason };

/** Why a page is given no code. */
export type Refusal = "declined" | "busy" | "invalid" | "expired";

/** The one answer to an enrol request. The code may be filled in before `validUntil`, in Unix milliseconds. */
export type Answer = { ok: true; code: string; validUntil: number } | { ok: false; reason: Refusal };

/** What the content script tells the background. */
export type FromBridge =
	| { op: "opened" }
	| { op: "enrol"; n: string; uri: string; reason: Reason }
	| { op: "clock"; drift: number };

/** What a page of the extension asks the background. */
export type FromExtension =
	| { op: "request"; id: string }
	| { op: "answer"; id: string; answer: Answer };

/** What the background tells the content script of the page that asked. */
export type ToBridge = { n: string; answer: Answer };

const nonce = /^[A-Za-z0-9-]{16,64}$/;

/**
 * Reads what a page says. Undefined if it is not for the extension or has no
 * good nonce; an enrol request that is otherwise wrong has an empty `uri`, so
 * that it is answered with `invalid` and not with silence.
 */
export function readPageRequest(data: unknown): PageRequest | undefined {
	if (typeof data !== "object" || data === null) return undefined;
	const { v, to, n, op, uri, reason } = data as { [member in "v" | "to" | "n" | "op" | "uri" | "reason"]?: unknown };
	if (v !== 1 || to !== AUTHENTICATOR || typeof n !== "string" || !nonce.test(n)) return undefined;
	if (op === "hello") return { op, n };
	if (op !== "enrol") return undefined;
	return typeof uri === "string" && isReason(reason) ? { op, n, uri, reason } : { op, n, uri: "", reason: "first" };
}

function isReason(value: unknown): value is Reason {
	return typeof value === "string" && reasons.includes(value);
}
