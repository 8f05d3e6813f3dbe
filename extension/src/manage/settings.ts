// The settings: language, when to lock, passphrase, and the end of everything.

import { el, field } from "../dom";
import { eraseForm, newPassphrase, proven, working } from "../gate";
import { type Language, t } from "../i18n";
import { used } from "../lock";
import { say } from "../page";
import { policy } from "../policy";
import { choose, LOCK_TIMES, type LockTime, settings } from "../settings";
import { hasPassphrase, rekey } from "../vault";

/** Shows all settings. */
export async function showSettings(box: HTMLElement): Promise<void> {
	const locked = await hasPassphrase();
	box.replaceChildren(
		el("h2", {}, t("nav.settings")),
		await languageField(),
		...(locked ? [await lockField()] : []),
		el("h2", {}, t(locked ? "settings.pass_change" : "settings.pass_set")),
		passphraseForm(locked),
		...(locked && !(await policy()).requirePassphrase ? [lockOffForm()] : []),
		el("h2", {}, t("erase.button")),
		eraseForm(t("erase.lead"), () => location.reload()),
		el("h2", {}, t("settings.about")),
		el("p", {}, t("settings.about_text")),
	);
}

async function languageField(): Promise<HTMLElement> {
	const languages: Language[] = ["ja", "en"];
	const select = el("select", { id: "language" }, ...languages.map((language) =>
		el("option", { value: language, lang: language, selected: language === document.documentElement.lang }, t(`settings.${language}`))));
	select.addEventListener("change", () => void choose({ language: select.value as Language }).then(() => location.reload()));
	return field(t("settings.language"), select);
}

async function lockField(): Promise<HTMLElement> {
	const { lockAfter = 0 } = await settings();
	const cap = (await policy()).maxUnlockMinutes;
	const select = el("select", { id: "lock-after" }, ...LOCK_TIMES.map((minutes) =>
		el("option", { value: String(minutes), selected: minutes === lockAfter }, minutes === 0 ? t("settings.lock_close") : t("settings.lock_minutes", { n: minutes }))));
	select.addEventListener("change", () => void choose({ lockAfter: Number(select.value) as LockTime }).then(used).then(() => say(t("accounts.saved"))));
	return field(t("settings.lock"), select, cap === undefined ? "" : t("settings.lock_cap", { n: cap }));
}

/** A new passphrase makes a new key of the vault. */
function passphraseForm(locked: boolean): HTMLElement {
	const now = el("input", { type: "password", id: "now", autocomplete: "current-password" });
	return newPassphrase(t("pass.new_one"), t(locked ? "settings.pass_change" : "settings.pass_set"), async (passphrase) => {
		if (locked && !(await proven(now))) return;
		await rekey(passphrase);
		location.reload();
	}, ...(locked ? [field(t("settings.pass_now"), now)] : []));
}

function lockOffForm(): HTMLElement {
	const now = el("input", { type: "password", id: "now-off", autocomplete: "current-password" });
	const form = working(t("settings.pass_off"), [el("p", { class: "hint" }, t("pass.open_hint")), field(t("settings.pass_now"), now)], async () => {
		if (!(await proven(now))) return;
		await rekey(null);
		location.reload();
	});
	return el("details", {}, el("summary", {}, t("settings.pass_off")), form);
}
