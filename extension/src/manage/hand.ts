// The form for a key by hand, with the code that it makes.

import { badCharacters, canonical, meant } from "../core/base32";
import type { AccountType, Algorithm, Draft } from "../core/model";
import { code } from "../core/otp";
import { name } from "../core/otpauth";
import { el, fault, field } from "../dom";
import { t } from "../i18n";
import { follow, grouped } from "../ticker";

/** Returns the form; `take` gets the account once all is right. */
export function handForm(take: (draft: Draft) => Promise<void>): HTMLFormElement {
	const text = (id: string) => el("input", { type: "text", id, autocomplete: "off", spellcheck: "false", maxlength: "200" });
	const number = (id: string, value: number, min: number, max: number) =>
		el("input", { type: "number", id, value: String(value), min: String(min), max: String(max), step: "1" });
	const issuer = text("issuer");
	const account = text("account");
	const key = text("key");
	key.classList.add("key");
	key.removeAttribute("maxlength");
	const type = select("type", [["totp", t("add.type_totp")], ["hotp", t("add.type_hotp")], ["steam", t("add.type_steam")]]);
	const algorithm = select("algorithm", [["SHA1", "SHA-1"], ["SHA256", "SHA-256"], ["SHA512", "SHA-512"]]);
	const digits = number("digits", 6, 5, 10);
	const period = number("period", 30, 1, 3600);
	const counter = number("counter", 0, 0, Number.MAX_SAFE_INTEGER);
	const preview = el("output", { "aria-live": "off", id: "preview" });
	const read = (): Draft => ({
		type: type.value as AccountType,
		issuer: name(issuer.value),
		account: name(account.value),
		secret: canonical(key.value),
		algorithm: algorithm.value as Algorithm,
		digits: type.value === "steam" ? 5 : digits.valueAsNumber,
		...(type.value === "hotp" ? { counter: counter.valueAsNumber } : { period: period.valueAsNumber }),
	});
	const fieldOfCounter = field(t("add.counter"), counter);
	const fieldOfPeriod = field(t("add.period"), period);
	const fieldOfDigits = field(t("add.digits"), digits);
	const show = () => {
		fieldOfCounter.hidden = type.value !== "hotp";
		fieldOfPeriod.hidden = type.value === "hotp";
		fieldOfDigits.hidden = type.value === "steam";
		void showPreview(preview, read, numbersFit([digits, period, counter]));
	};
	const form = el("form", { novalidate: true },
		field(t("common.issuer"), issuer), field(t("common.account"), account), field(t("add.key"), key, t("add.key_hint")),
		el("details", {}, el("summary", {}, t("add.advanced")),
			el("div", { class: "row" }, field(t("add.type"), type), field(t("add.algorithm"), algorithm), fieldOfDigits, fieldOfPeriod, fieldOfCounter)),
		el("p", {}, preview),
		el("p", { class: "actions" }, el("button", {}, t("add.button"))));
	form.addEventListener("input", show);
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		if (checked(key, [digits, type.value === "hotp" ? counter : period])) void take(read());
	});
	addEventListener("hashchange", follow(show), { once: true }); // the form is left by that
	return form;
}

function select(id: string, options: [string, string][]): HTMLSelectElement {
	return el("select", { id }, ...options.map(([value, label]) => el("option", { value }, label)));
}

async function showPreview(preview: HTMLElement, read: () => Draft, fit: boolean): Promise<void> {
	let text: string | undefined;
	try {
		if (fit) text = await code(read(), Date.now());
	} catch {
		text = undefined; // not complete yet
	}
	preview.textContent = text === undefined ? t("add.preview_none") : t("add.preview", { code: grouped(text) });
}

function numbersFit(inputs: HTMLInputElement[]): boolean {
	return inputs.every((input) => input.validity.valid && Number.isSafeInteger(input.valueAsNumber));
}

/** Says what is wrong at the first field that is; true if none is. */
function checked(key: HTMLInputElement, numbers: HTMLInputElement[]): boolean {
	for (const input of [...numbers].reverse()) {
		const { min, max } = input;
		if (input.closest("details")) (input.closest("details") as HTMLDetailsElement).open ||= !numbersFit([input]);
		fault(input, numbersFit([input]) ? "" : t("add.range", { from: min, to: max }));
	}
	const wrong = faultOf(key.value);
	fault(key, wrong);
	return wrong === "" && numbersFit(numbers);
}

/** What is wrong with a key, with the characters that cannot be in it; empty if nothing is. */
function faultOf(key: string): string {
	const bad = badCharacters(key);
	if (bad.length > 0) {
		const list = bad.map((each) => (meant(each) === undefined ? each : t("add.key_meant", { bad: each, good: meant(each) as string })));
		return t("add.key_bad", { list: list.join(" ") });
	}
	try {
		canonical(key);
		return "";
	} catch {
		return t("add.key_length");
	}
}
