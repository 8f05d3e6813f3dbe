package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/argon2"

	hash "warifu/internal/authenticator/password"
	"warifu/internal/secret"
)

// floor returns the processor time of the server's password hash and of the
// signatures that a protocol cannot do without, the mean of n, in this process.
func floor(n int, sign func() error) (time.Duration, error) {
	hasher, err := newHasher()
	if err != nil {
		return 0, err
	}
	return cpuOf(n, func() error { return hasher.VerifyNobody(context.Background(), password) }, sign)
}

// es256 returns a signature as of an ID token.
func es256() (func() error, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	digest := sha256.Sum256([]byte(password))
	return func() error {
		_, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		return err
	}, err
}

// rsaTwice returns two signatures as of a Response and its Assertion, without
// their XML.
func rsaTwice() (func() error, error) {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	digest := sha256.Sum256([]byte(password))
	return func() error {
		for range 2 {
			if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// libraryFloor is [floor] with the hash of the library, in new memory each time.
func libraryFloor(n int) (time.Duration, error) {
	sign, err := es256()
	if err != nil {
		return 0, err
	}
	return cpuOf(n, func() error {
		argon2.IDKey([]byte(password), []byte("0123456789abcdef"), 2, 19*1024, 1, 32)
		return nil
	}, sign)
}

func newHasher() (*hash.Hasher, error) {
	pepper, err := secret.NewMAC(1, map[int][]byte{1: make([]byte, secret.KeySize)})
	if err != nil {
		return nil, err
	}
	return hash.NewHasher(hash.DefaultPolicy(), hash.Resources{Pepper: pepper, Random: rand.Reader, Cores: 1})
}

func cpuOf(n int, makeHash, sign func() error) (time.Duration, error) {
	before := ownCPU()
	for range n {
		if err := makeHash(); err != nil {
			return 0, err
		}
		if err := sign(); err != nil {
			return 0, err
		}
	}
	return (ownCPU() - before) / time.Duration(n), nil
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // cannot fail for oneself
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// cost returns the processor time that the server takes for one of n.
func (s *server) cost(n int, do func(i int) error) (time.Duration, error) {
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	for i := range n {
		if err := do(i); err != nil {
			return 0, err
		}
	}
	after, err := s.cpu()
	return (after - before) / time.Duration(n), err
}

// knownBrowsers returns browsers in which a person has signed in before, so
// that no mail of a new browser is in the figures.
func (s *server) knownBrowsers(n int) (all []*browser, err error) {
	for range n {
		b := s.newBrowser()
		if _, _, err := b.signIn(); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	time.Sleep(2 * time.Second) // until their mails have gone
	return all, nil
}

// round is the processor time of one sign-in, and of its floor before and after.
type round struct{ before, product, after time.Duration }

func (r round) floor() time.Duration { return (r.before + r.after) / 2 }

// restless reports whether the two floors differ by more than 5 %.
func (r round) restless() bool { return (r.before - r.after).Abs() > r.floor()/20 }

// protocol is a way to sign in, and what it cannot do without.
type protocol struct {
	name          string
	beyond, ratio string // the numbers of the goals
	goalBeyond    string
	goalRatio     string
	sign          func() error
	signIn        func(*browser) error
}

// measureSignIn prints the processor time of a complete sign-in by each protocol
// beside its floor.
func (s *server) measureSignIn() error {
	token, err := es256()
	if err != nil {
		return err
	}
	twice, err := rsaTwice()
	if err != nil {
		return err
	}
	for _, p := range []protocol{
		{"ES256 signature", "P1", "P2", "≤ 1.5 ms", "≤ 1.06", token, func(b *browser) error {
			_, _, err := b.signIn()
			return err
		}},
		{"two RSA signatures", "SAML", "P3", "", "≤ 1.08", twice, (*browser).signInBySAML},
	} {
		if err := s.measureProtocol(p); err != nil {
			return err
		}
	}
	library, err := libraryFloor(*each)
	if err != nil {
		return err
	}
	row("    the floor with the hash of golang.org/x/crypto", "%.2f ms", ms(library), "")
	return nil
}

func (s *server) measureProtocol(p protocol) error {
	browsers, err := s.knownBrowsers(*rounds * *each)
	if err != nil {
		return err
	}
	var good []round
	discarded := 0
	for turn := 0; len(good) < *rounds; turn += *each {
		if discarded >= 6**rounds {
			return errors.New("the machine is too restless: six rounds of seven were discarded")
		}
		if turn%len(browsers) == 0 { // all of them have used this half minute's number
			time.Sleep(time.Until(time.Now().Truncate(period).Add(period)))
		}
		one, err := s.measureRound(p, browsers[turn%len(browsers):][:*each])
		if err != nil {
			return err
		}
		if one.restless() {
			discarded++
			continue
		}
		good = append(good, one)
	}
	p.print(good, discarded)
	return nil
}

// measureRound takes floor, product and floor in turns.
func (s *server) measureRound(p protocol, browsers []*browser) (one round, err error) {
	n := len(browsers)
	if one.before, err = floor(n, p.sign); err != nil {
		return one, err
	}
	if one.product, err = s.cost(n, func(i int) error {
		browsers[i].forget()
		return p.signIn(browsers[i])
	}); err != nil {
		return one, err
	}
	one.after, err = floor(n, p.sign)
	return one, err
}

func (p protocol) print(good []round, discarded int) {
	var floors, products, beyond []time.Duration
	var ratios []float64
	for _, r := range good {
		floors, products = append(floors, r.floor()), append(products, r.product)
		beyond, ratios = append(beyond, r.product-r.floor()), append(ratios, ratio(r.product, r.floor()))
	}
	slices.Sort(ratios)
	row(fmt.Sprintf("floor: hash and %s (%d rounds, %d discarded)", p.name, len(good), discarded), "%.2f ms", ms(median(floors)), "")
	row("complete sign-in, known browser, server's CPU", "%.2f ms", ms(median(products)), "")
	row(p.beyond+" beyond the floor", "%.2f ms", ms(median(beyond)), p.goalBeyond)
	row(fmt.Sprintf("%s ÷ floor (from %.3f to %.3f)", p.ratio, ratios[0], ratios[len(ratios)-1]), "%.3f", ratios[len(ratios)/2], p.goalRatio)
}

// measureRest prints what needs no password.
func (s *server) measureRest() error {
	b := s.newBrowser()
	t, _, err := b.signIn()
	if err != nil {
		return err
	}
	if t.Refresh == "" {
		return errors.New("no refresh token")
	}
	stranger := s.newBrowser()
	address, _ := stranger.request()
	form, err := stranger.get(address)
	if err != nil {
		return err
	}
	userinfo, err := http.NewRequest(http.MethodGet, s.base()+"/oidc/userinfo", http.NoBody)
	if err != nil {
		return err
	}
	userinfo.Header.Set("Authorization", "Bearer "+t.Access)
	empty, err := emptyServer()
	if err != nil {
		return err
	}
	defer empty.stop()
	for _, work := range []struct {
		name, goal string
		n          int
		do         func(int) error
	}{
		{"P4 refresh, ES256", "≤ 0.4 ms", 2000, func(int) (err error) {
			t, err = b.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.Refresh}})
			return err
		}},
		{"P5 userinfo", "≤ 0.12 ms", 5000, func(int) error { return wants(`"sub"`)(read(service.Do(userinfo))) }},
		{"P6 sign-in page with service", "≤ 0.06 ms", 5000, func(int) error {
			return wants("Bench")(stranger.get(form.Request.URL.String() + "&lang=en"))
		}},
		{"repeated single sign-on, code and tokens", "", 1000, func(int) error { return b.again() }},
		{"repeated single sign-on, SAML", "", 1000, func(int) error { return b.againBySAML() }},
	} {
		cost, err := s.cost(work.n, work.do)
		if err != nil {
			return fmt.Errorf("%s: %w", work.name, err)
		}
		alone, err := empty.cost(work.n, func(int) error { return wants("")(read(service.Get(empty.base()))) })
		if err != nil {
			return err
		}
		row("floor: net/http, a page and nothing else", "%.3f ms", ms(alone), "")
		row(fmt.Sprintf("%s (%.0f/s and core)", work.name, float64(time.Second)/float64(cost)), "%.3f ms", ms(cost), work.goal)
	}
	return nil
}

// wants makes sure that what is measured is the right answer.
func wants(text string) func(page, error) error {
	return func(answer page, err error) error {
		if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(answer.text, text)) {
			err = fmt.Errorf("%s without %s: %.300s", answer.Status, text, answer.text)
		}
		return err
	}
}

// latencies returns how long sign-ins take at two servers, in turns, without
// their hash.
func latencies(a, b *server) (first, second []time.Duration, err error) {
	for range *samples {
		for _, one := range []struct {
			s   *server
			all *[]time.Duration
		}{{a, &first}, {b, &second}} {
			_, took, err := one.s.newBrowser().signIn()
			if err != nil {
				return nil, nil, err
			}
			*one.all = append(*one.all, took)
		}
	}
	return first, second, nil
}

// starts returns the time from start to the first answer of two servers, the
// median of several, in turns.
func starts(a, b *server) (first, second time.Duration, err error) {
	times := map[*server][]time.Duration{}
	for range 7 {
		for _, s := range []*server{a, b} {
			s.stop()
			before := time.Now()
			if err := s.start(); err != nil {
				return 0, 0, err
			}
			times[s] = append(times[s], time.Since(before))
			s.stop()
		}
	}
	return median(times[a]), median(times[b]), nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func percentile(all []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

func median(all []time.Duration) time.Duration { return percentile(all, 50) }
