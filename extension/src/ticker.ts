// Codes that follow the clock. There is one timer for a page, on full seconds.

import { timeFor } from "./core/drift";
import type { Account, Plain } from "./core/model";
import { code, next, remaining, step } from "./core/otp";
import { el } from "./dom";
import { t } from "./i18n";

const followers = new Set<(now: number) => void>();
let timer: ReturnType<typeof setTimeout> | undefined;

function tick(): void {
	const now = Date.now();
	for (const follow of followers) follow(now);
	timer = followers.size > 0 ? setTimeout(tick, 1000 - (now % 1000) + 5) : undefined;
}

/** Calls back now and every second, with the time in Unix milliseconds, until the returned function is called. */
export function follow(act: (now: number) => void): () => void {
	followers.add(act);
	act(Date.now());
	if (timer === undefined) timer = setTimeout(tick, 1000 - (Date.now() % 1000) + 5);
	return () => followers.delete(act);
}

/** Writes a code in two groups; what is copied from it has no gap. */
export function grouped(code: string): string {
	return code.length < 6 ? code : `${code.slice(0, Math.ceil(code.length / 2))} ${code.slice(Math.ceil(code.length / 2))}`;
}

/** The code of an account as it is now, how long it holds, and in its last 5 seconds the one after it. */
export function liveCode(account: Account, plain: Plain): { element: HTMLElement; stop: () => void } {
	const output = el("output", { "aria-live": "off", class: "code" });
	if (account.type === "hotp") return { element: output, stop: () => undefined };
	const [left, after, ring] = [el("span", { class: "left" }), el("span", { class: "after" }), ringOf()];
	const period = account.period ?? 30;
	let shown = -1;
	const stop = follow((now) => {
		const at = timeFor(plain, account.id, now);
		const seconds = Math.ceil(remaining(at, period) / 1000);
		left.textContent = t("popup.left", { n: seconds });
		ring.style.setProperty("--part", String(seconds / period));
		if (shown !== step(at, period)) {
			shown = step(at, period);
			void code(account, at).then((text) => (output.textContent = grouped(text)));
			after.textContent = "";
		}
		if (seconds <= 5 && after.textContent === "") void next(account, at).then((text) => (after.textContent = t("popup.next_code", { code: grouped(text) })));
	});
	return { element: el("span", { class: "live" }, output, ring, left, after), stop };
}

function ringOf(): HTMLElement {
	return el("span", { class: "ring", "aria-hidden": "true" });
}
