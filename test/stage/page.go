package stage

import "fmt"

// Named is the JavaScript expression of the visible button or link with these
// words, in the dialog if one is open.
func Named(words string) string {
	return fmt.Sprintf(`[...(document.querySelector("dialog[open]") ?? document).querySelectorAll("button, a, summary, label.option")].find((e) => e.checkVisibility({visibilityProperty: true}) && e.textContent.replace(/\s+/g, " ").trim() === %q)`, words)
}
