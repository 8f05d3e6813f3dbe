// The accounts at leisure: order, names, sites, QR code, bin.

import { edit, prune, remove, reorder, restore } from "../core/accounts";
import type { Account, Binned } from "../core/model";
import { name, write } from "../core/otpauth";
import { nameOf } from "../add";
import { ask } from "../dialog";
import { el, fault, field } from "../dom";
import { proven } from "../gate";
import { t, when } from "../i18n";
import { say } from "../page";
import { policy } from "../policy";
import { drawCode } from "../qr/draw";
import { change, hasPassphrase, view } from "../vault";

/** Shows the list, and the bin below it. */
export async function showAccounts(box: HTMLElement): Promise<void> {
	const plain = prune(await view(), new Date());
	const { disablePlainExport } = await policy();
	const rows = plain.accounts.map((account, i) => row(account, plain.accounts, i, !disablePlainExport));
	const bin = plain.local?.bin ?? [];
	box.replaceChildren(
		el("h2", {}, t("nav.accounts")),
		rows.length > 0 ? el("ol", { class: "rows" }, ...rows) : el("p", {}, t("accounts.empty")),
		el("h2", {}, t("bin.title")),
		el("p", { class: "hint" }, t("bin.lead")),
		bin.length > 0 ? el("ul", { class: "rows" }, ...bin.map(binned)) : el("p", {}, t("bin.empty")),
	);
}

function row(account: Account, all: Account[], place: number, withCode: boolean): HTMLElement {
	const names = el("p", { class: "names" }, el("strong", {}, account.issuer || account.account), " ", el("span", {}, account.issuer ? account.account : ""));
	const button = (label: string, act: () => void | Promise<void>, disabled = false) =>
		el("button", { type: "button", class: "secondary small", disabled, click: () => void act(), "aria-label": `${label}: ${nameOf(account)}` }, label);
	return el("li", {}, names,
		...account.origins.map((origin) => el("p", { class: "hint" }, `${t("common.origin")}: ${origin}`)),
		el("p", { class: "actions" },
			button(t("accounts.edit"), () => editDialog(account)),
			button(t("accounts.up"), () => move(all, place, -1), place === 0),
			button(t("accounts.down"), () => move(all, place, 1), place === all.length - 1),
			...(withCode ? [button(t("accounts.qr"), () => showCode(account))] : []),
			button(t("accounts.delete"), () => deleteDialog(account))));
}

async function move(all: Account[], place: number, by: number): Promise<void> {
	const ids = all.map(({ id }) => id);
	const [moved] = ids.splice(place, 1);
	ids.splice(place + by, 0, moved as string);
	await change((plain) => reorder(plain, ids));
	say(t("accounts.moved", { name: nameOf(all[place] as Account) }));
}

async function editDialog(account: Account): Promise<void> {
	const issuer = el("input", { type: "text", id: "issuer", value: account.issuer, autocomplete: "off", maxlength: "200" });
	const whose = el("input", { type: "text", id: "account", value: account.account, autocomplete: "off", maxlength: "200" });
	const kept = account.origins.map((origin, i) => {
		const box = el("input", { type: "checkbox", id: `origin-${i}`, checked: true, value: origin });
		return { box, label: el("label", { class: "option", for: box.id }, box, origin) };
	});
	const sites = kept.length > 0 ? [el("fieldset", {}, el("legend", {}, t("accounts.sites")), ...kept.map(({ label }) => label))] : [];
	const answer = await ask(t("accounts.edit_of", { name: nameOf(account) }),
		[field(t("common.issuer"), issuer), field(t("common.account"), whose), ...sites],
		[{ answer: "save", label: t("common.save") }, { answer: "cancel", label: t("common.cancel"), look: "secondary" }], "cancel");
	if (answer === "cancel") return;
	const origins = kept.filter(({ box }) => box.checked).map(({ box }) => box.value);
	await change((plain) => edit(plain, account.id, { issuer: name(issuer.value), account: name(whose.value), origins }, new Date()));
	say(t("accounts.saved"));
}

/** The code is the account in clear: it comes after a warning, and after the passphrase where there is one. */
async function showCode(account: Account): Promise<void> {
	const warning = el("p", { class: "box warn" }, t("accounts.qr_warn"));
	const input = el("input", { type: "password", id: "current", autocomplete: "current-password" });
	const locked = await hasPassphrase();
	const answer = await ask(nameOf(account), locked ? [warning, field(t("export.current"), input)] : [warning],
		[{ answer: "show", label: t("accounts.qr") }, { answer: "cancel", label: t("common.cancel"), look: "secondary" }],
		"cancel", (chosen) => chosen === "cancel" || !locked || proven(input));
	if (answer === "cancel") return;
	const code = drawCode(write(account), t("accounts.qr_alt", { name: nameOf(account) }));
	await ask(nameOf(account), [el("div", {}, code)], [{ answer: "close", label: t("common.close") }], "close");
}

/** Asks for the name, typed, and moves the account to the bin. */
async function deleteDialog(account: Account): Promise<void> {
	const shown = nameOf(account);
	const typed = el("input", { type: "text", id: "typed", autocomplete: "off" });
	const content = [el("p", {}, t("accounts.delete_lead")), field(t("accounts.delete_label", { name: shown }), typed)];
	const answer = await ask(t("accounts.delete"), content,
		[{ answer: "delete", label: t("accounts.delete"), look: "danger" }, { answer: "cancel", label: t("common.cancel"), look: "secondary" }],
		"cancel", (chosen) => {
			const right = chosen === "cancel" || typed.value.trim() === shown;
			fault(typed, right ? "" : t("accounts.delete_wrong", { name: shown }));
			return right;
		});
	if (answer === "cancel") return;
	await change((plain) => remove(plain, account.id, new Date()));
	say(t("accounts.deleted", { name: shown }));
}

function binned({ account, at }: Binned): HTMLElement {
	const back = async () => {
		await change((plain) => restore(plain, account.id, new Date()));
		say(t("bin.restored", { name: nameOf(account) }));
	};
	return el("li", {}, el("p", { class: "names" }, t("bin.row", { name: nameOf(account), date: when(at) })),
		el("p", { class: "actions" }, el("button", { type: "button", class: "secondary small", click: () => void back() }, t("bin.restore", { name: nameOf(account) }))));
}
