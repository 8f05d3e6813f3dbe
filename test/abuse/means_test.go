package abuse

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/passkey/passkeytest"
)

// create makes a passkey on the account's page, as its script does.
func (b *browser) create(d *passkeytest.Device) page {
	b.w.t.Helper()
	a := b.begin("/account/passkeys/begin", b.get("/account/passkeys"))
	response, err := d.Create(a.Options)
	b.w.must(err)
	return b.finish(a, response)
}

// finish sends what a device says to the account's page.
func (b *browser) finish(a asked, response []byte) page {
	form := a.page.hidden()
	form.Set("id", a.ID)
	form.Set("response", string(response))
	return b.post("/account/passkeys", form)
}

// TestPasskeyInTheAccount makes, names and removes passkeys, and is told of it.
// WAN-4, TOTP-12, NOT-1.
func TestPasskeyInTheAccount(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, d := w.newBrowser(), passkeytest.New(base)
		b.signIn(hanako)
		if got := b.create(d); got.Header().Get("Location") != "/account/passkeys?done=passkey" {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		list := b.get("/account/passkeys?done=passkey")
		if !list.says("The passkey has been created.") || !list.says("Chrome・Windows") || w.mailed("was created.") == 0 {
			t.Errorf("%s", list.Body)
		}
		if _, err := d.Create(b.begin("/account/passkeys/begin", list).Options); err == nil {
			t.Error("a device may make two")
		}
		id := passkey.EncodeID(d.Passkeys[0].ID)
		rename := b.get("/account/passkeys/rename?id=" + id)
		if got := b.submit("/account/passkeys/rename", rename, "id", id, "name", "  "); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("an empty name: %d", got.Code)
		}
		if got := b.submit("/account/passkeys/rename", rename, "id", id, "name", "研究室の PC"); got.Header().Get("Location") != "/account/passkeys?done=renamed" {
			t.Errorf("rename: %d %s", got.Code, got.Body)
		}
		other := w.newBrowser()
		if got := other.device(other.beginAlone(), d); !got.in() {
			t.Fatalf("sign-in: %d %s", got.Code, got.Body)
		}
		ask := b.get("/account/passkeys/remove?id=" + id)
		if !ask.says("Remove the passkey “研究室の PC”?") {
			t.Fatalf("%d %s", ask.Code, ask.Body)
		}
		if got := b.submit("/account/passkeys/remove", ask, "id", id); got.Header().Get("Location") != "/account/passkeys?done=removed" {
			t.Errorf("remove: %d %s", got.Code, got.Body)
		}
		if n := w.mailed("The passkey “研究室の PC” was removed."); n == 0 {
			t.Error("nobody was told")
		}
		last := w.newBrowser()
		if got := last.device(last.beginAlone(), d); got.in() || last.signedIn() {
			t.Error("a removed passkey signs in")
		}
	})
}

// TestLastMethodStays wants one second factor to stay. TOTP-12.
func TestLastMethodStays(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		w.exec(`DELETE FROM totp_authenticator WHERE subscriber_id = '` + w.subscriber(hanako.id) + `'`)
		b := w.newBrowser()
		if got := b.device(b.beginAlone(), d); !got.in() {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		id := passkey.EncodeID(d.Passkeys[0].ID)
		ask := b.get("/account/passkeys/remove?id=" + id)
		if ask.Code != http.StatusConflict || !ask.says("You cannot remove your only method") {
			t.Errorf("%d %s", ask.Code, ask.Body)
		}
		second := passkeytest.New(base)
		b.create(second)
		ask = b.get("/account/passkeys/remove?id=" + id)
		w.exec(`DELETE FROM passkey WHERE name <> 'MacBook'`) // meanwhile
		if got := b.submit("/account/passkeys/remove", ask, "id", id); got.Code != http.StatusConflict || w.count(`SELECT COUNT(*) FROM passkey`) != 1 {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}

// TestA55Registration spoils what makes a passkey. A55, WAN-1, WAN-2, WAN-4.
func TestA55Registration(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.signIn(hanako)
		for name, spoil := range map[string]func(d *passkeytest.Device){
			"another origin":       func(d *passkeytest.Device) { d.Origin = "https://evil.example" },
			"of a sign-in":         func(d *passkeytest.Device) { d.ClientData = func(c map[string]any) { c["type"] = "webauthn.get" } },
			"another RP ID":        func(d *passkeytest.Device) { d.AuthData = func(b []byte) []byte { b[0] ^= 1; return b } },
			"no user verification": func(d *passkeytest.Device) { d.Flags = passkeytest.UP },
		} {
			d := passkeytest.New(base)
			spoil(d)
			if got := b.create(d); got.Code != http.StatusUnprocessableEntity || !got.says("The passkey was not created.") {
				t.Errorf("%s: %d %s", name, got.Code, got.Body)
			}
		}
		d := passkeytest.New(base)
		a := b.begin("/account/passkeys/begin", b.get("/account/passkeys"))
		response, err := d.Create(a.Options)
		w.must(err)
		other := w.newBrowser()
		other.signIn(seeded(1))
		foreign := other.begin("/account/passkeys/begin", other.get("/account/passkeys"))
		foreign.ID = a.ID
		if got := other.finish(foreign, response); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("another person's question: %d", got.Code)
		}
		if got := b.finish(a, response); got.Header().Get("Location") != "/account/passkeys?done=passkey" {
			t.Errorf("the right one: %d %s", got.Code, got.Body)
		}
		if got := b.finish(a, response); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("the same answer again: %d", got.Code)
		}
		again := other.begin("/account/passkeys/begin", other.get("/account/passkeys"))
		doubled, err := d.Attest(d.Passkeys[0], passkeytest.Challenge(again.Options))
		w.must(err)
		if got := other.finish(again, doubled); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("a doubled id: %d %s", got.Code, got.Body)
		}
		if n := w.count(`SELECT COUNT(*) FROM passkey`); n != 1 {
			t.Errorf("%d passkeys", n)
		}
	})
}

// TestA14Means wants a second factor at the pages of passkeys and codes, and a
// fresh one for every change. A14, SES-8, SES-10, TOTP-12, WAN-4, REC-1.
func TestA14Means(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		id := passkey.EncodeID(d.Passkeys[0].ID)
		b := w.newBrowser()
		b.signIn(hanako)
		passkeys, codes, remove := b.get("/account/passkeys"), b.get("/account/recovery-codes"), b.get("/account/passkeys/remove?id="+id)
		asked := b.begin("/account/passkeys/begin", passkeys)
		changes := map[string]func() page{
			"begin":  func() page { return b.post("/account/passkeys/begin", passkeys.hidden()) },
			"create": func() page { return b.finish(asked, []byte("{}")) },
			"ask":    func() page { return b.get("/account/passkeys/remove?id=" + id) },
			"remove": func() page { return b.submit("/account/passkeys/remove", remove, "id", id) },
			"codes":  func() page { return b.submit("/account/recovery-codes", codes) },
		}
		untouched := func() {
			t.Helper()
			if n := w.count(`SELECT COUNT(*) FROM passkey`) + w.count(`SELECT COUNT(*) FROM recovery_code`); n != 1 {
				t.Errorf("something has changed: %d", n)
			}
		}
		w.pass(6 * time.Minute)
		for name, change := range changes {
			if got := change(); !strings.HasPrefix(got.Header().Get("Location"), "/login?p=") {
				t.Errorf("%s after six minutes: %d %s", name, got.Code, got.Header().Get("Location"))
			}
		}
		for _, path := range []string{"/account/passkeys", "/account/recovery-codes"} {
			if got := b.get(path); got.Code != http.StatusOK {
				t.Errorf("%s after six minutes: %d", path, got.Code)
			}
		}
		untouched()
		w.exec(`UPDATE session SET evidence = '[{"kind":"password","at":"2026-11-24T09:06:00Z"},{"kind":"otp","at":"2026-11-24T09:06:00Z"}]'`)
		for _, path := range []string{"/account/passkeys", "/account/recovery-codes", "/account/passkeys/rename?id=" + id} {
			if got := b.get(path); got.Code != http.StatusConflict || !got.says("Log in with the Authenticator or a passkey.") {
				t.Errorf("%s in a fallback session: %d", path, got.Code)
			}
		}
		for name, change := range changes {
			if got := change(); got.Code != http.StatusConflict {
				t.Errorf("%s in a fallback session: %d", name, got.Code)
			}
		}
		untouched()
		delete(b.cookies, "__Host-session")
		for name, change := range changes {
			if got := change(); !strings.HasPrefix(got.Header().Get("Location"), "/login") {
				t.Errorf("%s signed out: %d", name, got.Code)
			}
		}
		untouched()
	})
}

// TestOthersPasskey names another person's passkey in every form. A19, WAN-4.
func TestOthersPasskey(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		mine, others := passkeytest.New(base), passkeytest.New(base)
		w.givePasskey(hanako, mine)
		w.givePasskey(seeded(1), others)
		b := w.newBrowser()
		b.signIn(hanako)
		my, foreign := passkey.EncodeID(mine.Passkeys[0].ID), passkey.EncodeID(others.Passkeys[0].ID)
		rename, remove := b.get("/account/passkeys/rename?id="+my), b.get("/account/passkeys/remove?id="+my)
		for name, got := range map[string]page{
			"the page of the name":    b.get("/account/passkeys/rename?id=" + foreign),
			"the page of the removal": b.get("/account/passkeys/remove?id=" + foreign),
			"the name":                b.submit("/account/passkeys/rename", rename, "id", foreign, "name", "x"),
			"the removal":             b.submit("/account/passkeys/remove", remove, "id", foreign),
		} {
			if got.Code != http.StatusNotFound {
				t.Errorf("%s: %d", name, got.Code)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM passkey WHERE name = 'MacBook'`); n != 2 {
			t.Errorf("%d are untouched", n)
		}
	})
}

var printedCode = regexp.MustCompile(`<code>([0-9A-Z-]{19})</code>`)

// TestCodesAreShownOnce makes codes, saves them, uses one, and makes new ones,
// which ends the old. REC-1, NOT-1, A39.
func TestCodesAreShownOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.signIn(hanako)
		made := b.submit("/account/recovery-codes", b.get("/account/recovery-codes"))
		codes := printedCode.FindAllStringSubmatch(made.Body.String(), -1)
		if made.Code != http.StatusOK || len(codes) != 10 || made.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d, %d codes, %s", made.Code, len(codes), made.Header())
		}
		var all []string
		for _, c := range codes {
			all = append(all, c[1])
		}
		field := strings.Join(all, " ")
		if p := b.get("/account/recovery-codes"); len(printedCode.FindAllString(p.Body.String(), -1)) != 0 || !p.says("Codes left: 10 of 10") {
			t.Errorf("the page shows them again: %s", p.Body)
		}
		file := b.submit("/account/recovery-codes/file", made, "codes", field)
		text := file.Body.String()
		if !strings.Contains(file.Header().Get("Content-Disposition"), "attachment; filename=recovery-codes.txt") || file.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%v", file.Header())
		}
		for _, want := range append(all, "Miyako University", "24 Nov 2026", "075-000-0000") {
			if !strings.Contains(text, want) {
				t.Errorf("the file lacks %q:\n%s", want, text)
			}
		}
		for _, secret := range []string{hanako.id, "example.com", base} {
			if strings.Contains(text, secret) {
				t.Errorf("the file has %q", secret)
			}
		}
		if got := b.submit("/account/recovery-codes/file", made, "codes", field+" <script>"); got.Code != http.StatusNotFound {
			t.Errorf("a file of something else: %d", got.Code)
		}
		if got := b.submit("/account/recovery-codes/done", made, "codes", field); got.Code != http.StatusUnprocessableEntity || !got.says(all[9]) || !got.says("Save the codes, then select the check box.") {
			t.Errorf("without the tick: %d", got.Code)
		}
		if got := b.submit("/account/recovery-codes/done", made, "codes", field, "saved", "yes"); got.Header().Get("Location") != "/account/recovery-codes?done=codes" {
			t.Errorf("with the tick: %d %s", got.Code, got.Body)
		}
		if n := w.mailed("New recovery codes were made."); n == 0 {
			t.Error("nobody was told")
		}
		if n := w.mailed(all[0]); n != 0 || strings.Contains(w.log.String(), all[0]) {
			t.Error("a code is in a mail or in the log")
		}
		w.pass(time.Minute)
		other := w.newBrowser()
		home := other.follow(other.submitCode(other.codePage(hanako.id), all[0]))
		if !home.says("You used a recovery code. Codes left: 9.") {
			t.Errorf("%d %s", home.Code, home.Body)
		}
		b.submit("/account/recovery-codes", b.get("/account/recovery-codes"))
		third := w.newBrowser()
		if got := third.submitCode(third.codePage(hanako.id), all[1]); third.signedIn() {
			t.Errorf("a code of the old set: %d", got.Code)
		}
	})
}
