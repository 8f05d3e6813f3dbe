// What stands before the accounts: the choice of a passphrase before the first of
// them is kept, and the passphrase while they are locked.

import { Refused } from "./core/model";
import { el, fault, field, shown } from "./dom";
import { t } from "./i18n";
import { policy } from "./policy";
import { create, erase, hasPassphrase, prove, rekey, state, unlock } from "./vault";

/** The fewest characters of a passphrase, for the vault and for a file. */
export const SHORTEST = 8;

/** Shows in the box what is to be done until the vault is open. It is empty and hidden afterwards. */
export async function openVault(box: HTMLElement): Promise<void> {
	for (let next = await nextStep(); next; next = await nextStep()) {
		box.hidden = false;
		const step = next;
		await new Promise<void>((done) => box.replaceChildren(...step(done)));
	}
	box.replaceChildren();
	box.hidden = true;
}

type Step = (done: () => void) => HTMLElement[];

/** Before an account is kept there is a vault; one that is locked is opened first. */
async function nextStep(): Promise<Step | undefined> {
	const [now, { requirePassphrase }] = [await state(), await policy()];
	if (now === "locked") return unlockStep;
	if (now === "none") return (done) => firstStep(done, requirePassphrase, create);
	if (requirePassphrase && !(await hasPassphrase())) return (done) => firstStep(done, true, rekey);
	return undefined;
}

function firstStep(done: () => void, required: boolean, make: (passphrase: string | null) => Promise<void>): HTMLElement[] {
	const open = el("button", { type: "button", class: "secondary", click: () => void make(null).then(done) }, t("pass.open"));
	return [
		el("h2", {}, t("pass.first_title")),
		el("p", {}, t("pass.first_lead")),
		newPassphrase(t("pass.new"), t("pass.set"), async (passphrase) => {
			await make(passphrase);
			done();
		}),
		...(required ? [] : [el("p", { class: "hint" }, t("pass.open_hint")), open]),
	];
}

function unlockStep(done: () => void): HTMLElement[] {
	const input = el("input", { type: "password", id: "passphrase", autocomplete: "current-password", required: true });
	const form = working(t("pass.unlock"), [field(t("pass.unlock_label"), input)], async () => {
		fault(input, "");
		try {
			await unlock(input.value);
			done();
		} catch (error) {
			if (!(error instanceof Refused)) throw error;
			fault(input, t(whyNot(error)));
			input.select();
		}
	});
	queueMicrotask(() => input.focus());
	return [el("h2", {}, t("pass.unlock_title")), form, forgotten(done)];
}

/** Why a passphrase does not open the vault; the right one does not either where its key cannot be computed. */
function whyNot({ code }: Refused): "pass.wrong" | "pass.cannot" {
	return code === "limits" ? "pass.cannot" : "pass.wrong";
}

/** A form for a passphrase typed twice; `take` gets it once it is good. */
export function newPassphrase(label: string, button: string, take: (passphrase: string) => Promise<void>, ...before: HTMLElement[]): HTMLFormElement {
	const first = el("input", { type: "password", id: "new", autocomplete: "new-password" });
	const again = el("input", { type: "password", id: "again", autocomplete: "new-password" });
	const strength = el("p", { class: "hint", id: "strength" });
	first.addEventListener("input", () => (strength.textContent = first.value ? t("pass.strength", { s: t(strengthOf(first.value)) }) : ""));
	return working(button, [...before, field(label, first, t("pass.new_hint")), strength, field(t("pass.again"), again)], async () => {
		const fine = [...first.value].length >= SHORTEST;
		fault(again, "");
		fault(first, fine ? "" : t("pass.short"));
		if (!fine) return;
		if (first.value !== again.value) return fault(again, t("pass.differ"));
		try {
			await take(first.value);
		} catch (error) {
			if (!(error instanceof Refused) || error.code !== "limits") throw error;
			fault(first, t("pass.cannot"));
		}
	});
}

/** How hard a passphrase is to guess, by its length and the kinds of characters in it. */
export function strengthOf(passphrase: string): "pass.weak" | "pass.fair" | "pass.strong" {
	const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/].filter((kind) => kind.test(passphrase)).length;
	const distinct = new Set(passphrase).size;
	const score = Math.min([...passphrase].length, distinct * 2) + 2 * (kinds - 1);
	if (score < 12) return "pass.weak";
	return score < 18 ? "pass.fair" : "pass.strong";
}

/** A form whose button says that work is going on while a key is derived. */
export function working(label: string, content: HTMLElement[], act: () => Promise<void>): HTMLFormElement {
	const button = el("button", {}, label);
	const form = el("form", { novalidate: true }, ...content, el("p", { class: "actions" }, button));
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		if (button.disabled) return;
		button.disabled = true;
		button.textContent = t("common.working");
		void shown().then(act).finally(() => {
			button.disabled = false;
			button.textContent = label;
		});
	});
	return form;
}

/** Reports whether the field has the passphrase of the vault, and says so at the field if not. */
export async function proven(input: HTMLInputElement): Promise<boolean> {
	try {
		await prove(input.value);
		fault(input, "");
		return true;
	} catch (error) {
		if (!(error instanceof Refused)) throw error;
		fault(input, t(whyNot(error)));
		return false;
	}
}

function forgotten(done: () => void): HTMLElement {
	return el("details", {}, el("summary", {}, t("pass.forgotten")), eraseForm(t("erase.forgotten"), done));
}

/** The form that erases everything once the shown word is typed; `lead` says what that means. */
export function eraseForm(lead: string, done: () => void): HTMLFormElement {
	const word = t("erase.word");
	const input = el("input", { type: "text", id: "erase", autocomplete: "off" });
	const form = el("form", { novalidate: true },
		el("p", {}, lead),
		field(t("erase.label", { word }), input),
		el("p", { class: "actions" }, el("button", { class: "danger" }, t("erase.button"))));
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		fault(input, input.value.trim() === word ? "" : t("erase.wrong", { word }));
		if (input.value.trim() === word) void erase().then(done);
	});
	return form;
}
