/** C0 and C1 controls and those that turn the direction of text (UAX #9): none of them is ever shown. */
const hidden = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text without control and direction characters, trimmed: fit to be shown. */
export function clean(text: string): string {
	return text.replace(hidden, "").trim();
}

/**
 * The form in which names are compared and searched: NFKC and case-folded. JavaScript has no case
 * folding of its own; upper, then lower case comes to the same but for the sigma at a word's end.
 */
export function fold(text: string): string {
	return text.normalize("NFKC").toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFKC");
}

/** How an account is called in sentences: `Issuer (account)`; whichever is empty is left out. */
export function displayName(issuer: string, account: string, lang: "ja" | "en"): string {
	const [who, whose] = [clean(issuer), clean(account)];
	if (who === "" || whose === "") {
		return who + whose;
	}
	return lang === "ja" ? `${who}（${whose}）` : `${who} (${whose})`;
}
