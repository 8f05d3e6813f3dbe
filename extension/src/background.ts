// The background: it carries a page's request to the confirm window and the
// answer back, notes the clock, and locks the vault in time. It keeps nothing in
// memory, because it may end at any moment between two events.

import { noteDrift } from "./drifts";
import { lock, LOCK_ALARM } from "./lock";
import type { Answer, FromBridge, FromExtension, ToBridge } from "./messages";
import { offered } from "./offer";
import { admit, pending, REQUEST_TIME, showIn, take, takeWhere, type PendingRequest } from "./requests";
import { isSignOn } from "./sites";

const EXPIRY_ALARM = "expire:";
const confirmWindow = { type: "popup", width: 480, height: 680 } as const;

type Enrol = Extract<FromBridge, { op: "enrol" }>;

chrome.runtime.onMessage.addListener((message: FromBridge | FromExtension, sender, respond: (answer: unknown) => void) => {
	if (sender.url?.startsWith(chrome.runtime.getURL(""))) {
		void onExtension(message as FromExtension).then(respond);
		return true; // the response comes later
	}
	const origin = sender.url ? new URL(sender.url).origin : "";
	if (sender.frameId === 0 && isSignOn(origin)) void onBridge(message as FromBridge, origin, sender);
	return undefined;
});

async function onBridge(message: FromBridge, origin: string, sender: chrome.runtime.MessageSender): Promise<void> {
	if (message.op === "opened" && sender.tab?.id !== undefined) await abandon(sender.tab.id);
	if (message.op === "clock") await noteDrift(origin, message.drift);
	if (message.op === "enrol") await ask(message, origin, sender);
}

/** Opens the window in which the person decides, or refuses at once. */
async function ask(message: Enrol, origin: string, sender: chrome.runtime.MessageSender): Promise<void> {
	const tabId = sender.tab?.id;
	if (tabId === undefined) return;
	const { n, uri, reason } = message;
	const request: PendingRequest = { n, uri, reason, origin, tabId, documentId: sender.documentId, expires: Date.now() + REQUEST_TIME };
	if (!offered(uri)) return answer(request, { ok: false, reason: "invalid" });
	const id = crypto.randomUUID();
	if (!(await admit(id, request))) return answer(request, { ok: false, reason: "busy" });
	await chrome.alarms.create(EXPIRY_ALARM + id, { when: request.expires });
	const opened = await chrome.windows.create({ ...confirmWindow, url: chrome.runtime.getURL(`confirm.html?id=${id}`) });
	if (opened?.id !== undefined) await showIn(id, opened.id);
}

async function onExtension(message: FromExtension): Promise<unknown> {
	if (message.op === "request") return await pending(message.id);
	if (message.op !== "answer") return undefined;
	const request = await take(message.id);
	await chrome.alarms.clear(EXPIRY_ALARM + message.id);
	if (request) await answer(request, message.answer);
	return request !== undefined;
}

/** Tells the document that asked; one that is gone is not told, nor is another in its tab. */
async function answer(request: PendingRequest, answer: Answer): Promise<void> {
	const message: ToBridge = { n: request.n, answer };
	const document = request.documentId ? { documentId: request.documentId } : { frameId: 0 };
	await chrome.tabs.sendMessage(request.tabId, message, document).catch(() => undefined);
}

chrome.alarms.onAlarm.addListener((alarm) => {
	if (alarm.name === LOCK_ALARM) void lock();
	if (alarm.name.startsWith(EXPIRY_ALARM)) void expire(alarm.name.slice(EXPIRY_ALARM.length));
});

async function expire(id: string): Promise<void> {
	const request = await take(id);
	if (request) await answer(request, { ok: false, reason: "expired" });
}

// Whoever closes the window without a decision has declined.
chrome.windows.onRemoved.addListener((windowId) => {
	void takeWhere((request) => request.windowId === windowId).then((closed) =>
		Promise.all(closed.map((request) => answer(request, { ok: false, reason: "declined" }))),
	);
});

/** Drops the request of a tab whose page is gone: it holds no place, and its window asks for nobody. */
async function abandon(tabId: number): Promise<void> {
	for (const { windowId } of await takeWhere((request) => request.tabId === tabId)) {
		if (windowId !== undefined) await chrome.windows.remove(windowId).catch(() => undefined);
	}
}

chrome.tabs.onRemoved.addListener((tabId) => void abandon(tabId));
