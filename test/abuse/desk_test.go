package abuse

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/federation"
)

var (
	taro    = printed("sps00002", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU")
	agent01 = printed("agent01", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	agent02 = printed("agent02", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	admin01 = printed("admin01", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
)

// anyFactor lets agents work without a passkey, as the demonstration does.
func anyFactor(c *config.Config) { c.Desk.AnyFactor = true }

var (
	readout = regexp.MustCompile(`<p class="readout"[^>]*>(.*?)</p>`)
	spans   = regexp.MustCompile(`<span>(\d+)</span>`)
)

// number returns the digits that a page shows for reading out.
func (p page) number() (digits string) {
	if found := readout.FindStringSubmatch(p.Body.String()); found != nil {
		for _, span := range spans.FindAllStringSubmatch(found[1], -1) {
			digits += span[1]
		}
	}
	return digits
}

// decision goes to the page that tells what an initialization does.
func (b *browser) decision(id string) page {
	b.w.t.Helper()
	p := b.get("/reset")
	p = b.follow(b.submit("/reset", p, "username", id, "password", people.Password))
	if !p.says("Initialize") {
		b.w.t.Fatalf("after the password of %s: %d %s", id, p.Code, p.Body)
	}
	return p
}

// callDesk has a person's initialization opened at the help desk, and returns the
// page that waits.
func (b *browser) callDesk(id string) page {
	b.w.t.Helper()
	p := b.decision(id)
	p = b.follow(b.submit("/reset/wait", p.form("/reset/wait"), "to", "desk"))
	if len(p.number()) != 4 {
		b.w.t.Fatalf("no comparison number: %d %s", p.Code, p.Body)
	}
	return p
}

// cannotDesk has a sign-in opened at the help desk, and returns the page that waits.
func (b *browser) cannotDesk(who person) page {
	b.w.t.Helper()
	p := b.totpPage(who.id)
	ask := b.get("/login/cannot?flow=" + url.QueryEscape(p.flow) + "&to=desk")
	p = b.follow(b.submit("/login/cannot", ask.form("/login/cannot"), "to", "desk"))
	if len(p.number()) != 4 {
		b.w.t.Fatalf("no comparison number: %d %s", p.Code, p.Body)
	}
	return p
}

// atDesk signs an agent in, in a browser of his own.
func (w *world) atDesk(who person) *browser {
	w.t.Helper()
	b := w.newBrowser()
	b.address = "198.51.100." + fmt.Sprint(len(who.id)+int(who.id[len(who.id)-1]-'0'))
	b.signIn(who)
	return b
}

// entry types SPS-ID and number at the console.
func (b *browser) entry(id, number string, more ...string) page {
	b.w.t.Helper()
	return b.submit("/desk", b.get("/desk").form("/desk"), append([]string{"id", id, "number", number}, more...)...)
}

// open opens a case and returns its page.
func (b *browser) open(id, number string) page {
	b.w.t.Helper()
	got := b.entry(id, number)
	p := b.follow(got)
	if !strings.HasPrefix(got.Header().Get("Location"), "/desk/cases/") || p.Code != 200 {
		b.w.t.Fatalf("opening the case of %s: %d %s", id, got.Code, got.Body)
	}
	return p
}

var casePath = regexp.MustCompile(`action="(/desk/cases/\d+)"`)

var tags = regexp.MustCompile(`(?s)<[^>]*>\s*`)

// main is what a page says, for error messages.
func (p page) main() string {
	_, main, _ := strings.Cut(p.Body.String(), `<main id="main">`)
	main, _, _ = strings.Cut(main, "</main>")
	return html.UnescapeString(tags.ReplaceAllString(main, " "))
}

// path is the address of the case that a page is about.
func (p page) path() string {
	if found := casePath.FindStringSubmatch(p.Body.String()); found != nil {
		return found[1]
	}
	return ""
}

// checked marks that the call back matched, and presses a button.
func (b *browser) checked(p page, act string, more ...string) page {
	fields := append([]string{"check_callback", "yes", "reason", "called back, student card seen", "act", act}, more...)
	return b.submit(p.path(), p.form(p.path()), fields...)
}

// approve confirms the identity and approves.
func (b *browser) approve(p page, more ...string) page {
	b.w.t.Helper()
	confirm := b.follow(b.checked(p, "approve", more...))
	return b.press(p, confirm, "approve")
}

// press presses the button of the page that names person and act.
func (b *browser) press(p, confirm page, act string, fields ...string) page {
	b.w.t.Helper()
	action := p.path() + "/" + act
	if confirm.form(action).token == "" {
		b.w.t.Fatalf("no confirmation of %s: %d %s", act, confirm.Code, confirm.Body)
	}
	return b.submit(action, confirm.form(action), fields...)
}

// refuse refuses the case of a page.
func (b *browser) refuse(p page, why string) page {
	b.w.t.Helper()
	return b.press(p, b.follow(b.checked(p, "refuse")), "refuse", "why", why)
}

// waitState is what the waiting page is told.
func (b *browser) waitState(p page) string {
	return b.get("/wait/state?flow=" + url.QueryEscape(p.form("/reset/take").flow) + "&seen=").Body.String()
}

// TestDeskInitialise goes through F5: the caller's browser gets the QR code, and
// nobody else. HD-1, HD-8, HD-9, HD-10, HD-14, NOT-1.
func TestDeskInitialise(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		signedIn := w.newBrowser()
		signedIn.signIn(taro)
		w.pass(time.Minute)
		caller, other, desk := w.newBrowser(), w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		if got := caller.waitState(waiting); !strings.Contains(got, `"state":"waiting"`) {
			t.Errorf("state %s", got)
		}
		sheet := desk.open(taro.id, waiting.number())
		if got := caller.waitState(waiting); !strings.Contains(got, `"state":"working"`) {
			t.Errorf("state %s", got)
		}
		if !sheet.says("賀茂") && !sheet.says("KAMO Taro") {
			t.Errorf("the agent does not see who it is: %s", sheet.Body)
		}
		for _, want := range []string{"One-time password (TOTP): 1", "Passkey: 0", "Recovery code: 0", "Not registered"} { // what the person has left
			if !sheet.says(want) {
				t.Errorf("the agent does not see %q: %s", want, sheet.main())
			}
		}
		if early := caller.follow(caller.submit("/reset/take", waiting.form("/reset/take"))); early.number() != waiting.number() {
			t.Errorf("taken before the approval: %d %s", early.Code, early.Body)
		}
		if got := desk.approve(sheet); got.Code != 303 {
			t.Fatalf("approval: %d %s", got.Code, got.Body)
		}
		if !signedIn.signedIn() {
			t.Error("the approval alone has ended a session: HD-9")
		}
		if got := caller.waitState(waiting); !strings.Contains(got, `"state":"approved"`) {
			t.Errorf("state %s", got)
		}
		if got := other.submit("/reset/take", waiting.form("/reset/take")); got.Code != 403 {
			t.Errorf("taken in another browser: %d %s", got.Code, got.Body)
		}
		taken := caller.submit("/reset/take", waiting.form("/reset/take"))
		if taken.Header().Get("Location") != "/enrol" {
			t.Fatalf("not taken: %d %s", taken.Code, taken.Body)
		}
		scan := caller.follow(taken)
		if !scan.says("otpauth:") || !scan.says("Your identity has been confirmed.") {
			t.Errorf("no QR code: %d %s", scan.Code, scan.Body)
		}
		if signedIn.signedIn() {
			t.Error("a session has outlived the initialization")
		}
		if p := desk.get(sheet.path()); !p.says("The QR code is on") {
			t.Errorf("the agent does not see what became of it: %s", p.Body)
		}
		caller.enrol(taro.id, scan)
		if p := caller.get("/enrol/done?flow=" + url.QueryEscape(scan.flow)); !p.says("You can register or change the notification email address after") || p.says(`<a href="/account">Register`) {
			t.Errorf("who was let in by a recovery is not told of the time in which no address can be registered: %s", p.main())
		}
		if p := desk.get(sheet.path()); !p.says("The caller has finished the setup.") {
			t.Errorf("the agent does not see that the caller has finished: %s", p.main())
		}
		for _, want := range []string{"was opened", "approved the request", "have been initialized"} {
			found := false
			for _, l := range w.letters() {
				found = found || l.To == "sps00002@miyako.example" && strings.Contains(l.Body, want)
			}
			if !found {
				t.Errorf("the person was not told that the case %s", want)
			}
		}
	}, anyFactor)
}

// TestDeskAfterwards tells the agent of a case whose time was over, and of an OTP
// that was not used in time, in words of their own. HD-8, HD-9, HD-11.
func TestDeskAfterwards(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		sheet := desk.open(taro.id, caller.callDesk(taro.id).number())
		desk.approve(sheet)
		w.pass(15 * time.Minute)
		desk.signIn(agent01)
		if p := desk.get(sheet.path()); !p.says("The request has expired.") || p.says("The request has been closed.") || !p.says("On the caller’s screen, the request has ended.") {
			t.Errorf("an initialization that nobody took: %s", p.main())
		}
		sheet = desk.open(taro.id, caller.cannotDesk(taro).number())
		desk.approve(sheet)
		w.pass(9 * time.Minute)
		if p := desk.get(sheet.path()); !p.says("The caller’s screen is not connected.") || p.says("has expired") {
			t.Errorf("an OTP that still works: %s", p.main())
		}
		w.pass(time.Minute)
		if p := desk.get(sheet.path()); !p.says("The OTP has expired without being used.") || p.says("The caller’s screen") || !p.says("Approve again") {
			t.Errorf("an OTP that was not used: %s", p.main())
		}
		desk.signIn(agent01)
		sheet = desk.open(seeded(1).id, caller.callDesk(seeded(1).id).number())
		if got := desk.refuse(sheet, "suspicious"); got.Code != 303 {
			t.Fatalf("not refused: %d %s", got.Code, got.main())
		}
		if p := desk.get(sheet.path()); !p.says("On the caller’s screen, the request has ended.") || !p.says("The request has been closed.") {
			t.Errorf("a refusal: %s", p.main())
		}
	}, anyFactor)
}

// TestOtherContact says beside the telephone what there is for those who cannot use
// one, where the institution has something. WCAG 2.2, 3.3.8.
func TestOtherContact(t *testing.T) {
	for name, other := range map[string]string{"none": "", "counter": "come to the counter"} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				caller := w.newBrowser()
				for what, p := range map[string]page{"waiting": caller.callDesk(taro.id), "the FAQ": caller.get("/faq")} {
					if !p.says("075-000-0000") || p.says("If you cannot use the telephone") != (other != "") || !p.says(other) {
						t.Errorf("%s: %s", what, p.main())
					}
				}
			}, func(c *config.Config) { c.HelpDesk.OtherContact = federation.Text{Japanese: other, English: other} })
		})
	}
}

// TestDeskSignIn goes through F4: the OTP is shown once and works in the caller's
// flow alone, for a fallback session. HD-8, A34, SES-10.
func TestDeskSignIn(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		caller, other, desk := w.newBrowser(), w.newBrowser(), w.atDesk(agent01)
		waiting := caller.cannotDesk(taro)
		sheet := desk.open(taro.id, waiting.number())
		shown := desk.approve(sheet)
		otp := shown.number()
		if len(otp) != 8 {
			t.Fatalf("no OTP: %d %s", shown.Code, shown.Body)
		}
		if p := desk.get(sheet.path()); strings.Contains(p.main(), otp[:4]) && strings.Contains(p.main(), otp[4:]) || p.number() != "" {
			t.Errorf("the OTP is shown twice: %s", p.main())
		}
		theirs := other.totpPage(taro.id)
		theirs.flow = waiting.form("/login/otp").flow
		if got := other.submit("/login/otp", waiting.form("/login/otp"), "otp", otp); got.Code != 403 {
			t.Errorf("the OTP in another browser: %d %s", got.Code, got.Body)
		}
		if got := caller.submit("/login/otp", waiting.form("/login/otp"), "otp", otp); got.Header().Get("Location") != "/home" {
			t.Fatalf("the OTP does not work: %d %s", got.Code, got.Body)
		}
		if got := caller.get("/account/passkeys"); got.Code != 409 {
			t.Errorf("a fallback session at the settings: %d", got.Code)
		}
		if p := desk.get(sheet.path()); !p.says("The caller has logged in.") {
			t.Errorf("the agent does not see it: %s", p.Body)
		}
	}, anyFactor)
}
