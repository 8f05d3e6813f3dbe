package abuse

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/passkey/passkeytest"
	"warifu/internal/authenticator/totp"
	"warifu/internal/demo/people"
	"warifu/internal/session"
)

// keeper is a person with two browsers who changes everything that the account has,
// an attacker who always knows the password, and the clock. What it knows of the
// truth, it keeps itself.
type keeper struct {
	*world
	id          string
	browsers    []*browser  // 0 and 1 of the person, 2 of the attacker
	given       []time.Time // of the newest second factor in the session of each; zero if there is none
	password    string
	totps       []person // in use, in the order in which they were made
	devices     []*passkeytest.Device
	codes       []string // that were not used
	goneTOTPs   []person
	goneDevices []*passkeytest.Device
	goneCodes   []string
	addresses   []string
	recovered   time.Time
	used        map[string]bool // codes of time steps, and recovery codes
	n           int             // of what was made up
	open        map[string]page // the forms that lie open, by browser and address
}

// TestAccountWalks adds and removes Authenticators, passkeys, recovery codes and
// addresses, and changes the password, at random, with sign-ins by each of them in
// between, and holds that to what must always be true. Nothing changes without a
// second factor that is at most five minutes old, nor an address within a day after
// a recovery code. What was removed works no more, what is there does, and the last
// second factor stays. Each serves once. A change of the password ends the other
// sessions. Every change is recorded and told. The attacker changes nothing and never
// comes in. TOTP-4, TOTP-12, TOTP-13, WAN-4, REC-1, ADR-2, ADR-6, ADR-8, PW-5, SES-8, NOT-1, AUD-2.
func TestAccountWalks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := &keeper{world: newWorld(t, template.SQLite(t)),
			id: hanako.id, given: make([]time.Time, 2), password: people.Password, totps: []person{hanako}, used: make(map[string]bool), open: make(map[string]page)}
		w.addresses = w.world.addresses(w.id)
		for n := range 3 {
			b := w.newBrowser()
			b.address = []string{"192.0.2.1", "192.0.2.2", "198.51.100.9"}[n]
			w.browsers = append(w.browsers, b)
		}
		r.Repeat(map[string]func(*rapid.T){
			"sign in":              w.signInByTOTP,
			"sign in by passkey":   w.signInByPasskey,
			"sign in by code":      w.signInByCode,
			"add Authenticator":    w.act(w.addAuthenticator),
			"remove Authenticator": w.act(w.removeAuthenticator),
			"add passkey":          w.act(w.addPasskey),
			"remove passkey":       w.act(w.removePasskey),
			"make codes":           w.act(w.makeCodes),
			"change password":      w.act(w.changePassword),
			"add address":          w.act(w.addAddress),
			"remove address":       w.act(w.removeAddress),
			"attack":               w.attack,
			"time passes":          w.timePasses,
			"":                     w.check,
		})
		w.comesIn(r)
	})
}

// settingsOf is all that the account has, as the database tells it.
func (w *keeper) settingsOf() string {
	var hash string
	w.must(w.raw.QueryRowContext(w.t.Context(), `SELECT p.hash FROM password p JOIN subscriber s ON s.id = p.subscriber_id WHERE s.sps_id = $1`, w.id).Scan(&hash))
	return fmt.Sprint(w.active(w.id), w.countOf("passkey", "1 = 1"), w.countOf("recovery_code", "used_at = 0"), w.world.addresses(w.id), hash)
}

func (w *keeper) countOf(table, where string) int {
	return w.count(`SELECT COUNT(*) FROM `+table+` a JOIN subscriber s ON s.id = a.subscriber_id WHERE s.sps_id = $1 AND `+where, w.id)
}

// act wraps what changes something in one of the person's browsers.
func (w *keeper) act(do func(r *rapid.T, n int, b *browser)) func(*rapid.T) {
	return func(r *rapid.T) {
		n := rapid.IntRange(0, 1).Draw(r, "browser")
		before, recorded, queued := w.settingsOf(), w.count(`SELECT COUNT(*) FROM audit_event`), w.count(`SELECT COUNT(*) FROM mail_outbox`)
		fresh := !w.given[n].IsZero() && w.Now().Sub(w.given[n]) <= session.FreshFor && w.browsers[n].signedIn()
		do(r, n, w.browsers[n])
		if w.settingsOf() == before {
			return
		}
		if !fresh {
			r.Fatalf("something changed without a fresh second factor: %s, %s", before, w.settingsOf())
		}
		if w.count(`SELECT COUNT(*) FROM audit_event`) == recorded || w.count(`SELECT COUNT(*) FROM mail_outbox`) == queued {
			r.Fatalf("a change was not recorded, or not told")
		}
	}
}

// second gives the password, and returns the flow that waits for the second factor;
// empty if the browser has to wait.
func (w *keeper) second(b *browser) string {
	p := b.password(w.id, w.password)
	if !strings.HasPrefix(p.Header().Get("Location"), "/login/") {
		return ""
	}
	p = b.follow(p)
	return cmp.Or(p.flow, p.flowOfScript())
}

func (w *keeper) signInByTOTP(r *rapid.T) {
	if len(w.totps) == 0 {
		return
	}
	n, who := rapid.IntRange(0, 1).Draw(r, "browser"), rapid.SampledFrom(w.totps).Draw(r, "Authenticator")
	b := w.browsers[n]
	flow := w.second(b)
	p := b.get("/login/totp?flow=" + flow)
	if flow == "" || !p.says("Enter the one-time password") {
		return
	}
	if !b.submitTOTP(p, who.code(w.Now())).in() {
		return
	}
	if w.used[once(who, w.Now())] {
		r.Fatalf("a code was taken twice")
	}
	w.used[once(who, w.Now())], w.given[n] = true, w.Now()
}

// once names a code of an Authenticator at a time.
func once(who person, at time.Time) string { return fmt.Sprint(string(who.secret), totp.Step(at)) }

func (w *keeper) signInByPasskey(r *rapid.T) {
	if len(w.devices) == 0 {
		return
	}
	n := rapid.IntRange(0, 1).Draw(r, "browser")
	b, d := w.browsers[n], rapid.SampledFrom(w.devices).Draw(r, "device")
	delete(b.cookies, "__Host-session") // who is in already is led on
	w.given[n] = time.Time{}
	if !b.device(b.beginAlone(), d).in() {
		r.Fatalf("a passkey that is there does not sign in")
	}
	w.given[n] = w.Now()
}

func (w *keeper) signInByCode(r *rapid.T) {
	if len(w.codes) == 0 {
		return
	}
	n, code := rapid.IntRange(0, 1).Draw(r, "browser"), rapid.SampledFrom(w.codes).Draw(r, "code")
	b := w.browsers[n]
	flow := w.second(b)
	p := b.get("/login/recovery-code?flow=" + flow)
	if flow == "" || p.Code != http.StatusOK {
		return
	}
	if !strings.HasPrefix(b.submitCode(p, code).Header().Get("Location"), "/home") {
		return
	}
	if w.used[code] {
		r.Fatalf("a recovery code was taken twice")
	}
	w.used[code], w.given[n], w.recovered = true, w.Now(), w.Now()
	w.codes = slices.DeleteFunc(w.codes, func(c string) bool { return c == code })
}

// still returns the form of a page; of one that has none any more, that which lies
// open in the browser from before.
func (w *keeper) still(b *browser, path string, p page) page {
	key := b.address + path
	if p.token != "" {
		w.open[key] = p
	}
	return w.open[key]
}

func (w *keeper) addAuthenticator(_ *rapid.T, _ int, b *browser) {
	w.pass(time.Second) // the list is in the order in which they were made
	list := b.get("/account/authenticators")
	if list.Code != http.StatusOK {
		return
	}
	scan := b.follow(b.submit("/account/authenticators", list.form("/account/authenticators")))
	if otpauth.MatchString(scan.Body.String()) {
		made := b.enrol(w.id, scan)
		w.totps, w.used[once(made, w.Now())] = append(w.totps, made), true
	}
}

func (w *keeper) removeAuthenticator(r *rapid.T, _ int, b *browser) {
	all := renameLink.FindAllStringSubmatch(b.get("/account/authenticators").Body.String(), -1)
	if len(all) == 0 {
		return
	}
	i := rapid.IntRange(0, len(all)-1).Draw(r, "which")
	ask := w.still(b, "/account/authenticators/remove", b.get("/account/authenticators/remove?id="+all[i][1]))
	if b.submit("/account/authenticators/remove", ask, "id", all[i][1]).Header().Get("Location") != "/account/authenticators?done=removed" {
		return
	}
	if len(w.totps) == 1 && len(w.devices) == 0 {
		r.Fatalf("the last second factor was removed")
	}
	w.goneTOTPs = append(w.goneTOTPs, w.totps[i])
	w.totps = slices.Delete(slices.Clone(w.totps), i, i+1)
}

func (w *keeper) addPasskey(_ *rapid.T, _ int, b *browser) {
	page := b.get("/account/passkeys")
	if page.Code != http.StatusOK || len(w.devices) == 3 {
		return
	}
	d := passkeytest.New(base)
	begun := b.post("/account/passkeys/begin", page.hidden())
	if begun.Code != http.StatusOK {
		return
	}
	a := asked{page: page}
	w.must(json.Unmarshal(begun.Body.Bytes(), &a))
	response, err := d.Create(a.Options)
	w.must(err)
	if b.finish(a, response).Header().Get("Location") == "/account/passkeys?done=passkey" {
		w.devices = append(w.devices, d)
	}
}

func (w *keeper) removePasskey(r *rapid.T, _ int, b *browser) {
	if len(w.devices) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.devices)-1).Draw(r, "which")
	id := passkey.EncodeID(w.devices[i].Passkeys[0].ID)
	ask := w.still(b, "/account/passkeys/remove", b.get("/account/passkeys/remove?id="+id))
	if b.submit("/account/passkeys/remove", ask, "id", id).Header().Get("Location") != "/account/passkeys?done=removed" {
		return
	}
	if len(w.totps) == 0 && len(w.devices) == 1 {
		r.Fatalf("the last second factor was removed")
	}
	w.goneDevices = append(w.goneDevices, w.devices[i])
	w.devices = slices.Delete(slices.Clone(w.devices), i, i+1)
}

func (w *keeper) makeCodes(r *rapid.T, _ int, b *browser) {
	page := b.get("/account/recovery-codes")
	made := printedCode.FindAllStringSubmatch(b.submit("/account/recovery-codes", page).Body.String(), -1)
	if len(made) == 0 {
		return
	}
	w.goneCodes, w.codes = append(w.goneCodes, w.codes...), nil
	for _, code := range made {
		if w.used[code[1]] {
			r.Fatalf("a used code was made again")
		}
		w.codes = append(w.codes, code[1])
	}
}

func (w *keeper) changePassword(r *rapid.T, n int, b *browser) {
	w.n++
	chosen := fmt.Sprintf("correct horse battery staple %d", w.n)
	before := w.settingsOf()
	b.submit("/account/password", b.get("/account/password"), "present", w.password, "chosen", chosen)
	if w.settingsOf() == before { // one more proof was wanted
		return
	}
	w.password = chosen
	w.given[1-n] = time.Time{}
	if w.browsers[1-n].signedIn() {
		r.Fatalf("a session outlived the change of the password")
	}
}

func (w *keeper) addAddress(r *rapid.T, n int, b *browser) {
	w.n++
	address, before := fmt.Sprintf("address%d@example.net", w.n), w.world.addresses(w.id)
	form := w.still(b, "/account/address", b.get("/account").form("/account/address"))
	if b.submit("/account/address", form, "email", address).Header().Get("Location") != "/account/address" {
		return
	}
	var more []string
	if rapid.Bool().Draw(r, "beside") {
		more = []string{"beside", "yes"}
	}
	b.submit("/account/address/update", b.get("/account/address").form("/account/address/update"), append([]string{"code", w.numberOf(w.id, address)}, more...)...)
	w.readdressed(r, before)
}

var removeAddressLink = regexp.MustCompile(`/account/address/remove\?id=([a-z0-9]+)`)

func (w *keeper) removeAddress(r *rapid.T, _ int, b *browser) {
	before := w.world.addresses(w.id)
	all := removeAddressLink.FindAllStringSubmatch(b.get("/account").Body.String(), -1)
	if len(all) == 0 {
		return
	}
	one := rapid.SampledFrom(all).Draw(r, "which")
	b.submit("/account/address/remove", w.still(b, "/account/address/remove", b.get(one[0])), "id", one[1])
	w.readdressed(r, before)
}

// readdressed holds a change of the addresses, if there was one, to its rules.
func (w *keeper) readdressed(r *rapid.T, before []string) {
	w.addresses = w.world.addresses(w.id)
	if slices.Equal(before, w.addresses) {
		return
	}
	if !w.recovered.IsZero() && w.Now().Sub(w.recovered) < 24*time.Hour {
		r.Fatalf("an address changed within a day after a recovery")
	}
	for _, gone := range before {
		if !slices.Contains(w.addresses, gone) && len(w.mailsTo(gone)) == 0 {
			r.Fatalf("%s was not told that it is gone", gone)
		}
	}
}

// attack tries what somebody with the password alone might, also with the pages
// that lie open in the person's browsers.
func (w *keeper) attack(r *rapid.T) {
	x, before := w.browsers[2], w.settingsOf()
	x.password(w.id, w.password)
	for _, path := range append([]string{"/home", "/account/passkeys", "/account/recovery-codes"}, settings...) {
		if p := x.get(path); p.Code == http.StatusOK {
			r.Fatalf("the attacker sees %s", path)
		}
	}
	for path, fields := range map[string][]string{
		"/account/password": {"present", w.password, "chosen", "of the attacker 12345"}, "/account/address": {"email", "x@evil.example"},
		"/account/authenticators": nil, "/account/recovery-codes": nil, "/account/passkeys": {"id", "x", "response", "{}"},
	} {
		if p := x.submit(path, w.browsers[0].get(path).form(path), fields...); p.Code < http.StatusSeeOther {
			r.Fatalf("the attacker sent %s: %d", path, p.Code)
		}
	}
	if w.settingsOf() != before || x.signedIn() {
		r.Fatalf("the attacker came in, or changed %s to %s", before, w.settingsOf())
	}
}

func (w *keeper) timePasses(r *rapid.T) {
	w.pass(time.Duration(rapid.SampledFrom([]int{1, 30, 61, 200, 400, 4000, 90_000}).Draw(r, "seconds")) * time.Second)
}

// check holds what is stored to what is known, and every session to what opened it.
func (w *keeper) check(r *rapid.T) {
	if got, want := fmt.Sprint(w.active(w.id), w.countOf("passkey", "1 = 1"), w.countOf("recovery_code", "used_at = 0"), w.world.addresses(w.id)),
		fmt.Sprint(len(w.totps), len(w.devices), len(w.codes), w.addresses); got != want {
		r.Fatalf("the account has %s, want %s", got, want)
	}
	if len(w.totps)+len(w.devices) == 0 || len(w.totps) > 5 || len(w.addresses) > 2 {
		r.Fatalf("%d Authenticators, %d passkeys, %d addresses", len(w.totps), len(w.devices), len(w.addresses))
	}
	if w.browsers[2].signedIn() {
		r.Fatalf("the attacker is in")
	}
	for n, b := range w.browsers[:2] {
		if b.signedIn() && w.given[n].IsZero() {
			r.Fatalf("browser %d is signed in without a second factor", n)
		}
	}
	rows, err := w.raw.QueryContext(w.t.Context(), `SELECT evidence FROM session`)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var text string
		w.must(rows.Scan(&text))
		var evidence []authenticator.Evidence
		w.must(json.Unmarshal([]byte(text), &evidence))
		var kinds []authenticator.Kind
		for _, e := range evidence {
			kinds = append(kinds, e.Kind)
		}
		alone := len(evidence) == 1 && evidence[0].Kind == authenticator.Passkey && evidence[0].UV
		beside := len(evidence) > 1 && slices.Contains(kinds, authenticator.Password) &&
			(slices.Contains(kinds, authenticator.TOTP) || slices.Contains(kinds, authenticator.RecoveryCode) || slices.Contains(kinds, authenticator.Passkey))
		if !alone && !beside {
			r.Fatalf("a session with %s", text)
		}
	}
	w.must(rows.Err())
}

// comesIn ends every walk: a day later each second factor that is there signs in,
// and none that was removed.
func (w *keeper) comesIn(r *rapid.T) {
	for _, who := range w.totps {
		w.pass(25 * time.Hour)
		b := w.newBrowser()
		flow := w.second(b)
		if !b.submitTOTP(b.get("/login/totp?flow="+flow), who.code(w.Now())).in() {
			r.Fatalf("an Authenticator that is there does not sign in")
		}
	}
	for _, d := range w.devices {
		b := w.newBrowser()
		if !b.device(b.beginAlone(), d).in() {
			r.Fatalf("a passkey that is there does not sign in")
		}
	}
	b := w.newBrowser()
	for _, who := range w.goneTOTPs {
		if flow := w.second(b); flow != "" && b.submitTOTP(b.get("/login/totp?flow="+flow), who.code(w.Now())).in() {
			r.Fatalf("an Authenticator that was removed signs in")
		}
	}
	for _, d := range w.goneDevices {
		if b.device(b.beginAlone(), d).in() {
			r.Fatalf("a passkey that was removed signs in")
		}
	}
	for _, code := range w.goneCodes {
		if flow := w.second(b); flow != "" && b.submitCode(b.get("/login/recovery-code?flow="+flow), code).Header().Get("Location") == "/home" {
			r.Fatalf("a code of an old set signs in")
		}
	}
	if b.signedIn() {
		r.Fatalf("something that is gone signs in")
	}
}
