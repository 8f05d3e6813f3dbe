// The content script on pages of the sign-on. It passes the hand-over on and
// measures the clock, and does nothing anywhere else.

import { drift } from "./core/drift";
import { AUTHENTICATOR, readPageRequest, type Answer, type FromBridge, type ToBridge } from "./messages";
import { isSignOn } from "./sites";

// The nonces of this document that await an answer. A page that is navigated to
// since begins with none, so that it is told nothing meant for another.
const awaited = new Set<string>();

function reply(n: string, content: Record<string, unknown>): void {
	window.postMessage({ ...content, v: 1, n, from: AUTHENTICATOR }, location.origin);
}

function tellBackground(message: FromBridge): void {
	void chrome.runtime.sendMessage(message);
}

function onPageMessage(event: MessageEvent): void {
	if (event.source !== window || event.origin !== location.origin) return;
	const request = readPageRequest(event.data);
	if (request?.op === "hello") reply(request.n, { ok: true, version: chrome.runtime.getManifest().version });
	if (request?.op !== "enrol" || awaited.has(request.n)) return;
	awaited.add(request.n);
	tellBackground(request);
}

function onAnswer(message: ToBridge): void {
	if (awaited.delete(message.n)) reply(message.n, message.answer satisfies Answer);
}

function measureClock(): void {
	const server = document.querySelector<HTMLMetaElement>("meta[name=server-time]")?.content ?? "";
	const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
	if (!/^\d+$/.test(server) || !navigation) return;
	const { responseStart } = navigation;
	tellBackground({ op: "clock", drift: drift({ server: Number(server), now: performance.now(), responseStart, device: Date.now() }) });
}

if (isSignOn(location.origin)) {
	window.addEventListener("message", onPageMessage);
	chrome.runtime.onMessage.addListener(onAnswer);
	tellBackground({ op: "opened" });
	// Fired once for a document, never again for one from the back-forward cache.
	document.addEventListener("DOMContentLoaded", measureClock);
}
