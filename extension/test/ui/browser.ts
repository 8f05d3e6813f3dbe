// A browser as the background sees it, in memory.

type Listener = (...args: any[]) => unknown;

function listeners(): { addListener(listener: Listener): void; heard: Listener[] } {
	const heard: Listener[] = [];
	return { addListener: (listener) => void heard.push(listener), heard };
}

function area(): Record<string, unknown> {
	let kept: Record<string, unknown> = {};
	return {
		kept: () => kept,
		get: async (key?: string) => structuredClone(key === undefined ? kept : key in kept ? { [key]: kept[key] } : {}),
		set: async (values: Record<string, unknown>) => void (kept = { ...kept, ...structuredClone(values) }),
		remove: async (key: string) => void delete kept[key],
		clear: async () => void (kept = {}),
		onChanged: listeners(),
	};
}

/** The address of the extension's own pages. */
export const OWN = "chrome-extension://abcdefghijklmnopabcdefghijklmnop/";

/** What the background has done to the browser. */
export type Done = { opened: string[]; told: { tabId: number; message: unknown }[] };

/** Puts the browser in place of the global objects, and returns what happens in it. */
export function install(): Done & { runtime: Record<"onMessage" | "onMessageExternal" | "onConnect" | "onConnectExternal", { heard: Listener[] }> } {
	const done: Done = { opened: [], told: [] };
	const runtime = {
		id: new URL(OWN).hostname,
		getURL: (path: string) => OWN + path,
		onMessage: listeners(), onMessageExternal: listeners(), onConnect: listeners(), onConnectExternal: listeners(),
	};
	const chrome = {
		runtime,
		storage: { local: area(), session: area(), managed: area(), onChanged: listeners() },
		alarms: { create: async () => undefined, clear: async () => true, onAlarm: listeners() },
		tabs: { sendMessage: async (tabId: number, message: unknown) => void done.told.push({ tabId, message }), onRemoved: listeners() },
		windows: {
			create: async ({ url }: { url: string }) => ({ id: done.opened.push(url) }),
			remove: async () => undefined,
			onRemoved: listeners(),
		},
	};
	Object.assign(globalThis, { chrome });
	const locks = { request: async (_: string, act: () => unknown) => await act() };
	Object.defineProperty(globalThis, "navigator", { value: { locks, userAgent: "test" }, configurable: true });
	return { ...done, runtime };
}
