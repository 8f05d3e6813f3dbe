// The requests of pages that await a person's decision. They lie in
// storage.session, because the service worker may end while the person reads.

import type { Reason } from "./messages";

/** How long a person may take, in milliseconds. */
export const REQUEST_TIME = 120_000;
/** How many requests may wait in the whole browser; a tab has one. */
export const MAX_REQUESTS = 3;

/** A page's wish to add an account. */
export type PendingRequest = {
	n: string;
	uri: string;
	reason: Reason;
	/** As the browser says, never as the page says. */
	origin: string;
	tabId: number;
	/** The document that asked, where the browser tells. */
	documentId: string | undefined;
	/** The confirm window, once it is open. */
	windowId?: number;
	/** Unix milliseconds. */
	expires: number;
};

const KEY = "requests";
type Requests = Record<string, PendingRequest>;

async function read(): Promise<Requests> {
	const stored = await chrome.storage.session.get(KEY);
	return (stored[KEY] as Requests | undefined) ?? {};
}

// Read, change and write are one step, also between two events of the background.
function change<T>(act: (requests: Requests) => T): Promise<T> {
	return navigator.locks.request(KEY, async () => {
		const requests = await read();
		const result = act(requests);
		await chrome.storage.session.set({ [KEY]: requests });
		return result;
	}) as Promise<T>;
}

/** Returns a request that waits. */
export async function pending(id: string): Promise<PendingRequest | undefined> {
	return (await read())[id];
}

/** Lets a request wait under an id; false if its tab has one already, or the browser too many. */
export function admit(id: string, request: PendingRequest): Promise<boolean> {
	return change((requests) => {
		const others = Object.values(requests);
		if (others.length >= MAX_REQUESTS || others.some((other) => other.tabId === request.tabId)) return false;
		requests[id] = request;
		return true;
	});
}

/** Notes in which window the person is asked. */
export function showIn(id: string, windowId: number): Promise<void> {
	return change((requests) => {
		const request = requests[id];
		if (request) request.windowId = windowId;
	});
}

/** Takes a request away, so that it is answered once only. */
export function take(id: string): Promise<PendingRequest | undefined> {
	return change((requests) => {
		const request = requests[id];
		delete requests[id];
		return request;
	});
}

/** Takes the requests for which this is true. */
export function takeWhere(matches: (request: PendingRequest) => boolean): Promise<PendingRequest[]> {
	return change((requests) => {
		const taken = Object.entries(requests).filter(([, request]) => matches(request));
		for (const [id] of taken) delete requests[id];
		return taken.map(([, request]) => request);
	});
}
