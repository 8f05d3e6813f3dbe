package abuse

import (
	"encoding/base32"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"warifu/internal/authenticator/totp"
	"warifu/internal/demo/people"
)

var otpauthURI = regexp.MustCompile(`href="(otpauth://[^"]+)"`)

// TestTOTP1Secret: a secret has 20 bytes, is another one for everybody, and comes
// with SHA-1, 6 digits, 30 seconds and the issuer of the configuration. TOTP-1, TOTP-10.
func TestTOTP1Secret(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		var all [][]byte
		for range 2 {
			b := w.newBrowser()
			scan := b.follow(b.password(newcomer, people.Password))
			found := otpauthURI.FindStringSubmatch(strings.ReplaceAll(scan.Body.String(), "&amp;", "&"))
			if found == nil {
				t.Fatalf("no link for an Authenticator: %s", scan.Body)
			}
			uri, err := url.Parse(found[1])
			w.must(err)
			want := url.Values{"issuer": {"Miyako Login"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}, "secret": {uri.Query().Get("secret")}}
			if uri.Query().Encode() != want.Encode() || !strings.HasPrefix(uri.Path, "/Miyako Login:") {
				t.Errorf("%s", found[1])
			}
			secret := shown(t, newcomer, scan).secret
			if len(secret) != 20 || slices.ContainsFunc(all, func(other []byte) bool { return string(other) == string(secret) }) {
				t.Errorf("a secret of %d bytes, or one that was given before", len(secret))
			}
			if key := base32.StdEncoding.EncodeToString(secret); !scan.says(key[:4]+" "+key[4:8]) && !scan.says("<span>"+key[:4]+"</span>") {
				t.Errorf("the key does not stand beside the QR code in groups: %s", scan.main())
			}
			all = append(all, secret)
		}
	})
}

// TestA38QRPage: the pages with the secret are kept by no cache, so that the button
// Back asks the server again, which shows nothing once the first code was accepted;
// the secret is in no address, no log, no event and no script's storage. A38, TOTP-11.
func TestA38QRPage(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		first := b.password(newcomer, people.Password)
		scan := b.follow(first)
		back := []string{"/enrol", "/enrol?flow=" + url.QueryEscape(scan.flow)}
		who := shown(t, newcomer, scan)
		verify := b.follow(b.submit("/enrol", scan))
		done := b.follow(b.submit("/enrol/verify", verify, "totp", who.code(w.Now())))
		key := totp.Key(who.secret)
		for name, p := range map[string]page{"scan": scan, "verify": verify, "done": done} {
			if p.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", name, p.Header())
			}
			if name != "scan" && (strings.Contains(p.Body.String(), key) || otpauth.MatchString(p.Body.String())) {
				t.Errorf("%s shows the secret", name)
			}
		}
		for _, path := range append(back, "/enrol/verify?flow="+url.QueryEscape(scan.flow)) {
			for range 2 {
				if p := b.follow(b.get(path)); strings.Contains(p.Body.String(), key) || otpauth.MatchString(p.Body.String()) || qrPath.MatchString(p.Body.String()) {
					t.Errorf("after the confirmation %s shows the secret: %d", path, p.Code)
				}
			}
		}
		if p := b.follow(b.submit("/enrol/again", verify)); strings.Contains(p.Body.String(), key) {
			t.Error("the button to scan again shows the secret")
		}
		for _, path := range []string{first.Header().Get("Location"), scan.flow, verify.flow} {
			if strings.Contains(path, key) {
				t.Errorf("the secret is in the address %s", path)
			}
		}
		texts := w.log.String()
		for _, l := range w.letters() {
			texts += l.Subject + l.Body
		}
		if strings.Contains(texts, key) || strings.Contains(texts, "otpauth") {
			t.Error("the secret is in the log or in a mail")
		}
		if w.count(`SELECT COUNT(*) FROM audit_event WHERE body LIKE '%`+key+`%'`) != 0 {
			t.Error("the secret is in the trail")
		}
	})
}

// TestENR3BoundBy: each Authenticator keeps by what right it was bound, and each is
// told to the person; the ways of a link and of the help desk. The others are those of
// TestEnrolment, TestActivationCode and TestAuthenticators. ENR-3, NOT-1.
func TestENR3BoundBy(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		told := func(id string) (n int) {
			for _, m := range w.mailsTo(id + "@miyako.example") {
				if strings.Contains(m.Body, "The Authenticator “Authenticator” was registered.") {
					n++
				}
			}
			return n
		}
		b := w.newBrowser()
		b.follow(b.confirm(b.askLink(hanako.id), hanako.id, people.Password))
		b.enrol(hanako.id, b.follow(b.get("/enrol")))
		w.pass(time.Minute)
		caller, desk := w.newBrowser(), w.atDesk(agent01)
		waiting := caller.callDesk(taro.id)
		desk.approve(desk.open(taro.id, waiting.number()))
		caller.enrol(taro.id, caller.follow(caller.submit("/reset/take", waiting.form("/reset/take"))))
		for id, want := range map[string]string{hanako.id: "link", taro.id: "help_desk"} {
			if n := w.count(`SELECT COUNT(*) FROM totp_authenticator a JOIN subscriber s ON s.id = a.subscriber_id
				WHERE s.sps_id = $1 AND a.state = 'active' AND a.bound_by = $2`, id, want); n != 1 {
				t.Errorf("%s: %d bound by %s", id, n, want)
			}
			if told(id) == 0 {
				t.Errorf("%s was not told: %+v", id, w.mailsTo(id+"@miyako.example"))
			}
		}
	}, anyFactor)
}
