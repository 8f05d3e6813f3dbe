package firefox

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"warifu/test/stage"
)

// Tab is a tab or window.
type Tab struct {
	b       *Browser
	context string
}

// NewTab opens a tab, or a window, at an address.
func (b *Browser) NewTab(kind, address string) *Tab {
	b.t.Helper()
	var made struct{ Context string }
	b.Call("browsingContext.create", map[string]any{"type": kind}, &made)
	tab := &Tab{b: b, context: made.Context}
	tab.Open(address)
	return tab
}

// NewPerson opens a tab with cookies of its own, as in another browser.
func (b *Browser) NewPerson(address string) *Tab {
	b.t.Helper()
	var person struct{ UserContext string }
	b.Call("browser.createUserContext", map[string]any{}, &person)
	var made struct{ Context string }
	b.Call("browsingContext.create", map[string]any{"type": "tab", "userContext": person.UserContext}, &made)
	tab := &Tab{b: b, context: made.Context}
	tab.Open(address)
	return tab
}

// Shown waits for a tab or window that has opened by itself, at an address that
// begins so.
func (b *Browser) Shown(address string) *Tab {
	b.t.Helper()
	for deadline := time.Now().Add(PageTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var tree struct {
			Contexts []struct{ Context, URL string }
		}
		b.Call("browsingContext.getTree", map[string]any{}, &tree)
		for _, c := range tree.Contexts {
			if strings.HasPrefix(c.URL, address) && !b.seen[c.Context] {
				b.seen[c.Context] = true
				return &Tab{b: b, context: c.Context}
			}
		}
	}
	b.t.Fatalf("nothing has opened at %s", address)
	return nil
}

// Open goes to an address.
func (t *Tab) Open(address string) {
	t.b.t.Helper()
	t.b.Call("browsingContext.navigate", map[string]any{"context": t.context, "url": address, "wait": "complete"}, nil)
}

// OpenWhenThere goes to an address as soon as there is a page: of an extension that
// is being installed, for instance.
func (t *Tab) OpenWhenThere(address string) {
	t.b.t.Helper()
	var err error
	for deadline := time.Now().Add(PageTime); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if err = t.b.bidi.call(PageTime, "browsingContext.navigate", map[string]any{"context": t.context, "url": address, "wait": "complete"}, nil); err == nil {
			return
		}
	}
	t.b.t.Fatal(err)
}

// Eval returns what an expression, or the promise that it is, comes to.
func (t *Tab) Eval(expression string, arguments ...any) string {
	t.b.t.Helper()
	value, err := t.eval(expression, arguments...)
	if err != nil {
		t.b.t.Fatal(err)
	}
	return value
}

func (t *Tab) eval(expression string, arguments ...any) (string, error) {
	var answer struct {
		Type   string
		Result struct {
			Value any
		}
		ExceptionDetails json.RawMessage
	}
	err := t.b.bidi.call(PageTime, "script.evaluate", map[string]any{
		"expression": fmt.Sprintf(expression, arguments...), "target": map[string]any{"context": t.context}, "awaitPromise": true,
	}, &answer)
	if err == nil && answer.Type != "success" {
		err = fmt.Errorf("%s", answer.ExceptionDetails)
	}
	return fmt.Sprint(answer.Result.Value), err
}

// Until waits until an expression is true; a page that is just being replaced has
// no answer yet.
func (t *Tab) Until(expression string, arguments ...any) {
	t.b.t.Helper()
	for deadline := time.Now().Add(PageTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if value, err := t.eval(expression, arguments...); err == nil && value == "true" {
			return
		}
	}
	text, err := t.eval(`location.href + "\n" + document.body.innerText`)
	t.b.t.Fatalf("not so: %s on:\n%s %v", fmt.Sprintf(expression, arguments...), text, err)
}

// Shows waits until the page shows these words.
func (t *Tab) Shows(words string) {
	t.b.t.Helper()
	t.Until(`document.body.innerText.replace(/\s+/g, " ").includes(%q)`, words)
}

// Press clicks the visible button or link with these words.
func (t *Tab) Press(words string) {
	t.b.t.Helper()
	t.Until(`(() => { const e = %s; if (!e || e.disabled) return false; e.click(); return true; })()`, stage.Named(words))
}

// Follow is Press, and waits for the page that comes.
func (t *Tab) Follow(words string) {
	t.b.t.Helper()
	t.Until(`(() => { const e = %s; if (!e || e.disabled) return false; window.left = true; e.click(); return true; })()`, stage.Named(words))
	t.Until(`window.left === undefined && document.readyState === "complete"`)
}

// Dismiss is Press of what closes the window of the page.
func (t *Tab) Dismiss(words string) {
	t.b.t.Helper()
	t.Until(`%s !== undefined`, stage.Named(words))
	t.Eval(`setTimeout(() => %s.click()); true`, stage.Named(words))
}

// Fill writes into a field as typing does.
func (t *Tab) Fill(selector, text string) {
	t.b.t.Helper()
	t.Until(`(() => { const e = document.querySelector(%q); if (!e) return false; e.focus(); e.value = %q; e.dispatchEvent(new Event("input", {bubbles: true})); return true; })()`, selector, text)
}

// ChooseFile gives a file to the chooser that a selector names.
func (t *Tab) ChooseFile(selector, file string) {
	t.b.t.Helper()
	t.Until(`document.querySelector(%q) !== null`, selector)
	var found struct{ Nodes []struct{ SharedID string } }
	t.b.Call("browsingContext.locateNodes", map[string]any{"context": t.context, "locator": map[string]any{"type": "css", "value": selector}}, &found)
	t.b.Call("input.setFiles", map[string]any{"context": t.context, "element": map[string]any{"sharedId": found.Nodes[0].SharedID}, "files": []string{file}}, nil)
}
