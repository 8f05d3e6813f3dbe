package abuse

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/passkey/passkeytest"
	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/store"
)

// passkeyTx is what giving somebody a passkey needs.
type passkeyTx interface {
	CreatePasskey(ctx context.Context, c passkey.Credential) error
}

// givePasskey gives a person a passkey on a device.
func (w *world) givePasskey(who person, d *passkeytest.Device) {
	w.t.Helper()
	id := w.subscriber(who.id)
	options, ceremony, err := w.app.Passkeys.BeginRegistration(passkey.Person{SubscriberID: id, Name: who.id, Display: who.id}, nil, w.Now())
	w.must(err)
	response, err := d.Create(options)
	w.must(err)
	c, err := w.app.Passkeys.FinishRegistration(ceremony, id, response, w.Now())
	w.must(err)
	c.Name, c.BoundBy = "MacBook", authenticator.BySecondFactor
	w.must(store.In[passkeyTx](w.app.DB)(w.t.Context(), func(tx passkeyTx) error { return tx.CreatePasskey(w.t.Context(), c) }))
}

// asked is what a page's script was told to ask the device.
type asked struct {
	page    page
	ID      string          `json:"id"`
	Options json.RawMessage `json:"options"`
}

// begin does what the script of a page does first.
func (b *browser) begin(path string, p page) (a asked) {
	b.w.t.Helper()
	got := b.post(path, p.hidden())
	if got.Code != http.StatusOK {
		b.w.t.Fatalf("%s: %d %s", path, got.Code, got.Body)
	}
	b.w.must(json.Unmarshal(got.Body.Bytes(), &a))
	a.page = p
	return a
}

// beginAlone asks for a passkey on the page for one alone.
func (b *browser) beginAlone() asked {
	b.w.t.Helper()
	return b.begin("/login/passkey/begin", b.get("/login/passkey"))
}

// beginBeside asks for a passkey after the right password.
func (b *browser) beginBeside(who person) asked {
	b.w.t.Helper()
	p := b.follow(b.password(who.id, people.Password))
	flow := cmp.Or(p.flow, p.flowOfScript())
	return b.begin("/login/passkey/begin", b.get("/login/passkey?flow="+flow))
}

// answer sends what a device says.
func (b *browser) answer(a asked, response []byte) page {
	form := a.page.hidden()
	form.Set("id", a.ID)
	form.Set("response", string(response))
	return b.post("/login/passkey", form)
}

// get lets a device answer.
func (b *browser) device(a asked, d *passkeytest.Device) page {
	b.w.t.Helper()
	response, err := d.Get(a.Options)
	b.w.must(err)
	return b.answer(a, response)
}

// flowOfScript is the flow of a page whose form a script makes.
func (p page) flowOfScript() string { return p.hidden().Get("flow") }

func (p page) in() bool { return strings.HasPrefix(p.Header().Get("Location"), "/home") }

// TestPasskeyAlone signs in with a passkey and nothing else, whatever waits
// wrong passwords have earned, and resets every count. WAN-1, THR-3, THR-5.
func TestPasskeyAlone(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		thief := w.newBrowser()
		for range 7 {
			thief.password(hanako.id, "wrong")
		}
		b := w.newBrowser()
		a := b.beginAlone()
		response, err := d.Get(a.Options)
		w.must(err)
		if got := b.answer(a, response); !got.in() || !b.signedIn() {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		if got := b.answer(a, response); !got.in() {
			t.Errorf("the same form sent twice: %d %s", got.Code, got.Body)
		}
		if n := w.count(`SELECT COUNT(*) FROM throttle WHERE account = '` + w.subscriber(hanako.id) + `'`); n != 0 {
			t.Errorf("%d counts are left", n)
		}
		if n := w.mailed("There was a login from a new device."); n == 0 {
			t.Error("nobody was told of the new device")
		}
		if n := w.count(`SELECT COUNT(*) FROM session WHERE evidence LIKE '%passkey%' AND evidence LIKE '%"uv":true%' AND evidence NOT LIKE '%password%'`); n != 1 {
			t.Errorf("%d sessions with a passkey alone", n)
		}
	})
}

// TestA55 spoils the answer in every way. A55, WAN-1.
func TestA55(t *testing.T) {
	for name, spoil := range map[string]func(d *passkeytest.Device){
		"another origin": func(d *passkeytest.Device) { d.Origin = "https://sso.miyako.example.evil.example" },
		"cross-origin": func(d *passkeytest.Device) {
			d.ClientData = func(c map[string]any) { c["crossOrigin"], c["topOrigin"] = true, "https://evil.example" }
		},
		"of a registration":    func(d *passkeytest.Device) { d.ClientData = func(c map[string]any) { c["type"] = "webauthn.create" } },
		"another RP ID":        func(d *passkeytest.Device) { d.AuthData = func(b []byte) []byte { b[0] ^= 1; return b } },
		"no user verification": func(d *passkeytest.Device) { d.Flags = passkeytest.UP },
		"no user at all":       func(d *passkeytest.Device) { d.Flags = passkeytest.UV },
		"another signature":    func(d *passkeytest.Device) { d.Signature = func(b []byte) []byte { b[len(b)-1] ^= 1; return b } },
		"no signature":         func(d *passkeytest.Device) { d.Signature = func([]byte) []byte { return nil } },
		"another user handle":  func(d *passkeytest.Device) { d.Passkeys[0].UserHandle = []byte("somebody else") },
		"an unknown key":       func(d *passkeytest.Device) { d.Passkeys[0].ID = []byte("unknown") },
		"another's key":        func(d *passkeytest.Device) { d.Passkeys[0].Key = passkeytest.NewKey() },
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				d := passkeytest.New(base)
				w.givePasskey(hanako, d)
				spoil(d)
				b := w.newBrowser()
				got := b.device(b.beginAlone(), d)
				if got.Code != http.StatusUnprocessableEntity || !got.says("The passkey could not be checked.") || b.signedIn() {
					t.Errorf("%d %s", got.Code, got.Body)
				}
				if n := w.count(`SELECT COUNT(*) FROM session`); n != 0 {
					t.Errorf("%d sessions", n)
				}
				if n := w.count(`SELECT COUNT(*) FROM passkey_ceremony`); n != 0 {
					t.Error("the question can be answered once more")
				}
			})
		})
	}
}

// TestPasskeyQuestionOnce answers a question again, in another browser, after
// its time, at another place, and one that was never asked. A55, WAN-1.
func TestPasskeyQuestionOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		d.Counts, d.SignCount = false, 0 // so that nothing but the question can refuse
		w.givePasskey(hanako, d)
		sign := func(a asked) []byte {
			response, err := d.Get(a.Options)
			w.must(err)
			return response
		}
		refused := func(name string, b *browser, got page) {
			t.Helper()
			if got.in() || b.signedIn() {
				t.Errorf("%s: signed in", name)
			}
		}
		first := w.newBrowser()
		a := first.beginAlone()
		response := sign(a)

		b := w.newBrowser()
		foreign := b.beginAlone()
		foreign.ID = a.ID
		refused("the question of another browser", b, b.answer(foreign, response))
		refused("the answer to another question", b, b.answer(b.beginAlone(), response))
		made := b.beginAlone()
		made.ID = strings.Repeat("A", 26)
		refused("a question that was never asked", b, b.answer(made, sign(made)))
		refused("junk", b, b.answer(b.beginAlone(), []byte(`{"id":1}`)))
		late := b.beginAlone()
		w.pass(passkey.Lifetime)
		refused("after five minutes", b, b.answer(late, sign(late)))
		alone := b.beginAlone()
		beside := b.beginBeside(hanako)
		alone.page = beside.page
		refused("a question from before the password", b, b.answer(alone, sign(alone)))
		beside.page = b.get("/login/passkey")
		refused("a question from after the password", b, b.answer(beside, sign(beside)))

		a = first.beginAlone()
		response = sign(a)
		if got := first.answer(a, response); !got.in() {
			t.Fatalf("a right one: %d %s", got.Code, got.Body)
		}
		delete(first.cookies, "__Host-session")
		w.pass(time.Minute) // past the time of a double click
		if first.answer(a, response); first.signedIn() {
			t.Error("the same answer again: signed in")
		}
		again := first.beginAlone()
		refused("with a new question", first, first.answer(again, response))
	})
}

// TestPasskeyRace posts one answer 16 times at once. WAN-1.
func TestPasskeyRace(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		b := w.newBrowser()
		a := b.beginAlone()
		response, err := d.Get(a.Options)
		w.must(err)
		var wg sync.WaitGroup
		var in atomic.Int64
		for range 16 {
			wg.Go(func() {
				if b.answer(a, response).in() {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if n := w.count(`SELECT COUNT(*) FROM session`); n != 1 || in.Load() == 0 {
			t.Errorf("%d sessions, %d answers led on; want 1 session", n, in.Load())
		}
	})
}

// TestPasskeyBeside gives a passkey after the password, without user
// verification; another person's is refused, and it tells nobody what a person
// has before the password. WAN-1, WAN-3, A55.
func TestPasskeyBeside(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		mine, others := passkeytest.New(base), passkeytest.New(base)
		w.givePasskey(hanako, mine)
		w.givePasskey(seeded(1), others)
		mine.Flags, others.Flags = passkeytest.UP, passkeytest.UP
		b := w.newBrowser()
		if a := b.beginAlone(); strings.Contains(string(a.Options), "allowCredentials\":[{") {
			t.Errorf("before the password: %s", a.Options)
		}
		a := b.beginBeside(hanako)
		if _, err := others.Get(a.Options); err == nil {
			t.Fatal("another person's passkey is asked for")
		}
		response, err := others.Sign(others.Passkeys[0], passkeytest.Challenge(a.Options))
		w.must(err)
		if got := b.answer(a, response); got.Code != http.StatusUnprocessableEntity || b.signedIn() {
			t.Errorf("another person's: %d %s", got.Code, got.Body)
		}
		if got := b.device(b.beginBeside(hanako), mine); !got.in() || !b.signedIn() {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		if n := w.count(`SELECT COUNT(*) FROM session WHERE evidence LIKE '%password%' AND evidence LIKE '%passkey%'`); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

// TestPasskeyClone lets a count of signatures go back: refused, and the owner is
// told. WAN-2, NOT-1.
func TestPasskeyClone(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		b := w.newBrowser()
		if got := b.device(b.beginAlone(), d); !got.in() {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		d.SignCount = 2
		for _, begin := range []func(*browser) asked{(*browser).beginAlone, func(b *browser) asked { return b.beginBeside(hanako) }} {
			before := w.mailed("The passkey “MacBook” may have been copied and was refused.")
			b := w.newBrowser()
			if got := b.device(begin(b), d); got.Code != http.StatusUnprocessableEntity || b.signedIn() {
				t.Errorf("%d %s", got.Code, got.Body)
			}
			if n := w.mailed("The passkey “MacBook” may have been copied and was refused."); n == before {
				t.Error("nobody was told")
			}
			d.SignCount = 2
		}
	})
}

// TestPasskeyOfSuspended keeps a suspended person out. SES-9.
func TestPasskeyOfSuspended(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		w.must(w.app.Directory.Suspend(t.Context(), hanako.id, "test"))
		b := w.newBrowser()
		if got := b.device(b.beginAlone(), d); got.Code != http.StatusConflict || b.signedIn() {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}

// TestMethodUsedLast leads after the password to the method that was used last in the
// browser, also for another person, who may not have it.
func TestMethodUsedLast(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		b := w.newBrowser()
		if got := b.device(b.beginBeside(hanako), d); !got.in() {
			t.Fatalf("%d %s", got.Code, got.Body)
		}
		p := b.password(hanako.id, people.Password)
		if !strings.HasPrefix(p.Header().Get("Location"), "/login/passkey?flow=") {
			t.Errorf("after a passkey: %s", p.Header().Get("Location"))
		}
		choose := b.get("/login/choose?flow=" + b.follow(p).flowOfScript())
		if !choose.says("Last used") {
			t.Errorf("%s", choose.Body)
		}
		other := seeded(1)
		page := b.follow(b.password(other.id, people.Password))
		if !page.says("Enter the one-time password") {
			t.Fatalf("who has no passkey: %d %s", page.Code, page.Body)
		}
		if got := b.submitTOTP(page, other.code(w.Now())); !got.in() {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		if p := b.password(hanako.id, people.Password); !strings.HasPrefix(p.Header().Get("Location"), "/login/totp?flow=") {
			t.Errorf("after a TOTP: %s", p.Header().Get("Location"))
		}
		b.cookies["__Host-method"] = "https://evil.example/"
		if p := b.password(hanako.id, people.Password); !strings.HasPrefix(p.Header().Get("Location"), "/login/totp?flow=") {
			t.Errorf("after something else: %s", p.Header().Get("Location"))
		}
	})
}

// TestPasskeyIsAMeans has a person with a passkey alone, who comes to its page after
// the password. SES-7.
func TestPasskeyIsAMeans(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		d := passkeytest.New(base)
		w.givePasskey(hanako, d)
		w.exec(`DELETE FROM totp_authenticator WHERE subscriber_id = '` + w.subscriber(hanako.id) + `'`)
		b := w.newBrowser()
		p := b.follow(b.password(hanako.id, people.Password))
		if !p.says("Log in with a passkey") || b.signedIn() {
			t.Fatalf("%d %s", p.Code, p.Body)
		}
		if got := b.device(b.begin("/login/passkey/begin", p), d); !got.in() {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
}

// TestStaffMakeAPasskey leads agents and administrators who have none to its page,
// from home and from every page of settings, until there is one; the last one stays,
// for two requests at once, too. The demonstration alone does without. WAN-5.
func TestStaffMakeAPasskey(t *testing.T) {
	const path = "/account/passkeys"
	for _, id := range []string{"agent01", "admin01"} {
		t.Run(id, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				who, d, b := printed(id, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), passkeytest.New(base), w.newBrowser()
				b.signIn(who)
				for _, page := range append([]string{"/home"}, settings...) {
					p := b.get(page)
					if own := strings.HasPrefix(page, path); own && page == path && !p.says("need a passkey") || page != path && p.Header().Get("Location") != path {
						t.Errorf("%s: %d %s", page, p.Code, p.Header().Get("Location"))
					}
				}
				if p := b.submit("/account/address", w.newBrowser().get("/forgot"), "email", "x@example.net"); w.count(`SELECT COUNT(*) FROM pending_address`) != 0 {
					t.Errorf("a form works before: %d", p.Code)
				}
				w.givePasskey(who, d)
				if p := b.get("/home"); p.Code != http.StatusOK {
					t.Errorf("with a passkey: %d %s", p.Code, p.Header().Get("Location"))
				}
				if p := b.get(path); p.says("need a passkey") {
					t.Error("it is still asked for")
				}
				first := regexp.MustCompile(path + `/remove\?id=([\w-]+)`).FindStringSubmatch(b.get(path).Body.String())
				if p := b.get(first[0]); p.Code != http.StatusConflict || !p.says("You cannot remove your last passkey") {
					t.Errorf("the last one: %d %s", p.Code, p.Body)
				}
				if p := b.get(path + "/rename?id=" + first[1]); p.Code != http.StatusOK {
					t.Errorf("its name: %d", p.Code)
				}
				w.givePasskey(who, passkeytest.New(base))
				both := regexp.MustCompile(path+`/remove\?id=([\w-]+)`).FindAllStringSubmatch(b.get(path).Body.String(), -1)
				var wg sync.WaitGroup
				for _, one := range both {
					ask := b.get(one[0])
					wg.Go(func() { b.submit(path+"/remove", ask, "id", one[1]) })
				}
				wg.Wait()
				if n := w.count(`SELECT COUNT(*) FROM passkey`); len(both) != 2 || n != 1 {
					t.Errorf("of %d passkeys %d are left, want 1 of 2", len(both), n)
				}
			})
		})
	}
	t.Run("demonstration", func(t *testing.T) {
		onEngines(t, func(t *testing.T, w *world) {
			b := w.newBrowser()
			b.signIn(printed("agent01", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"))
			if p := b.get("/home"); p.Code != http.StatusOK {
				t.Errorf("%d %s", p.Code, p.Header().Get("Location"))
			}
		}, func(c *config.Config) { c.Desk.AnyFactor = true })
	})
}
