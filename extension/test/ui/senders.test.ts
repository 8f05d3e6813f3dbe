import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { install, OWN } from "./browser";

const site = "https://sso.miyako.example";
const uri = "otpauth://totp/Miyako%20Login:sps00001?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Miyako%20Login";
const enrol = { op: "enrol", n: "0123456789abcdef", uri, reason: "first" };

Object.assign(globalThis, { BUILD_SITES: { origins: [site], loopback: false } });
const browser = install();
await import("../../src/background");

type Sender = { url?: string; frameId?: number; tab?: { id: number } };

/** The page of the sign-on in a tab: its content script. */
const bridge: Sender = { url: `${site}/enrol`, frameId: 0, tab: { id: 1 } };
const own: Sender = { url: `${OWN}confirm.html?id=1` };

/** Sends a message as the browser delivers it, and returns the answer, or `silence`. */
async function send(message: unknown, sender: Sender): Promise<unknown> {
	const [hear] = browser.runtime.onMessage.heard;
	assert.ok(hear);
	let later: unknown;
	const answer = await new Promise((resolve) => {
		later = hear(message, sender, resolve);
		if (later !== true) resolve("silence");
	});
	await new Promise((resolve) => setImmediate(resolve)); // what it does without an answer
	return answer;
}

/** Has the page ask, and returns the id under which the request waits. */
async function waiting(): Promise<string> {
	await send(enrol, bridge);
	const [address] = browser.opened;
	assert.ok(address);
	return new URL(address).searchParams.get("id") ?? "";
}

beforeEach(async () => {
	await chrome.storage.session.clear();
	browser.opened.length = browser.told.length = 0;
});

test("the page of the sign-on may hand over, and its origin is what the browser says", async () => {
	assert.equal(await send({ ...enrol, origin: "https://other.example" }, bridge), "silence");
	assert.equal(browser.opened.length, 1);
	const { requests } = await chrome.storage.session.get("requests") as { requests: Record<string, { origin: string }> };
	assert.deepEqual(Object.values(requests).map(({ origin }) => origin), [site]);
});

test("nobody else may hand over, note the clock or drop a request", async () => {
	await waiting();
	const before = await chrome.storage.session.get();
	for (const sender of [
		{ ...bridge, url: "https://elsewhere.example/" }, { ...bridge, url: "https://sso.miyako.example.evil.example/" }, { ...bridge, url: "https://sso.miyako.example:444/" },
		{ ...bridge, url: "http://sso.miyako.example/" }, { ...bridge, url: "about:blank" }, { ...bridge, url: "data:text/html,x" }, { frameId: 0, tab: { id: 1 } },
		{ ...bridge, frameId: 1 }, { url: bridge.url as string, tab: { id: 1 } },
		{ ...bridge, url: "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba/page.html" }, { ...bridge, url: `${OWN.slice(0, -1)}.evil.example/` },
	]) {
		for (const message of [{ ...enrol, origin: site, url: bridge.url }, { op: "clock", drift: 60_000 }, { op: "opened" }]) {
			assert.equal(await send(message, sender), "silence", JSON.stringify(sender));
		}
	}
	assert.equal(browser.opened.length, 1);
	assert.deepEqual(browser.told, []);
	assert.deepEqual(await chrome.storage.session.get(), before);
});

test("a request is given to pages of the extension, and answered by them alone", async () => {
	const id = await waiting();
	const answer = { op: "answer", id, answer: { ok: true, code: "123456", validUntil: 0 } };
	for (const sender of [
		bridge, { ...bridge, frameId: 1 }, { ...bridge, url: "https://elsewhere.example/" }, {},
		{ url: "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba/confirm.html" }, { url: `https://elsewhere.example/${OWN}confirm.html` }, { url: `${OWN.slice(0, -1)}x/confirm.html` },
	]) {
		assert.equal(await send({ op: "request", id }, sender), "silence", JSON.stringify(sender));
		assert.equal(await send(answer, sender), "silence", JSON.stringify(sender));
	}
	assert.deepEqual(browser.told, []);
	assert.equal((await send({ op: "request", id }, own) as { uri: string }).uri, uri);
	assert.equal(await send(answer, own), true);
	assert.deepEqual(browser.told, [{ tabId: 1, message: { n: enrol.n, answer: answer.answer } }]);
	assert.equal(await send(answer, own), false, "it is answered once");
});

test("other extensions and pages have no way in: the background listens to its own alone", () => {
	const { onMessage, ...others } = browser.runtime;
	assert.equal(onMessage.heard.length, 1);
	for (const name of ["onMessageExternal", "onConnect", "onConnectExternal"] as const) {
		assert.equal(others[name].heard.length, 0, name);
	}
});
