// The import: files of any kind are read, the passphrase is asked for where one is
// encrypted, conflicts are put to the person at once, and all is stored in one
// write. It ends with the sums and a line for each account.

import { isKnown, read as readText } from "../core/formats/text";
import { kdfs } from "../core/kdfs";
import { type Readable, read } from "../core/importing";
import { type Answer, type Conflict, type Line, merge, type Merged, sums } from "../core/merge";
import { type Draft, type Failure, type Found, type Plain, Refused, type Tombstone } from "../core/model";
import { displayName } from "../core/names";
import { maxBytes, sniff } from "../core/sniff";
import { addAndTell, nameOf } from "../add";
import { el, fault, field } from "../dom";
import { working } from "../gate";
import { type Key, lang, t } from "../i18n";
import { say } from "../page";
import { change, view } from "../vault";

/** The most characters of a foreign QR code that are shown. */
const shownText = 200;

/** What was found in all files together. */
type Incoming = { drafts: Draft[]; failures: Failure[]; deleted: Tombstone[] };

/** Imports files; what becomes of them is written into the report. */
export async function importFiles(files: File[], report: HTMLElement): Promise<void> {
	report.replaceChildren();
	say("");
	const incoming: Incoming = { drafts: [], failures: [], deleted: [] };
	const refusals: string[] = [];
	for (const file of files) {
		try {
			const found = await readFile(file, report);
			incoming.drafts.push(...found.drafts);
			incoming.failures.push(...found.failures);
			incoming.deleted.push(...found.deleted ?? []);
		} catch (error) {
			if (!(error instanceof Refused)) throw error;
			refusals.push(refusalOf(error, file.name));
		}
	}
	if (refusals.length > 0) say(refusals.join(" "));
	const [only] = incoming.drafts;
	if (only && only.id === undefined && incoming.drafts.length === 1 && incoming.failures.length === 0) return void (await addAndTell(only));
	if (incoming.drafts.length + incoming.failures.length + incoming.deleted.length > 0) await take(incoming, report);
}

function refusalOf({ code }: Refused, file: string): string {
	if (code === "unknown") return t("import.unknown", { file, list: t("import.kinds") });
	return code === "passphrase" ? t("bad_pass") : `${file}: ${t(`refused.${code}`)}`;
}

async function readFile(file: File, box: HTMLElement): Promise<Found> {
	if (file.size > maxBytes) throw new Refused("limits");
	const bytes = new Uint8Array(await file.arrayBuffer());
	const sniffed = sniff(bytes);
	if (sniffed.kind === "image") return await readCodes(file);
	return sniffed.encrypted ? await readEncrypted(file.name, sniffed, box) : await read(sniffed, "", kdfs);
}

async function readCodes(file: File): Promise<Found> {
	const { readImage } = await import("../qr/image"); // large, and not needed for files
	const texts = await readImage(file).catch(() => {
		throw new Refused("malformed");
	});
	const known = texts.filter(isKnown);
	const foreign = texts.find((text) => !isKnown(text));
	if (foreign !== undefined) say(t("not_totp", { text: foreign.slice(0, shownText) }));
	else if (texts.length === 0) say(t("scan.none"));
	return readText(known.join("\n"));
}

/** Asks for the passphrase of a file until it is right; leaving it takes nothing from the file. */
function readEncrypted(name: string, file: Readable, box: HTMLElement): Promise<Found> {
	return new Promise((resolve, reject) => {
		const input = el("input", { type: "password", id: "file-passphrase", autocomplete: "off" });
		const form = working(t("import.open"), [el("p", {}, t("import.passphrase_for", { file: name })), field(t("import.passphrase"), input)], async () => {
			fault(input, "");
			try {
				const found = await read(file, input.value, kdfs);
				box.replaceChildren();
				resolve(found);
			} catch (error) {
				if (error instanceof Refused && error.code === "passphrase") return fault(input, t("bad_pass"));
				box.replaceChildren();
				reject(error);
			}
		});
		box.replaceChildren(form);
		input.focus();
	});
}

/** Merges, asks about conflicts first, and reports. */
async function take(incoming: Incoming, report: HTMLElement): Promise<void> {
	const { conflicts } = merged(await view(), incoming, new Map());
	const answers = conflicts.length > 0 ? await askConflicts(conflicts, report) : new Map<number, Answer>();
	let result: Merged | undefined;
	await change((plain) => {
		result = merged(plain, incoming, answers);
		return result.plain;
	});
	if (result) showReport(result, incoming.failures, report);
}

function merged(plain: Plain, incoming: Incoming, answers: ReadonlyMap<number, Answer>): Merged {
	return merge(plain, { ...incoming, answers }, new Date(), () => crypto.randomUUID());
}

function askConflicts(conflicts: Conflict[], report: HTMLElement): Promise<Map<number, Answer>> {
	const choices: [Answer, Key][] = [["replace", "conflict.replace"], ["keep", "conflict.both"], ["skip", "conflict.skip"]];
	const questions = conflicts.map(({ index, incoming, preset }) => el("fieldset", {},
		el("legend", {}, nameOf(incoming)),
		...choices.map(([answer, key]) => el("label", { class: "option" },
			el("input", { type: "radio", name: String(index), value: answer, required: true, checked: answer === preset }), t(key)))));
	return new Promise((resolve) => {
		const form = el("form", {}, el("p", {}, t("import.keep")), ...questions, el("p", { class: "actions" }, el("button", {}, t("import.go"))));
		form.addEventListener("submit", (event) => {
			event.preventDefault();
			const chosen = new FormData(form);
			resolve(new Map(conflicts.map(({ index }) => [index, chosen.get(String(index)) as Answer])));
		});
		report.replaceChildren(form);
		form.querySelector("input")?.focus();
	});
}

function showReport({ lines, binned }: Merged, failures: Failure[], report: HTMLElement): void {
	const { added: a, replaced: r, same: s, failed: f } = sums(lines, failures);
	say(t("import_sum", { a, r, s, f }));
	const rows = [
		...lines.map((line) => `${displayed(line)}: ${t(words[line.outcome])}`),
		...binned.map((account) => `${nameOf(account)}: ${t("import.binned")}`),
		...failures.map((failure) => `${displayed(failure) || t("import.entry", { n: failure.at })}: ${t("import.failed", { reason: reasonOf(failure) })}`),
	];
	report.replaceChildren(el("h3", {}, t("import.title")), el("ul", {}, ...rows.map((text) => el("li", {}, text))));
}

const words: Record<Line["outcome"], Key> = {
	added: "import.added", replaced: "import.replaced", same: "import.same", deleted: "import.deleted", skipped: "import.skipped", asked: "import.skipped",
};

function displayed({ issuer, account }: { issuer: string; account: string }): string {
	return displayName(issuer, account, lang());
}

function reasonOf({ code, detail }: Failure): string {
	return code === "missing" ? t("scan.batch", { list: detail }) : t(`refused.${code}`);
}
