// The tab over which the popup has opened: the press of the toolbar button lets it
// see the address, look at the page and fill it in (activeTab).

import { isBindable, type Page } from "../core/origin";

/** The tab; `origin` is there if an account may be bound to it. */
export type ShownTab = { id: number; windowId: number | undefined; page: Page; origin: string | undefined };

/** Returns the active tab. Undefined where the browser tells nothing of it. */
export async function shownTab(): Promise<ShownTab | undefined> {
	const [tab] = await chrome.tabs.query(shownWindow());
	if (tab?.id === undefined || tab.url === undefined) return undefined;
	const origin = new URL(tab.url).origin;
	const page = { url: tab.url, title: tab.title ?? "", asks: await asksForSecret(tab.id) };
	return { id: tab.id, windowId: tab.windowId, page, origin: isBindable(origin) ? origin : undefined };
}

// A popup that was opened as a window of its own names the window that it is about.
function shownWindow(): { active: boolean; currentWindow: true } | { active: boolean; windowId: number } {
	const windowId = new URLSearchParams(location.search).get("window");
	return windowId === null ? { active: true, currentWindow: true } : { active: true, windowId: Number(windowId) };
}

async function asksForSecret(tabId: number): Promise<boolean> {
	return (await inPage(tabId, () => document.querySelector("input[type=password], input[autocomplete~=one-time-code]") !== null)) ?? false;
}

/** What came of filling in: a page that has one field only is filled. */
export type Filled = "filled" | "none" | "elsewhere";

/** Fills the code into the page if it is still of the origin. */
export async function fill(tabId: number, origin: string, code: string): Promise<Filled> {
	return (await inPage(tabId, fillIn, origin, code)) ?? "elsewhere";
}

// This function runs in the page and sees nothing but its arguments.
function fillIn(origin: string, code: string): Filled {
	if (location.origin !== origin) return "elsewhere";
	const fields = [...document.querySelectorAll<HTMLInputElement>("input[autocomplete~=one-time-code]")].filter(
		(field) => !field.disabled && !field.readOnly && field.checkVisibility({ visibilityProperty: true, opacityProperty: true }),
	);
	const [field] = fields;
	if (!field || fields.length > 1) return "none";
	field.value = code;
	field.dispatchEvent(new Event("input", { bubbles: true }));
	field.focus();
	return "filled";
}

// Pages of the browser and of stores take no script.
async function inPage<A extends unknown[], R>(tabId: number, func: (...args: A) => R, ...args: A): Promise<R | undefined> {
	try {
		const [answer] = await chrome.scripting.executeScript({ target: { tabId, frameIds: [0] }, func, args });
		return answer?.result;
	} catch {
		return undefined;
	}
}
