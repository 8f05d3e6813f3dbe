// All that the extension uses of a browser's extension API, in the form that
// Chromium and Firefox share (Manifest V3, promises).

declare namespace chrome {
	interface Listeners<F> {
		addListener(listener: F): void;
	}

	namespace runtime {
		type MessageSender = {
			url?: string;
			frameId?: number;
			/** Absent in Firefox. */
			documentId?: string;
			tab?: tabs.Tab;
		};
		const id: string;
		function getURL(path: string): string;
		function getManifest(): { version: string };
		function sendMessage(message: unknown): Promise<unknown>;
		const onMessage: Listeners<
			(message: any, sender: MessageSender, respond: (answer: unknown) => void) => true | undefined | void
		>;
	}

	namespace storage {
		type Changes = Record<string, { oldValue?: unknown; newValue?: unknown }>;
		type Area = {
			get(key?: string): Promise<Record<string, unknown>>;
			set(values: Record<string, unknown>): Promise<void>;
			remove(key: string): Promise<void>;
			clear(): Promise<void>;
			onChanged: Listeners<(changes: Changes) => void>;
		};
		const local: Area;
		const session: Area;
		const managed: Area;
		const onChanged: Listeners<(changes: Changes, area: string) => void>;
	}

	namespace tabs {
		type Tab = { id?: number; windowId?: number; url?: string; title?: string };
		function query(filter: { active: boolean; currentWindow?: true; windowId?: number }): Promise<Tab[]>;
		function create(properties: { url: string }): Promise<Tab>;
		function sendMessage(tabId: number, message: unknown, to: { documentId: string } | { frameId: number }): Promise<unknown>;
		function captureVisibleTab(windowId: number | undefined, options: { format: "png" }): Promise<string>;
		const onRemoved: Listeners<(tabId: number) => void>;
	}

	namespace windows {
		type Window = { id?: number };
		function create(properties: { url: string; type: "popup"; width: number; height: number }): Promise<Window | undefined>;
		function getCurrent(): Promise<Window>;
		function remove(windowId: number): Promise<void>;
		const onRemoved: Listeners<(windowId: number) => void>;
	}

	namespace alarms {
		type Alarm = { name: string };
		function create(name: string, alarm: { when: number }): Promise<void>;
		function clear(name: string): Promise<boolean>;
		const onAlarm: Listeners<(alarm: Alarm) => void>;
	}

	namespace scripting {
		function executeScript<A extends unknown[], R>(injection: {
			target: { tabId: number; frameIds: number[] };
			func: (...args: A) => R;
			args: A;
		}): Promise<{ result?: R }[]>;
	}
}
