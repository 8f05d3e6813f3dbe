package abuse

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warifu/internal/authenticator/recoverycode"
	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/keyring"
	"warifu/internal/store"
)

// codesTx is what giving somebody recovery codes needs.
type codesTx interface {
	ReplaceRecoveryCodes(ctx context.Context, subscriberID string, digests [][]byte, now time.Time) error
}

// subscriber returns the internal id of a person.
func (w *world) subscriber(spsID string) (id string) {
	w.t.Helper()
	w.must(w.raw.QueryRowContext(w.t.Context(), `SELECT id FROM subscriber WHERE sps_id = '`+spsID+`'`).Scan(&id))
	return id
}

// giveCodes gives a person ten recovery codes, as they are printed.
func (w *world) giveCodes(who person) (shown []string) {
	w.t.Helper()
	codes, err := recoverycode.NewSet(rand.Reader)
	w.must(err)
	id := w.subscriber(who.id)
	var digests [][]byte
	for _, code := range codes {
		digests = append(digests, recoverycode.Digest(w.app.Ring.MAC(keyring.OTP), id, code))
		shown = append(shown, recoverycode.Show(code))
	}
	w.must(store.In[codesTx](w.app.DB)(w.t.Context(), func(tx codesTx) error {
		return tx.ReplaceRecoveryCodes(w.t.Context(), id, digests, w.Now())
	}))
	return shown
}

// codePage is the page of the recovery codes after the right password.
func (b *browser) codePage(id string) page {
	b.w.t.Helper()
	p := b.totpPage(id)
	p = b.get("/login/recovery-code?flow=" + p.flow)
	if p.Code != http.StatusOK {
		b.w.t.Fatalf("the page of the recovery codes: %d %s", p.Code, p.Body)
	}
	return p
}

func (b *browser) submitCode(p page, code string) page {
	return b.submit("/login/recovery-code", p, "code", code)
}

// mailed reports how many mails have a text.
func (w *world) mailed(text string) (n int) {
	w.t.Helper()
	for _, l := range w.letters() {
		if strings.Contains(l.Body, text) {
			n++
		}
	}
	return n
}

// TestRecoveryCodeOnce signs in with a code, in a spelling of the person's own;
// it counts as a recovery, is told, and works no second time. REC-1, NOT-1, ADR-8.
func TestRecoveryCodeOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		codes := w.giveCodes(hanako)
		b := w.newBrowser()
		typed := strings.ToLower(strings.ReplaceAll(codes[3], "-", " "))
		p := b.codePage(hanako.id)
		if got := b.submitCode(p, typed); !strings.HasPrefix(got.Header().Get("Location"), "/home") || !b.signedIn() {
			t.Fatalf("%d %s %s", got.Code, got.Header().Get("Location"), got.Body)
		}
		if got := b.submitCode(p, typed); !strings.HasPrefix(got.Header().Get("Location"), "/home") {
			t.Errorf("the same form sent twice: %d %s", got.Code, got.Body)
		}
		other := w.newBrowser()
		if got := other.submitCode(other.codePage(hanako.id), codes[3]); got.Code != http.StatusUnprocessableEntity || !got.says("is not correct, or was used before") || other.signedIn() {
			t.Errorf("the second time: %d %s", got.Code, got.Body)
		}
		if n := w.mailed("A recovery code was used."); n == 0 || w.mailed("Codes left: 9") != n {
			t.Errorf("%d notices", n)
		}
		if n := w.count(`SELECT COUNT(*) FROM subscriber WHERE sps_id = 'sps00001' AND recovered_at > 0`); n != 1 {
			t.Error("it does not count as a recovery")
		}
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE body LIKE '%recovery code accepted%'`); n != 1 {
			t.Errorf("%d acceptances are recorded", n)
		}
	})
}

// TestRecoveryCodeOfAnother tries another person's code, a stored digest, parts
// of a code, and the right code at the wrong field. REC-1, A26, A27.
func TestRecoveryCodeOfAnother(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		mine, others := w.giveCodes(hanako), w.giveCodes(seeded(1))
		b := w.newBrowser()
		p := b.codePage(hanako.id)
		for _, slip := range []string{"", mine[0][:14], mine[0] + "0", mine[0] + "\x00", strings.Repeat("0", 64)} {
			if got := b.submitCode(p, slip); got.Code != http.StatusUnprocessableEntity {
				t.Errorf("%q: %d", slip, got.Code)
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM throttle`); n != 0 {
			t.Error("a slip was counted")
		}
		if got := b.submitCode(p, others[0]); got.Code != http.StatusUnprocessableEntity || b.signedIn() {
			t.Errorf("another person's code: %d", got.Code)
		}
		other := w.newBrowser()
		if got := other.submitCode(other.codePage(seeded(1).id), others[0]); !strings.HasPrefix(got.Header().Get("Location"), "/home") {
			t.Errorf("the owner's own try: %d %s", got.Code, got.Body)
		}
		if got := b.submitTOTP(b.totpPage(hanako.id), mine[0]); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("at the field of the TOTP: %d", got.Code)
		}
	})
}

// TestRecoveryCodeRace posts one code from 16 flows at once. REC-1.
func TestRecoveryCodeRace(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		codes := w.giveCodes(hanako)
		var in atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			b := w.newBrowser()
			p := b.codePage(hanako.id)
			wg.Go(func() {
				if got := b.submitCode(p, codes[0]); strings.HasPrefix(got.Header().Get("Location"), "/home") {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if n := w.count(`SELECT COUNT(*) FROM session`); in.Load() != 1 || n != 1 {
			t.Errorf("%d flows signed in, %d sessions; want 1", in.Load(), n)
		}
	}, func(c *config.Config) { // no wait may hide the race
		c.Throttle.CodeFree, c.Throttle.FactorUnknown, c.Throttle.FactorAll = 1000, 1000, 1000
	})
}

// TestRecoveryCodesShareTheCount guesses codes: they wait, and stop, together
// with TOTP; a right code ends the wait and not the count. THR-5.
func TestRecoveryCodesShareTheCount(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		codes := w.giveCodes(hanako)
		wrong := strings.Repeat("0", recoverycode.Length)
		for n := 1; n <= 15; n++ {
			b := w.newBrowser()
			if got := b.submitCode(b.codePage(hanako.id), wrong); got.Code != http.StatusUnprocessableEntity {
				t.Fatalf("guess %d: %d", n, got.Code)
			}
			w.pass(16 * time.Minute)
		}
		b := w.newBrowser()
		if got := b.submitCode(b.codePage(hanako.id), codes[0]); !strings.HasPrefix(got.Header().Get("Location"), "/home") {
			t.Fatalf("a right one: %d %s", got.Code, got.Body)
		}
		for n := 17; n <= 30; n++ {
			b := w.newBrowser()
			b.submitTOTP(b.totpPage(hanako.id), hanako.wrong(w.Now(), n))
			w.pass(16 * time.Minute)
		}
		b = w.newBrowser()
		if got := b.submitCode(b.codePage(hanako.id), codes[1]); !got.says("This browser cannot be used now") || b.signedIn() {
			t.Errorf("the 31st: %d %s", got.Code, got.Body)
		}
	})
}

// TestRecoveryCodeIsAMeans has a person with codes alone: the page of the codes
// comes after the password, and half a sign-in opens nothing. SES-7.
func TestRecoveryCodeIsAMeans(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		codes := w.giveCodes(hanako)
		w.exec(`DELETE FROM totp_authenticator WHERE subscriber_id = '` + w.subscriber(hanako.id) + `'`)
		b := w.newBrowser()
		p := b.follow(b.password(hanako.id, people.Password))
		if !p.says("Enter a recovery code") || b.signedIn() {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if got := b.submitCode(p, codes[0]); !strings.HasPrefix(got.Header().Get("Location"), "/home") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}

// TestCodesInTheOtherLanguage shows the codes once more, in the other language, from
// what the page itself sends: neither the database nor the log ever has them in
// clear, anything but a whole set is refused, and so is whoever is not there. REC-1, A39.
func TestCodesInTheOtherLanguage(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		const path = "/account/recovery-codes"
		b := w.newBrowser()
		b.signIn(hanako)
		made := b.submit(path, b.get(path))
		all := regexp.MustCompile(`name="codes" value="([^"]+)"`).FindStringSubmatch(made.Body.String())
		if all == nil || len(strings.Fields(all[1])) != recoverycode.Count {
			t.Fatalf("%d %s", made.Code, made.Body)
		}
		again := b.submit(path+"/shown?lang=ja", made, "codes", all[1])
		if again.Code != http.StatusOK || !again.says("このコードは今だけ表示されます。") || !again.says(all[1]) {
			t.Errorf("%d %s", again.Code, again.Body)
		}
		for name, p := range map[string]page{
			"free text":  b.submit(path+"/shown", made, "codes", "Call this number: 0123456789"),
			"nine codes": b.submit(path+"/shown", made, "codes", strings.Join(strings.Fields(all[1])[1:], " ")),
			"a stranger": w.newBrowser().submit(path+"/shown", made, "codes", all[1]),
		} {
			if p.Code < 400 || p.says(strings.Fields(all[1])[0]) {
				t.Errorf("%s: %d", name, p.Code)
			}
		}
		if p := b.get(path + "/shown"); p.Header().Get("Location") != path {
			t.Errorf("loaded again: %d", p.Code)
		}
		for _, code := range strings.Fields(all[1]) {
			for _, written := range []string{code, strings.ReplaceAll(code, "-", "")} {
				if strings.Contains(w.log.String(), written) || w.count(`SELECT COUNT(*) FROM audit_event WHERE body LIKE '%' || $1 || '%'`, written) > 0 {
					t.Errorf("a code is kept in clear")
				}
			}
		}
	})
}
