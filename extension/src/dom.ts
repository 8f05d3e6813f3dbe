// The small part of building pages that all of ours share. Text is set as text,
// never as markup: much of it comes from files and pages of others.

type Attributes = Record<string, string | boolean | undefined | ((event: Event) => void)>;

/** Makes an element. True sets an attribute without value, false and undefined leave it out, a function listens to the event of that name. */
export function el<K extends keyof HTMLElementTagNameMap>(
	name: K,
	attributes: Attributes = {},
	...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(key, value);
		else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
	}
	element.append(...children);
	return element;
}

/** Returns the element with an id, which the page is known to have. */
export function byId(id: string): HTMLElement {
	const element = document.getElementById(id);
	if (!element) throw new Error(`no element ${id}`);
	return element;
}

/** A field with its label, and a hint if there is one. */
export function field(label: string, input: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement, hint = ""): HTMLElement {
	const box = el("div", { class: "field" }, el("label", { for: input.id }, label));
	if (hint !== "") {
		input.setAttribute("aria-describedby", `${input.id}-hint`);
		box.append(el("p", { class: "hint", id: `${input.id}-hint` }, hint));
	}
	box.append(input);
	return box;
}

/** Says what is wrong at a field, and gives it the focus; an empty text takes that back. */
export function fault(input: HTMLElement, text: string): void {
	const id = `${input.id}-fault`;
	document.getElementById(id)?.remove();
	input.toggleAttribute("aria-invalid", false);
	const hint = document.getElementById(`${input.id}-hint`) ? `${input.id}-hint` : "";
	input.setAttribute("aria-describedby", hint);
	if (text === "") return;
	input.before(el("p", { class: "fault", id, role: "alert" }, text));
	input.setAttribute("aria-invalid", "true");
	input.setAttribute("aria-describedby", `${hint} ${id}`.trim());
	input.focus();
}

/** Waits until the page has shown what was changed, before work that keeps it busy. */
export function shown(): Promise<void> {
	return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
