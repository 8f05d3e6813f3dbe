package abuse

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/keyring"
	"warifu/internal/mail"
	"warifu/internal/secret"
)

// queuedMail is a mail that waits to be sent.
type queuedMail struct {
	subscriber string
	mail.Message
}

// mailsTo returns the queued mails to an address, the oldest first.
func (w *world) mailsTo(to string) (all []queuedMail) {
	w.t.Helper()
	rows, err := w.raw.QueryContext(w.t.Context(), `SELECT subscriber_id, id, sealed FROM mail_outbox WHERE sealed IS NOT NULL ORDER BY created_at, id`)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var m queuedMail
		var id string
		var sealed []byte
		w.must(rows.Scan(&m.subscriber, &id, &sealed))
		plain, err := w.app.Ring.Box(keyring.Outbox).Open(secret.Place{Table: "mail_outbox", Column: "sealed", Row: m.subscriber + "/" + id}, sealed)
		w.must(err)
		w.must(json.Unmarshal(plain, &m.Message))
		if m.To == to {
			all = append(all, m)
		}
	}
	w.must(rows.Err())
	return all
}

var confirmationDigits = regexp.MustCompile(`\b\d{4} \d{4}\b`)

// numberOf returns the newest number that was sent to an address for a person.
func (w *world) numberOf(id, to string) (found string) {
	w.t.Helper()
	subscriber := w.subscriber(id)
	for _, m := range w.mailsTo(to) {
		if n := confirmationDigits.FindString(m.Body); n != "" && m.subscriber == subscriber {
			found = n
		}
	}
	if found == "" {
		w.t.Fatalf("no number was sent to %s for %s", to, id)
	}
	return found
}

// form returns a page with the hidden fields of the form that has an action.
func (p page) form(action string) page {
	_, after, _ := strings.Cut(p.Body.String(), `action="`+action+`"`)
	p.flow, p.token = "", ""
	for _, field := range hidden.FindAllStringSubmatch(after, 2) {
		switch field[1] {
		case "flow":
			p.flow = field[2]
		case "token":
			p.token = field[2]
		}
	}
	return p
}

// ask has a confirmation number sent.
func (b *browser) ask(address string) page {
	return b.submit("/account/address", b.get("/account").form("/account/address"), "email", address)
}

// register asks for a number and types it in.
func (b *browser) register(who person, address string, fields ...string) page {
	b.w.t.Helper()
	p := b.ask(address)
	if p.Header().Get("Location") != "/account/address" {
		b.w.t.Fatalf("asking for %s: %d %s", address, p.Code, p.Body)
	}
	return b.submit("/account/address/update", b.follow(p).form("/account/address/update"),
		append([]string{"code", b.w.numberOf(who.id, address)}, fields...)...)
}

// addresses returns the registered addresses of a person.
func (w *world) addresses(id string) (all []string) {
	w.t.Helper()
	rows, err := w.raw.QueryContext(w.t.Context(), `SELECT a.address FROM notification_address a JOIN subscriber s ON s.id = a.subscriber_id
		WHERE s.sps_id = $1 ORDER BY a.address`, id)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var address string
		w.must(rows.Scan(&address))
		all = append(all, address)
	}
	w.must(rows.Err())
	return all
}

// TestNotificationAddress goes the way of the FAQ: 確認メール送信, the number, 更新.
// The former address is told, and everybody else; codes wait a day. ADR-4, ADR-5,
// ADR-8, NOT-1, NOT-2, decisions §3.9.
func TestNotificationAddress(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		old := w.addresses(who.id)[0]
		b.signIn(who)
		sent := b.follow(b.ask("  Hanako@Example.NET. "))
		if !sent.says("A confirmation email has been sent to hanako@example.net.") || !sent.says(`Update <span lang="ja">(更新)</span>`) {
			t.Fatalf("%d %s", sent.Code, sent.Body)
		}
		update := sent.form("/account/address/update")
		for typed, want := range map[string]string{"": "Enter the confirmation number.", "123456": "Enter 8 digits."} {
			if p := b.submit("/account/address/update", update, "code", typed); p.Code != http.StatusUnprocessableEntity || !p.says(want) {
				t.Errorf("%q: %d %s", typed, p.Code, p.Body)
			}
		}
		if got := w.addresses(who.id); !slices.Equal(got, []string{old}) {
			t.Fatalf("before the number was typed: %v", got)
		}
		p := b.follow(b.submit("/account/address/update", update, "code", w.numberOf(who.id, "hanako@example.net")))
		if !p.says("Setting has been completed.") || !p.says("hanako@example.net") || !p.says("only notices are sent to this address") {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if got := w.addresses(who.id); !slices.Equal(got, []string{"hanako@example.net"}) {
			t.Errorf("afterwards: %v", got)
		}
		if n := w.count(`SELECT COUNT(*) FROM notification_address WHERE address = 'hanako@example.net' AND codes_from = confirmed_at + 86400000`); n != 1 {
			t.Error("codes may be sent to it at once")
		}
		told := func(to, subject string) bool {
			return slices.ContainsFunc(w.mailsTo(to), func(m queuedMail) bool { return strings.Contains(m.Subject, subject) })
		}
		for _, to := range []string{old, "hanako@example.net", who.id + "@miyako.example"} {
			if !told(to, "Notification address registered") && !told(to, "通知用メールアドレスの登録") {
				t.Errorf("%s was not told", to)
			}
		}
		link := regexp.MustCompile(regexp.QuoteMeta(base) + `/not-me/[\w-]{43}`)
		if !slices.ContainsFunc(w.mailsTo(old), func(m queuedMail) bool { return link.MatchString(m.Body) }) ||
			w.count(`SELECT COUNT(*) FROM not_me_token`) != 1 {
			t.Error("the former address cannot object")
		}
		if w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'notification_address'`) != 2 {
			t.Error("not recorded")
		}
		for _, early := range []bool{true, false} {
			b := w.newBrowser()
			p := b.get("/login/cannot?flow=" + url.QueryEscape(b.totpPage(who.id).flow))
			if p.says(mail.MaskAddress("hanako@example.net")) == early {
				t.Errorf("early %t: %d %s", early, p.Code, p.Body)
			}
			w.pass(24 * time.Hour)
		}
	})
}

// TestTwoAddresses puts one beside the other, no third, and removes both. ADR-6, ADR-8.
func TestTwoAddresses(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		old := w.addresses(who.id)[0]
		b.signIn(who)
		b.register(who, "second@example.net", "beside", "yes")
		if got := w.addresses(who.id); !slices.Equal(got, []string{"second@example.net", old}) {
			t.Fatalf("%v", got)
		}
		page := b.get("/account")
		if page.says("New address") || !page.says("You can register up to 2 addresses.") {
			t.Error("a form for a third one")
		}
		remove := regexp.MustCompile(`/account/address/remove\?id=(\w+)`)
		for i, last := range []bool{false, true} {
			found := remove.FindStringSubmatch(b.get("/account").Body.String())
			ask := b.get(found[0])
			if ask.says("This is your only address.") != last {
				t.Errorf("%d: %s", i, ask.Body)
			}
			if p := b.follow(b.submit("/account/address/remove", ask, "id", found[1])); !p.says("Removed.") {
				t.Errorf("%d %s", p.Code, p.Body)
			}
		}
		if got := w.addresses(who.id); len(got) != 0 {
			t.Errorf("%v", got)
		}
		w.pass(time.Minute) // the pause between two mails
		b.register(who, "third@example.net")
		if n := w.count(`SELECT COUNT(*) FROM notification_address WHERE address = 'third@example.net' AND codes_from > confirmed_at`); n != 1 {
			t.Error("one that follows a removed one gets codes at once")
		}
	})
}

// TestThirdAddress asks for a third address on a page that was opened before the
// second was there. ADR-6.
func TestThirdAddress(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		early := b.get("/account").form("/account/address")
		b.register(who, "second@example.net", "beside", "yes")
		w.pass(time.Minute) // the pause between two mails
		p := b.submit("/account/address", early, "email", "third@example.net")
		if p.Code != http.StatusUnprocessableEntity || len(w.mailsTo("third@example.net")) != 0 {
			t.Errorf("%d, %d mails: %s", p.Code, len(w.mailsTo("third@example.net")), p.Body)
		}
	})
}

// TestAddressEndsLinks: a link that was mailed before the address changed is
// dead. RST-9, A17.
func TestAddressEndsLinks(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		path := w.newBrowser().askLink(who.id)
		w.pass(time.Minute) // the pause between two mails
		b.register(who, "new@example.net")
		if p := w.newBrowser().confirm(path, who.id, people.Password); p.Code != http.StatusConflict || !p.says("This URL cannot be used") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
	})
}

// TestFirstAddress: codes may go to the first one at once.
func TestFirstAddress(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(2)
		w.exec(`DELETE FROM notification_address WHERE address = 'seed0000002@example.com'`)
		b.signIn(who)
		b.register(who, "first@example.net")
		if n := w.count(`SELECT COUNT(*) FROM notification_address WHERE address = 'first@example.net' AND codes_from = confirmed_at`); n != 1 {
			t.Error("no codes to the first address")
		}
	})
}

// TestRefusedAddresses tries what may not be registered. ADR-1, ADR-3, ADR-6, A19, A45.
func TestRefusedAddresses(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		old := w.addresses(who.id)[0]
		b.signIn(who)
		form := b.get("/account").form("/account/address")
		for typed, want := range map[string]string{
			"": "Enter an email address.", "hanako": "in the form name@example.com", "a@example.com\r\nBcc: b@example.com": "in the form name@example.com",
			"a@miyako.example": "You cannot register miyako.example", "a@ST.Miyako.Example.": "You cannot register st.miyako.example",
			"ａ＠ｍｉｙａｋｏ。ｅｘａｍｐｌｅ": "You cannot register miyako.example", strings.ToUpper(old): "already registered",
		} {
			if p := b.submit("/account/address", form, "email", typed); p.Code != http.StatusUnprocessableEntity || !p.says(want) {
				t.Errorf("%q: %d %s", typed, p.Code, p.Body)
			}
		}
		for name, fields := range map[string]url.Values{
			"twice":    {"email": {"x@example.com", "y@example.com"}},
			"array":    {"email[]": {"x@example.com"}},
			"verified": {"email": {"x@example.com"}, "verified": {"true"}},
		} {
			fields["flow"], fields["token"] = []string{form.flow}, []string{form.token}
			if p := b.post("/account/address", fields); p.Code != http.StatusBadRequest {
				t.Errorf("%s: %d", name, p.Code)
			}
		}
		other := w.newBrowser()
		other.signIn(seeded(3))
		if p := other.submit("/account/address", form, "email", "x@example.net"); p.Code != http.StatusForbidden {
			t.Errorf("the form of another browser: %d", p.Code)
		}
		if w.count(`SELECT COUNT(*) FROM pending_address`) != 0 || len(w.addresses(who.id)) != 1 {
			t.Error("something was kept")
		}
	})
}

// TestConfirmationNumber: five entries, 15 minutes, this session, this number,
// once. ADR-4.
func TestConfirmationNumber(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, b2, who := w.newBrowser(), w.newBrowser(), seeded(1)
		b.signIn(who)
		w.pass(30 * time.Second)
		b2.signIn(who)
		if p := b.submit("/account/address/update", b.follow(b.ask("x@example.net")).form("/account/address/update"), "code", "0000 0000"); !p.says("The confirmation number is not correct.") {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		right := w.numberOf(who.id, "x@example.net")
		update := b.get("/account/address").form("/account/address/update")
		if p := b2.submit("/account/address/update", update, "code", right); p.Code != http.StatusForbidden {
			t.Errorf("the form of another browser: %d", p.Code)
		}
		w.pass(time.Minute)
		b2.follow(b2.ask("y@example.net"))
		mine := b2.get("/account/address").form("/account/address/update")
		if p := b2.submit("/account/address/update", mine, "code", right); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("the number of another session: %d", p.Code)
		}
		if p := b.submit("/account/address/update", update, "code", right); p.Code != http.StatusUnprocessableEntity || !p.says("Press Send confirmation email first.") {
			t.Errorf("a number that a newer one has replaced: %d %s", p.Code, p.Body)
		}
		for range 4 {
			b2.submit("/account/address/update", mine, "code", "00000000")
		}
		if p := b2.submit("/account/address/update", mine, "code", w.numberOf(who.id, "y@example.net")); !p.says("This confirmation number has expired.") {
			t.Errorf("after five entries: %d %s", p.Code, p.Body)
		}
		w.pass(10 * time.Minute)
		b.signIn(who)
		b.follow(b.ask("z@example.net"))
		late := b.get("/account/address").form("/account/address/update")
		w.pass(15 * time.Minute)
		if p := b.submit("/account/address/update", late, "code", w.numberOf(who.id, "z@example.net")); p.Code != http.StatusUnprocessableEntity || !p.says("has expired") {
			t.Errorf("after 15 minutes: %d %s", p.Code, p.Body)
		}
		if got := w.addresses(who.id); len(got) != 1 || got[0] != who.id+"@example.com" {
			t.Errorf("%v", got)
		}
	})
}

// TestSharedAddress: an address serves two accounts, and never two privileged
// ones, also when they come at once. ADR-7.
func TestSharedAddress(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.exec(`UPDATE subscriber SET privileged = TRUE WHERE sps_id IN ('seed0000001', 'seed0000002')`)
		w.exec(`DELETE FROM notification_address`)
		first, second := w.newBrowser(), w.newBrowser()
		first.signIn(seeded(1))
		second.signIn(seeded(2))
		first.register(seeded(1), "family@example.net")
		if p := second.ask("family@example.net"); p.Code != http.StatusUnprocessableEntity || !p.says("This address cannot be registered.") {
			t.Errorf("two privileged ones: %d %s", p.Code, p.Body)
		}
		var asked []*browser
		for n := 3; n <= 6; n++ { // all of them have a number before any types it in
			b := w.newBrowser()
			b.signIn(seeded(n))
			b.ask("family@example.net")
			asked = append(asked, b)
		}
		done := make(chan bool)
		for i, b := range asked {
			update := b.get("/account/address").form("/account/address/update")
			code := w.numberOf(seeded(i+3).id, "family@example.net")
			go func() {
				done <- b.submit("/account/address/update", update, "code", code).Code == http.StatusSeeOther
			}()
		}
		won := 0
		for range asked {
			if <-done {
				won++
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM notification_address WHERE address = 'family@example.net'`); won != 1 || n != 2 {
			t.Errorf("%d of %d registered it, it serves %d accounts", won, len(asked), n)
		}
	})
}

// TestA44MailRequests: as many confirmation mails as THR-9 allows.
func TestA44MailRequests(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		sent := 0
		for i := range 100 {
			p := b.ask(fmt.Sprintf("a%d@example.net", i))
			switch {
			case p.Header().Get("Location") == "/account/address":
				sent++
			case p.Code != http.StatusConflict || !p.says("Emails were sent too many times"):
				if next := b.follow(p); !next.says("Enter the one-time password") {
					t.Fatalf("%d: %d %s", i, p.Code, p.Body)
				}
				w.pass(30 * time.Second)
				b.signIn(who)
			}
			w.pass(time.Minute)
		}
		if sent != 10 {
			t.Errorf("%d mails in 100 minutes, want 10", sent)
		}
	})
}

// TestStepUpKeepsWhatWasTyped asks for the second factor once more and does not
// lose the address. ADR-2.
func TestStepUpKeepsWhatWasTyped(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		w.pass(5*time.Minute + time.Second)
		p := b.follow(b.ask("kept@example.net"))
		if !p.says("Enter the one-time password") || w.count(`SELECT COUNT(*) FROM pending_address`) != 0 {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		p = b.follow(b.submitTOTP(p, who.code(w.Now())))
		if !p.says(`value="kept@example.net"`) {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		p = b.follow(b.submit("/account/address", p.form("/account/address"), "email", "kept@example.net"))
		if !p.says("A confirmation email has been sent to kept@example.net.") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
	})
}

// fallback makes the session of a browser one that an OTP opened.
func (w *world) fallback(id string) {
	w.t.Helper()
	evidence := fmt.Sprintf(`[{"kind":"password","at":%q},{"kind":"otp","at":%[1]q}]`, w.Now().Format(time.RFC3339))
	w.exec(`UPDATE session SET evidence = $1 WHERE subscriber_id = (SELECT id FROM subscriber WHERE sps_id = $2)`, evidence, id)
}

// settings are the pages of a person's settings.
var settings = []string{"/account", "/account/address", "/account/address/remove?id=x", "/account/authenticators",
	"/account/authenticators/rename?id=x", "/account/sessions", "/account/services", "/account/history", "/account/password", "/account/authenticators/remove?id=x"}

// TestA14FallbackSession: a session that an OTP opened changes nothing. A14, SES-10, ADR-2.
func TestA14FallbackSession(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		form := b.get("/account").form("/account/address")
		w.fallback(who.id)
		queued := w.count(`SELECT COUNT(*) FROM mail_outbox`)
		for _, path := range settings {
			if p := b.get(path); p.Code != http.StatusConflict || !p.says("A temporary login is not enough here") {
				t.Errorf("GET %s: %d %s", path, p.Code, p.Body)
			}
		}
		if p := b.submit("/account/address", form, "email", "planted@example.net"); p.Code != http.StatusConflict {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if w.count(`SELECT COUNT(*) FROM pending_address`) != 0 || w.count(`SELECT COUNT(*) FROM mail_outbox`) != queued {
			t.Error("something was sent")
		}
	})
}

// TestA46HoldAfterRecovery: 23 hours after a recovery the addresses stay as they
// are, 25 hours after it they can be changed. A46, ADR-8.
func TestA46HoldAfterRecovery(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		form := b.get("/account").form("/account/address")
		ask := b.get(regexp.MustCompile(`/account/address/remove\?id=\w+`).FindString(b.get("/account").Body.String()))
		id := regexp.MustCompile(`name="id" value="(\w+)"`).FindStringSubmatch(ask.Body.String())[1]
		w.exec(`UPDATE subscriber SET recovered_at = $1 WHERE sps_id = 'seed0000001'`, w.Now().Add(-23*time.Hour).UnixMilli())
		if p := b.get("/account"); p.says(`name="email"`) || p.says("/account/address/remove") || !p.says("A recovery procedure was used.") {
			t.Errorf("the form is shown: %s", p.Body)
		}
		if p := b.submit("/account/address", form, "email", "late@example.net"); p.Code != http.StatusConflict || !p.says("You cannot change this yet") {
			t.Errorf("asking: %d %s", p.Code, p.Body)
		}
		if p := b.submit("/account/address/remove", ask, "id", id); p.Code != http.StatusConflict || len(w.addresses(who.id)) != 1 {
			t.Errorf("removing: %d %s", p.Code, p.Body)
		}
		w.exec(`UPDATE subscriber SET recovered_at = 0 WHERE sps_id = 'seed0000001'`)
		b.follow(b.submit("/account/address", form, "email", "late@example.net"))
		update := b.get("/account/address").form("/account/address/update")
		w.exec(`UPDATE subscriber SET recovered_at = $1 WHERE sps_id = 'seed0000001'`, w.Now().UnixMilli())
		if p := b.submit("/account/address/update", update, "code", w.numberOf(who.id, "late@example.net")); p.Code != http.StatusConflict {
			t.Errorf("a number from before the recovery: %d %s", p.Code, p.Body)
		}
		w.exec(`UPDATE subscriber SET recovered_at = $1 WHERE sps_id = 'seed0000001'`, w.Now().Add(-25*time.Hour).UnixMilli())
		w.pass(time.Minute)
		b.register(who, "late@example.net")
		if got := w.addresses(who.id); !slices.Equal(got, []string{"late@example.net"}) {
			t.Errorf("25 hours later: %v", got)
		}
	})
}

// TestForeignAddress names what somebody else has: not found. A19.
func TestForeignAddress(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, x := w.newBrowser(), w.newBrowser()
		b.signIn(seeded(1))
		b.register(seeded(1), "mine@example.net", "beside", "yes")
		found := regexp.MustCompile(`remove\?id=(\w+)`).FindAllStringSubmatch(b.get("/account").Body.String(), -1)
		w.exec(`UPDATE notification_address SET confirmed_at = 1 WHERE address = 'seed0000002@example.com'`)
		x.signIn(seeded(2))
		ask := x.get("/account/address/remove?id=1")
		for _, f := range found {
			if p := x.get("/account/address/remove?id=" + f[1]); p.Code != http.StatusNotFound {
				t.Errorf("asking: %d", p.Code)
			}
			if p := x.submit("/account/address/remove", ask, "id", f[1]); p.Code != http.StatusNotFound {
				t.Errorf("removing: %d", p.Code)
			}
		}
		if len(w.addresses("seed0000001")) != 2 {
			t.Error("the address of somebody else is gone")
		}
	})
}

// TestLanguageOfAPerson keeps the language with the person: it is that of the mails.
func TestLanguageOfAPerson(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.signIn(seeded(1))
		form := b.get("/account").form("/account")
		p := b.follow(b.submit("/account", form, "lang", "ja"))
		if !p.says("言語を変更しました。") || w.count(`SELECT COUNT(*) FROM subscriber WHERE sps_id = 'seed0000001' AND language = 'ja'`) != 1 {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if p := b.submit("/account", form, "lang", "xx"); p.Code != http.StatusNotFound {
			t.Errorf("a language that there is not: %d", p.Code)
		}
	})
}

// active counts the active Authenticators of a person.
func (w *world) active(id string) int {
	return w.count(`SELECT COUNT(*) FROM totp_authenticator a JOIN subscriber s ON s.id = a.subscriber_id WHERE s.sps_id = $1 AND a.state = 'active'`, id)
}

var (
	renameLink = regexp.MustCompile(`/account/authenticators/rename\?id=(\w+)`)
	removeLink = regexp.MustCompile(`/account/authenticators/remove\?id=(\w+)`)
)

// TestAuthenticators adds a second one, names it, and removes the first: its
// codes stop at once. ENR-3, TOTP-7, TOTP-12, TOTP-13, NOT-1.
func TestAuthenticators(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		w.pass(time.Minute) // the list is in the order in which they were made
		list := b.get("/account/authenticators")
		scan := b.follow(b.submit("/account/authenticators", list.form("/account/authenticators")))
		second := b.enrol(who.id, scan)
		if done := b.get("/enrol/done?flow=" + url.QueryEscape(scan.flow)); !done.says("Back to the list of Authenticators") {
			t.Errorf("%d %s", done.Code, done.Body)
		}
		if w.active(who.id) != 2 || w.count(`SELECT COUNT(*) FROM totp_authenticator WHERE bound_by = 'second_factor'`) != 1 {
			t.Fatal("not added")
		}
		all := renameLink.FindAllStringSubmatch(b.get("/account/authenticators").Body.String(), -1)
		rename := b.get(all[1][0])
		for typed, want := range map[string]string{"": "Enter a name.", strings.Repeat("x", 41): "Use at most 40 characters.", "authenticator 1": "You already use this name."} {
			if p := b.submit("/account/authenticators/rename", rename, "id", all[1][1], "name", typed); p.Code != http.StatusUnprocessableEntity || !p.says(want) {
				t.Errorf("%q: %d %s", typed, p.Code, p.Body)
			}
		}
		if p := b.follow(b.submit("/account/authenticators/rename", rename, "id", all[1][1], "name", "研究室の PC")); !p.says("The name has been changed.") || !p.says("研究室の PC") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		ask := b.get(removeLink.FindString(b.get("/account/authenticators").Body.String()))
		if p := b.follow(b.submit("/account/authenticators/remove", ask, "id", all[0][1])); !p.says("Removed.") || w.active(who.id) != 1 {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		w.pass(30 * time.Second)
		fresh := w.newBrowser()
		if p := fresh.submitTOTP(fresh.totpPage(who.id), who.code(w.Now())); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("a code of the removed one: %d", p.Code)
		}
		fresh.signIn(second)
		if n := len(w.mailsTo(who.id + "@example.com")); n < 2 {
			t.Errorf("%d mails", n)
		}
	})
}

// TestLastMethod: the last one stays, also when two are removed at once; with a
// passkey it may go. TOTP-12.
func TestLastMethod(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		link := removeLink.FindStringSubmatch(b.get("/account/authenticators").Body.String())
		if p := b.get(link[0]); p.Code != http.StatusConflict || !p.says("You cannot remove your only method") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		b.enrol(who.id, b.follow(b.submit("/account/authenticators", b.get("/account/authenticators").form("/account/authenticators"))))
		links := removeLink.FindAllStringSubmatch(b.get("/account/authenticators").Body.String(), -1)
		done := make(chan int)
		for _, link := range links {
			ask := b.get(link[0])
			go func() { done <- b.submit("/account/authenticators/remove", ask, "id", link[1]).Code }()
		}
		if first, second := <-done, <-done; w.active(who.id) != 1 || first == second {
			t.Errorf("%d and %d, %d left", first, second, w.active(who.id))
		}
	})
}

// TestNoMoreThanFive refuses a sixth before anything is made. TOTP-7.
func TestNoMoreThanFive(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		form := b.get("/account/authenticators").form("/account/authenticators")
		for n := range 4 {
			w.exec(`INSERT INTO totp_authenticator (subscriber_id, id, name, secret, state, last_step, bound_by, created_at, last_used_at)
				SELECT subscriber_id, $1, $1, secret, state, last_step, bound_by, created_at, last_used_at FROM totp_authenticator
				WHERE name = 'Authenticator 1' AND subscriber_id = (SELECT id FROM subscriber WHERE sps_id = 'seed0000001')`, fmt.Sprint("x", n))
		}
		if p := b.get("/account/authenticators"); p.says("Add an Authenticator") || !p.says("You can register up to 5.") {
			t.Errorf("%s", p.Body)
		}
		if p := b.submit("/account/authenticators", form); p.Code != http.StatusConflict || !p.says("You cannot add another Authenticator") || w.count(`SELECT COUNT(*) FROM ticket`) != 0 {
			t.Errorf("%d %s", p.Code, p.Body)
		}
	})
}

// TestForeignAuthenticator names what somebody else has: not found, and nothing
// changes. A19.
func TestForeignAuthenticator(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, x := w.newBrowser(), w.newBrowser()
		b.signIn(seeded(1))
		x.signIn(seeded(2))
		mine := removeLink.FindStringSubmatch(b.get("/account/authenticators").Body.String())[1]
		own := renameLink.FindStringSubmatch(x.get("/account/authenticators").Body.String())
		rename := x.get(own[0])
		if p := x.submit("/account/authenticators/rename", rename, "id", mine, "name", "taken"); p.Code != http.StatusNotFound {
			t.Errorf("renaming: %d", p.Code)
		}
		if p := x.get("/account/authenticators/remove?id=" + mine); p.Code != http.StatusNotFound {
			t.Errorf("asking: %d", p.Code)
		}
		x.enrol("seed0000002", x.follow(x.submit("/account/authenticators", x.get("/account/authenticators").form("/account/authenticators"))))
		ask := x.get(removeLink.FindString(x.get("/account/authenticators").Body.String()))
		if p := x.submit("/account/authenticators/remove", ask, "id", mine); p.Code != http.StatusNotFound || w.active("seed0000001") != 1 {
			t.Errorf("removing: %d", p.Code)
		}
	})
}

// TestFreshForMethods: what adds or removes a method wants a factor of the last
// five minutes, and comes back to the question. TOTP-12, SES-8.
func TestFreshForMethods(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		b.enrol(who.id, b.follow(b.submit("/account/authenticators", b.get("/account/authenticators").form("/account/authenticators"))))
		list := b.get("/account/authenticators")
		w.pass(6 * time.Minute)
		if p := b.follow(b.submit("/account/authenticators", list.form("/account/authenticators"))); !p.says("Enter the one-time password") || w.count(`SELECT COUNT(*) FROM ticket`) != 0 {
			t.Errorf("adding: %d %s", p.Code, p.Body)
		}
		p := b.follow(b.get(removeLink.FindString(list.Body.String())))
		p = b.follow(b.submitTOTP(p, who.code(w.Now())))
		if !p.says("Its numbers stop working at once.") {
			t.Errorf("asking again: %d %s", p.Code, p.Body)
		}
	})
}

// TestDevices ends the session of another device, and all others; a service
// that took part is told. Nobody ends that of somebody else. SES-11, A19.
func TestDevices(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, phone, third, x, who := w.newBrowser(), w.newBrowser(), w.newBrowser(), w.newBrowser(), seeded(1)
		phone.agent = "Mozilla/5.0 (iPhone) Safari/605"
		for _, device := range []*browser{b, phone, third} {
			device.signIn(who)
			w.pass(30 * time.Second)
		}
		x.signIn(seeded(2))
		list := b.get("/account/sessions")
		if strings.Count(list.Body.String(), "The device you are using") != 1 || !list.says("Safari, iPhone / off campus / Last used 18:00") {
			t.Errorf("%s", list.Body)
		}
		form := list.form("/account/sessions")
		ids := regexp.MustCompile(`name="id" value="(\w+)"`).FindAllStringSubmatch(list.Body.String(), -1)
		if len(ids) != 2 {
			t.Fatalf("%d others: %s", len(ids), list.Body)
		}
		w.pass(30 * time.Second)
		w.newBrowser().signIn(seeded(2)) // so that there is a form
		if p := x.submit("/account/sessions", x.get("/account/sessions").form("/account/sessions"), "id", ids[0][1]); p.Code != http.StatusNotFound {
			t.Errorf("somebody else ended it: %d", p.Code)
		}
		if p := b.follow(b.submit("/account/sessions", form, "id", ids[1][1])); !p.says("The device has been logged out.") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if !b.signedIn() || phone.signedIn() == third.signedIn() {
			t.Errorf("signed in: this %t, phone %t, third %t", b.signedIn(), phone.signedIn(), third.signedIn())
		}
		if p := b.follow(b.submit("/account/sessions", form, "others", "yes")); !p.says("All other devices have been logged out.") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if !b.signedIn() || phone.signedIn() || third.signedIn() || !x.signedIn() {
			t.Errorf("signed in: this %t, phone %t, third %t, somebody else %t", b.signedIn(), phone.signedIn(), third.signedIn(), x.signedIn())
		}
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'session.ended'`); n != 2 {
			t.Errorf("%d recorded", n)
		}
	})
}

const newPassword = "correct horse battery staple"

// TestPasswordChange wants the present one, refuses weak ones with the reason,
// and ends what the old one has opened. PW-2, PW-3, PW-5, RST-9.
func TestPasswordChange(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, other, half, who := w.newBrowser(), w.newBrowser(), w.newBrowser(), seeded(1)
		other.signIn(who)
		w.pass(30 * time.Second)
		b.signIn(who)
		open := half.totpPage(who.id)
		form := b.get("/account/password")
		for chosen, want := range map[string]string{
			"": "Enter 8 characters or more.", "short": "Enter 8 characters or more.", strings.Repeat("xy", 65): "Use at most 128 characters.",
			"password1": "found in a list of leaked passwords", "Seed0000001": "contains your name", "MiyakoUniversity": "too simple",
			people.Password: "This is your present password.",
		} {
			if p := b.submit("/account/password", form, "present", people.Password, "chosen", chosen); p.Code != http.StatusUnprocessableEntity || !p.says(want) {
				t.Errorf("%q: %d %s", chosen, p.Code, p.Body)
			}
		}
		if p := b.submit("/account/password", form, "present", "wrong", "chosen", newPassword); p.Code != http.StatusUnprocessableEntity || !p.says("Your present password is not correct.") {
			t.Errorf("a wrong present one: %d %s", p.Code, p.Body)
		}
		if p := b.submit("/account/password", form); p.Code != http.StatusUnprocessableEntity || !p.says("Please check the following") {
			t.Errorf("nothing: %d %s", p.Code, p.Body)
		}
		if p := b.follow(b.submit("/account/password", form, "present", people.Password, "chosen", newPassword)); !p.says("The password has been changed.") {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if !b.signedIn() || other.signedIn() {
			t.Errorf("signed in: this %t, the other %t", b.signedIn(), other.signedIn())
		}
		w.pass(30 * time.Second)
		if p := half.submitTOTP(open, who.code(w.Now())); p.Code != http.StatusForbidden {
			t.Errorf("the half sign-in goes on: %d %s", p.Code, p.Body)
		}
		if p := w.newBrowser().password(who.id, people.Password); p.Code != http.StatusUnprocessableEntity {
			t.Errorf("the old one: %d", p.Code)
		}
		if p := w.newBrowser().password(who.id, newPassword); p.Code != http.StatusSeeOther {
			t.Errorf("the new one: %d", p.Code)
		}
		var told bool
		for _, m := range w.mailsTo(who.id + "@example.com") {
			told = told || strings.Contains(m.Subject, "Password changed") || strings.Contains(m.Subject, "パスワードの変更")
		}
		if !told {
			t.Error("the person was not told")
		}
	})
}

// TestPasswordGuesses: wrong present ones are counted like those at the sign-in. PW-5, THR-3.
func TestPasswordGuesses(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		form := b.get("/account/password")
		paused := false
		for range 30 {
			paused = paused || b.submit("/account/password", form, "present", "wrong", "chosen", newPassword).says("this is paused")
		}
		if !paused || b.submit("/account/password", form, "present", people.Password, "chosen", newPassword).Code == http.StatusSeeOther {
			t.Error("30 guesses, and the right one works")
		}
	})
}

// TestPasswordWantsAFactor: who has one shows it again. PW-5.
func TestPasswordWantsAFactor(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		b.signIn(who)
		form := b.get("/account/password")
		w.pass(6 * time.Minute)
		if p := b.follow(b.submit("/account/password", form, "present", people.Password, "chosen", newPassword)); !p.says("Enter the one-time password") {
			t.Errorf("%d %s", p.Code, p.Body)
		}
		if p := w.newBrowser().password(who.id, people.Password); p.Code != http.StatusSeeOther {
			t.Errorf("it was changed: %d", p.Code)
		}
	})
}

// TestHome shows what there is, and 選択 leads to it. P11.
func TestHome(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.signIn(seeded(1))
		home := b.get("/home")
		for _, want := range []string{"Registered: 1", "Ways to get back in without the Authenticator: 1", "One-time password (token)"} {
			if !home.says(want) {
				t.Errorf("no %q: %s", want, home.Body)
			}
		}
		if p := b.submit("/home", home, "method", "totp"); p.Header().Get("Location") != "/account/authenticators" {
			t.Errorf("%d %s", p.Code, p.Header().Get("Location"))
		}
		if p := b.submit("/home", home, "method", "https://evil.example"); p.Header().Get("Location") != "/home" {
			t.Errorf("%d %s", p.Code, p.Header().Get("Location"))
		}
		if home.says("class=\"banners\"") {
			t.Error("a banner without a reason")
		}
		w.exec(`DELETE FROM notification_address WHERE address = 'seed0000001@example.com'`)
		if p := b.get("/home"); !p.says("There is no way to get back in") || !p.says("No notification email address is registered.") {
			t.Errorf("%s", p.Body)
		}
		w.fallback("seed0000001")
		if p := b.get("/home"); !p.says("This is a temporary login.") || !p.says(`<a href="/reset">One-time`) {
			t.Errorf("%s", p.Body)
		}
		w.exec(`UPDATE totp_authenticator SET state = 'suspended' WHERE subscriber_id = (SELECT id FROM subscriber WHERE sps_id = 'seed0000001')`)
		if p := b.get("/home"); !p.says("Initialized. Register again.") {
			t.Errorf("%s", p.Body)
		}
	})
}

// TestHomeWithATicket is the way of the FAQ after an initialization: the house,
// the one row, 選択, and the page of the settings. Without the row in the
// database the cookie opens nothing. P11, decisions §3.7.
func TestHomeWithATicket(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.follow(b.password(newcomer, people.Password)) // the QR code: the browser holds a ticket
		home := b.get("/home")
		if home.Code != http.StatusOK || !home.says("To continue, choose the one-time password (token) and press Select.") ||
			home.says("Services") || home.says("sps00003") || home.says("/logout") {
			t.Fatalf("%d %s", home.Code, home.Body)
		}
		if p := b.submit("/home", home, "method", "totp"); p.Header().Get("Location") != "/mfa" {
			t.Errorf("%d %s", p.Code, p.Header().Get("Location"))
		}
		for _, path := range settings {
			if p := b.get(path); p.Code != http.StatusSeeOther || !strings.HasPrefix(p.Header().Get("Location"), "/login") {
				t.Errorf("%s with a ticket alone: %d", path, p.Code)
			}
		}
		w.pass(16 * time.Minute)
		if p := b.get("/home"); p.Header().Get("Location") != "/login" {
			t.Errorf("after its time: %d %s", p.Code, p.Header().Get("Location"))
		}
	})
}

// TestCountdown tells a person without a second factor from when one is needed. ENR-2.
func TestCountdown(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		if p := b.follow(b.password(newcomer, people.Password)); p.Code != http.StatusOK {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if p := b.get("/home"); !p.says("is required. Days left: 10.") || !p.says("Not registered") {
			t.Errorf("%s", p.Body)
		}
		if p := b.get("/account"); p.Code != http.StatusConflict {
			t.Errorf("settings without a factor: %d", p.Code)
		}
		p := b.get("/account/password")
		if !p.says("15 characters or more") && !p.says("8 characters or more") {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if p := b.follow(b.submit("/account/password", p, "present", people.Password, "chosen", newPassword)); !p.says("The password has been changed.") {
			t.Errorf("who never had a factor: %d %s", p.Code, p.Body)
		}
	}, func(c *config.Config) {
		c.SignIn.RequireTOTPFrom = map[string]time.Time{"faculty": time.Date(2026, 12, 4, 9, 0, 0, 0, time.UTC)}
	})
}

// TestHistory shows sign-ins and changes of this person alone, in plain words.
// NOT-4.
func TestHistory(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b, who := w.newBrowser(), seeded(1)
		w.newBrowser().password(who.id, "wrong")
		x := w.newBrowser()
		x.submitTOTP(x.totpPage(who.id), who.wrong(w.Now(), 1))
		other := w.newBrowser()
		other.signIn(seeded(2))
		other.address = "198.51.100.77"
		w.pass(time.Minute)
		b.signIn(who)
		b.register(who, "history@example.net")
		p := b.get("/account/history")
		for _, want := range []string{"Login failed", "The password was not correct.", "Stopped at the second step", "What was entered was not correct.",
			"Logged in", "One-time password (TOTP)", "Changed: Notification email address registered", "off campus", "192.0.2.1", "Records of the last 90 days"} {
			if !p.says(want) {
				t.Errorf("no %q", want)
			}
		}
		if n := strings.Count(p.Body.String(), `<tr role="row"><td`); n != 4 {
			t.Errorf("%d entries: %s", n, p.Body)
		}
		for i := range 60 {
			w.exec(`INSERT INTO audit_event (id, at, name, subscriber, body, mac) SELECT id || $1, at, name, subscriber, body, mac FROM audit_event
				WHERE subscriber = (SELECT id FROM subscriber WHERE sps_id = 'seed0000001') AND body LIKE '%password rejected%' AND LENGTH(id) = 26`, fmt.Sprint("x", i))
		}
		for page, want := range map[string]int{"": 50, "?page=2": 14, "?page=9": 50, "?page=x": 50} {
			if n := strings.Count(b.get("/account/history"+page).Body.String(), `<tr role="row"><td`); n != want {
				t.Errorf("%q: %d entries, want %d", page, n, want)
			}
		}
		w.pass(91 * 24 * time.Hour)
		b.signIn(who)
		if n := strings.Count(b.get("/account/history").Body.String(), `<tr role="row"><td`); n != 1 {
			t.Errorf("%d entries after 91 days", n)
		}
	})
}

// TestHomeOffersWhatIsMissing: the line of the ways back in leads to the first
// that is missing, and to none where nothing is.
func TestHomeOffersWhatIsMissing(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.signIn(hanako)
		offers := func(path string) {
			t.Helper()
			p := b.get("/home")
			if offer := regexp.MustCompile(`class="ways">[^<]*(<a href="[^"]*")?`).FindStringSubmatch(p.Body.String()); offer == nil || offer[1] != path {
				t.Errorf("offered: %q, want %q", offer, path)
			}
		}
		offers(`<a href="/account/recovery-codes"`)
		w.exec(`DELETE FROM notification_address WHERE subscriber_id = (SELECT id FROM subscriber WHERE sps_id = 'sps00001')`)
		offers(`<a href="/account/address"`)
		w.exec(`INSERT INTO recovery_code (subscriber_id, digest, created_at, used_at) SELECT id, '', 1, 0 FROM subscriber WHERE sps_id = 'sps00001'`)
		w.exec(`UPDATE subscriber SET recovered_at = $1 WHERE sps_id = 'sps00001'`, w.Now().UnixMilli()) // no address for a day
		offers(`<a href="/account/passkeys"`)
	})
}
