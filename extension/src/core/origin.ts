import type { Account } from "./model";
import { fold } from "./names";

/** Whether the text is an origin exactly as a browser writes it: no path, no default port, lower case. */
export function isOrigin(text: string): boolean {
	return parse(text)?.origin === text;
}

/** Whether an account may be bound to the origin: `https`, or `http` on loopback. */
export function isBindable(origin: string): boolean {
	if (!isOrigin(origin)) {
		return false;
	}
	const { protocol, hostname } = new URL(origin);
	return protocol === "https:" || (protocol === "http:" && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname));
}

/** Whether the account is bound to exactly this origin: same scheme, host and port. */
export function isBound(account: { origins?: string[] }, origin: string): boolean {
	return account.origins?.includes(origin) ?? false;
}

/** What the look-alike hint knows of the page that is shown. */
export interface Page {
	url: string;
	title: string;
	/** Whether it has a field for a password or a one-time code. */
	asks: boolean;
}

/**
 * Whether the page looks like a site that an account is bound to without being it. A hint for the
 * person, no protection: that is what passkeys are for.
 */
export function looksAlike(page: Page, accounts: Account[]): boolean {
	const host = parse(page.url)?.hostname ?? "";
	const bound = accounts.filter((account) => account.origins.length > 0);
	const hosts = [...new Set(bound.flatMap((account) => account.origins.map((origin) => parse(origin)?.hostname ?? "")))]
		.filter((known) => known !== "");
	if (host === "" || hosts.some((known) => host === known || host.endsWith(`.${known}`))) {
		return false;
	}
	const title = fold(page.title);
	return hosts.some((known) => host.includes(known) || withinTwoEdits(host, known))
		|| (hosts.length > 0 && hasPunycode(host) && !hosts.some(hasPunycode))
		|| (page.asks && bound.some(({ issuer }) => issuer !== "" && title.includes(fold(issuer))));
}

function parse(text: string): URL | undefined {
	try {
		return new URL(text);
	} catch {
		return undefined;
	}
}

function hasPunycode(host: string): boolean {
	return host.split(".").some((label) => label.startsWith("xn--"));
}

/** Whether at most two characters must be put in, taken out or changed to make one text the other. */
function withinTwoEdits(a: string, b: string): boolean {
	if (Math.abs(a.length - b.length) > 2) {
		return false;
	}
	let row = Array.from({ length: b.length + 1 }, (_, j) => j);
	for (let i = 1; i <= a.length; i++) {
		const above = row;
		row = [i];
		for (let j = 1; j <= b.length; j++) {
			const changed = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
			row.push(Math.min(changed, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
		}
	}
	return (row[b.length] ?? 0) <= 2;
}
