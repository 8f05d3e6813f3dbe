// What the institution has set for its browsers (managed_schema.json).

/** The policy; what is not set forbids nothing. */
export type Policy = {
	requirePassphrase: boolean;
	/** Caps every lock time; undefined if there is no cap. */
	maxUnlockMinutes: number | undefined;
	disablePlainExport: boolean;
};

/** Reads the policy of this browser. */
export async function policy(): Promise<Policy> {
	// Firefox rejects where no policy is installed.
	const managed: { [member in keyof Policy]?: unknown } = await chrome.storage.managed.get().catch(() => ({}));
	const minutes = managed.maxUnlockMinutes;
	return {
		requirePassphrase: managed.requirePassphrase === true,
		maxUnlockMinutes: typeof minutes === "number" && minutes >= 1 ? minutes : undefined,
		disablePlainExport: managed.disablePlainExport === true,
	};
}

/** Calls back when the policy changes. In Chromium it arrives a moment after the extension was installed. */
export function onPolicy(changed: () => void): void {
	chrome.storage.onChanged.addListener((_, area) => {
		if (area === "managed") changed();
	});
}
