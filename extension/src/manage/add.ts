// Ways C to E of adding an account: an image, a text, a key by hand; and the import
// of whole files, which begins alike.

import { addAndTell } from "../add";
import type { Draft } from "../core/model";
import { el, field } from "../dom";
import { t } from "../i18n";
import { handForm } from "./hand";
import { importFiles } from "./import";

/** Shows the ways; the results of an import come below. */
export async function showAdd(box: HTMLElement): Promise<void> {
	const report = el("div", { id: "report" });
	const files = el("input", { type: "file", id: "files", multiple: true });
	files.addEventListener("change", () => void importFiles([...files.files ?? []], report).finally(() => (files.value = "")));
	const text = el("textarea", { id: "text", rows: "4", spellcheck: "false", autocomplete: "off" });
	const take = () => {
		void importFiles([new File([text.value], t("add.text"))], report);
		text.value = ""; // it holds keys
	};
	box.replaceChildren(
		el("h2", {}, t("nav.add")),
		el("p", {}, t("add.lead")),
		el("div", { class: "drop" }, field(t("add.file"), files), el("p", { class: "hint" }, t("add.drop"))),
		report,
		field(t("add.text"), text, t("add.text_hint")),
		el("p", { class: "actions" }, el("button", { type: "button", class: "secondary", click: take }, t("add.text_read"))),
		el("h2", {}, t("add.hand")),
		handForm(addByHand),
	);
}

async function addByHand(draft: Draft): Promise<void> {
	const { outcome } = await addAndTell(draft);
	if (outcome === "stored") location.hash = "#accounts";
}

/** Takes what is dropped on the page or pasted into it, where the view of adding is shown. */
export function takeDropped(view: HTMLElement): void {
	const report = () => document.getElementById("report");
	const mark = (over: boolean) => view.querySelector(".drop")?.classList.toggle("over", over);
	addEventListener("dragover", (event) => {
		event.preventDefault();
		mark(true);
	});
	addEventListener("dragleave", () => mark(false));
	addEventListener("drop", (event) => {
		event.preventDefault(); // else the browser would open the file in place of the page
		mark(false);
		take(event.dataTransfer, report());
	});
	addEventListener("paste", (event) => {
		const target = event.target;
		if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) return;
		take(event.clipboardData, report());
	});
}

function take(data: DataTransfer | null, report: HTMLElement | null): void {
	if (!data || !report) return;
	const text = data.getData("text/plain");
	const files = data.files.length > 0 || text === "" ? [...data.files] : [new File([text], t("add.text"))];
	void importFiles(files, report);
}
