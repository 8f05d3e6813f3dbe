// The texts. chrome.i18n follows the browser; people choose the language in the
// settings, hence a loader of our own.

import en from "../i18n/en.json";
import ja from "../i18n/ja.json";
import { settings } from "./settings";

export type Language = "ja" | "en";
export type Key = keyof typeof ja;

const catalogues: Record<Language, Record<Key, string>> = { ja, en };
let language: Language = "ja";

/** Returns the language in which texts are returned. */
export function lang(): Language {
	return language;
}

/** Takes the chosen language, else the browser's, and writes the texts of the page's own elements. */
export async function loadLanguage(): Promise<void> {
	language = (await settings()).language ?? (navigator.language.startsWith("ja") ? "ja" : "en");
	document.documentElement.lang = language;
	for (const element of document.querySelectorAll<HTMLElement>("[data-t]")) element.textContent = t(element.dataset["t"] as Key);
	document.title = t(document.documentElement.dataset["title"] as Key);
}

/** Returns a text with its placeholders filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
	return catalogues[language][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}

/** Returns the day and time as people read them. */
export function when(time: string | number): string {
	return new Intl.DateTimeFormat(language === "ja" ? "ja-JP" : "en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}
