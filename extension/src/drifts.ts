// What the pages of each origin told of this device's clock, until the browser
// closes. The offsets that a person chose from it are in the vault.

const KEY = "drifts";

/** Milliseconds by which this device is slow, per origin; below 0 it is fast. */
export type Drifts = Record<string, number>;

/** Returns the newest drift of each origin that was visited. */
export async function drifts(): Promise<Drifts> {
	const stored = await chrome.storage.session.get(KEY);
	return (stored[KEY] as Drifts | undefined) ?? {};
}

/** Keeps what a page of this origin showed, in place of what an earlier one did. */
export async function noteDrift(origin: string, drift: number): Promise<void> {
	if (!Number.isFinite(drift)) return;
	await navigator.locks.request(KEY, async () => {
		await chrome.storage.session.set({ [KEY]: { ...(await drifts()), [origin]: drift } });
	});
}
