// The origins of the sign-on that this build is for.

/** Filled in by build.mjs. */
declare const BUILD_SITES: { origins: string[]; loopback: boolean };

/**
 * Reports whether pages of an origin may speak to the extension. Match patterns
 * know no port, hence the content script runs on more than these.
 */
export function isSignOn(origin: string): boolean {
	if (BUILD_SITES.origins.includes(origin)) return true;
	if (!BUILD_SITES.loopback) return false;
	const { protocol, hostname } = new URL(origin);
	return protocol === "http:" && (hostname === "localhost" || hostname === "127.0.0.1");
}
