import { el } from "./dom";

/** A button of a dialog: the answer that it gives, its words, and how much it weighs. */
export type Choice<A extends string> = { answer: A; label: string; look?: "secondary" | "danger" };

/**
 * Asks in a modal dialog, and returns the answer. The first choice has the focus;
 * leaving by Escape gives another one. An answer that is not `fit` leaves the dialog
 * open.
 */
export function ask<A extends string>(
	title: string, content: HTMLElement[], choices: Choice<A>[], escape: A, fit: (answer: A) => boolean | Promise<boolean> = () => true,
): Promise<A> {
	return new Promise((resolve) => {
		const heading = el("h2", { id: "dialog-title" }, title);
		const buttons = choices.map(({ answer, label, look }) => el("button", { type: "button", class: look, value: answer }, label));
		const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, heading, ...content, el("p", { class: "actions" }, ...buttons));
		const finish = async (answer: A) => {
			if (!(await fit(answer))) return;
			dialog.close();
			dialog.remove();
			resolve(answer);
		};
		choices.forEach(({ answer }, i) => buttons[i]?.addEventListener("click", () => void finish(answer)));
		dialog.addEventListener("cancel", (event) => {
			event.preventDefault();
			void finish(escape);
		});
		document.body.append(dialog);
		dialog.showModal();
		buttons[0]?.focus();
	});
}
