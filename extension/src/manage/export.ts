// The export: a file under a passphrase by default; what leaves in clear asks for
// the passphrase of the vault again and warns.

import { writeEncrypted, write as writeAegis } from "../core/formats/aegis";
import { write as writeAuthExt } from "../core/formats/authext";
import { seal, suffix } from "../core/formats/native";
import { write as writeText } from "../core/formats/text";
import * as migration from "../core/migration";
import type { Account, LeftOut } from "../core/model";
import { nameOf } from "../add";
import { el, fault, field } from "../dom";
import { newPassphrase, proven, working } from "../gate";
import { type Key, t } from "../i18n";
import { say } from "../page";
import { policy } from "../policy";
import { drawCode } from "../qr/draw";
import { change, hasPassphrase, means, view } from "../vault";

/** A format that is written: its words, the end of the file's name, and whether it is in clear. */
type Format = { key: Key; plain: boolean };

const formats: Record<string, Format> = {
	warifu: { key: "export.warifu", plain: false },
	aegis: { key: "export.aegis", plain: false },
	otpauth: { key: "export.otpauth", plain: true },
	authext: { key: "export.authext", plain: true },
	"aegis-plain": { key: "export.aegis_plain", plain: true },
	migration: { key: "export.migration", plain: true },
};

/** Shows the formats, and the form of the chosen one. */
export async function showExport(box: HTMLElement): Promise<void> {
	const { accounts } = await view();
	const { disablePlainExport } = await policy();
	const offered = Object.entries(formats).filter(([, { plain }]) => !(plain && disablePlainExport));
	const choice = el("select", { id: "format" }, ...offered.map(([value, { key }]) => el("option", { value }, t(key))));
	const form = el("div", { id: "form" });
	const show = async () => form.replaceChildren(...(await formOf(choice.value, accounts)));
	choice.addEventListener("change", () => void show());
	const content = accounts.length === 0 ? [el("p", {}, t("export.empty"))] : [field(t("export.format"), choice), form];
	if (disablePlainExport) content.push(el("p", { class: "hint" }, t("export.by_policy")));
	box.replaceChildren(el("h2", {}, t("nav.export")), el("p", {}, t("export.lead")), ...content);
	await show();
}

async function formOf(format: string, accounts: Account[]): Promise<HTMLElement[]> {
	const leftOut = leftOutBy(format, accounts);
	const lost = leftOut.length > 0 ? [el("h3", {}, t("export.left_out")), el("ul", {}, ...leftOut.map((each) => el("li", {}, lossOf(each, accounts))))] : [];
	return [...lost, formats[format]?.plain ? await plainForm(format) : encryptedForm(format)];
}

function leftOutBy(format: string, accounts: Account[]): LeftOut[] {
	if (format === "otpauth") return writeText(accounts).leftOut;
	if (format === "authext") return writeAuthExt(accounts).leftOut;
	if (format === "migration") return migration.write(accounts, 1).leftOut;
	return format.startsWith("aegis") ? writeAegis(accounts).leftOut : [];
}

function lossOf({ id, member, whole }: LeftOut, accounts: Account[]): string {
	const name = nameOf(accounts.find((account) => account.id === id) as Account);
	return whole ? t("export.left_whole", { name }) : t("export.left_member", { name, member: t(`member.${member}`) });
}

function encryptedForm(format: string): HTMLElement {
	return newPassphrase(t("export.passphrase"), t("export.button"), async (passphrase) => {
		const plain = await view();
		const { text, name } = format === "warifu"
			? { text: await seal({ ...plain, exportedAt: new Date().toISOString() }, passphrase, means()), name: suffix }
			: { text: (await writeEncrypted(plain.accounts, passphrase, means())).text, name: ".aegis.json" };
		save(text, name, "application/json");
		await exported(format, plain.accounts);
	});
}

/** In clear: a warning to agree to, and the passphrase again where there is one. */
async function plainForm(format: string): Promise<HTMLElement> {
	const agree = el("input", { type: "checkbox", id: "agree" });
	const input = el("input", { type: "password", id: "current", autocomplete: "current-password" });
	const content: HTMLElement[] = [el("p", { class: "box warn" }, t("export.plain_warn")), el("label", { class: "option", for: "agree" }, agree, t("export.plain_agree"))];
	const locked = await hasPassphrase();
	if (locked) content.push(field(t("export.current"), input));
	const codes = el("div", {});
	const form = working(t(format === "migration" ? "export.show" : "export.button"), content, async () => {
		fault(agree, agree.checked ? "" : t("export.plain_agree"));
		if (!agree.checked || (locked && !(await proven(input)))) return;
		const { accounts } = await view();
		if (format === "migration") showCodes(accounts, codes);
		else saveInClear(format, accounts);
		await exported(format, accounts);
	});
	return el("div", {}, form, codes);
}

function saveInClear(format: string, accounts: Account[]): void {
	if (format === "otpauth") save(writeText(accounts).text, ".txt", "text/plain");
	if (format === "authext") save(writeAuthExt(accounts).text, ".json", "application/json");
	if (format === "aegis-plain") save(writeAegis(accounts).text, ".aegis.json", "application/json");
}

function showCodes(accounts: Account[], box: HTMLElement): void {
	const [batchId = 0] = crypto.getRandomValues(new Uint32Array(1));
	const { uris } = migration.write(accounts, batchId >>> 1);
	box.replaceChildren(...uris.map((uri, i) => el("figure", {},
		el("figcaption", {}, t("export.page", { i: i + 1, n: uris.length })), drawCode(uri, t("export.page", { i: i + 1, n: uris.length })))));
}

function save(text: string, suffix: string, type: string): void {
	const address = URL.createObjectURL(new Blob([text], { type }));
	el("a", { href: address, download: `authenticator-${new Date().toISOString().slice(0, 10)}${suffix}` }).click();
	setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function exported(format: string, accounts: Account[]): Promise<void> {
	const missing = new Set(leftOutBy(format, accounts).filter(({ whole }) => whole).map(({ id }) => id));
	await change((plain) => ({ ...plain, local: { ...plain.local, lastExportAt: new Date().toISOString() } }));
	say(t("export.done", { n: accounts.length - missing.size }));
}
