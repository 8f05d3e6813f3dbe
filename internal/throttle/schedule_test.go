package throttle

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawPolicy returns any policy that is valid.
func drawPolicy(t *rapid.T) Policy {
	seconds := func(name string, low, high time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(int64(low/time.Second), int64(high/time.Second)).Draw(t, name)) * time.Second
	}
	number := func(name string, low, high int64) int64 { return rapid.Int64Range(low, high).Draw(t, name) }
	p := DefaultPolicy()
	p.PasswordFree, p.CodeFree = number("password_free", 5, 10), number("code_free", 5, 10)
	p.PasswordCap, p.CodeCap = seconds("password_cap", 10*time.Second, time.Hour), seconds("code_cap", 10*time.Second, time.Hour)
	p.PasswordWait, p.CodeWait = seconds("password_wait", 10*time.Second, p.PasswordCap), seconds("code_wait", 10*time.Second, p.CodeCap)
	p.PasswordStop, p.FactorAll = number("password_stop", 10, 100), number("factor_all", 10, 100)
	p.FactorUnknown = number("factor_unknown", 10, p.FactorAll)
	if faults := p.Validate(); len(faults) > 0 {
		t.Fatalf("%+v: %v", p, faults)
	}
	return p
}

// TestSchedules proves, for every policy that is taken, what THR-3, THR-5 and
// THR-8 promise to people: failures 1 to 4 make nobody wait, a wait never gets
// shorter, doubles at most, and lasts an hour at most, and nobody is stopped
// before the tenth entry.
func TestSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		for name, s := range map[string]Schedule{"password": p.password(), "code": p.code()} {
			for n := int64(1); n < 150; n++ {
				before, wait := s.Wait(n-1), s.Wait(n)
				switch {
				case n <= 4 && wait != 0:
					t.Fatalf("%s: failure %d waits %v", name, n, wait)
				case n >= 10 && wait == 0:
					t.Fatalf("%s: failure %d does not wait", name, n)
				case wait < before || before > 0 && wait > 2*before || wait > time.Hour:
					t.Fatalf("%s: failure %d waits %v after %v", name, n, wait, before)
				}
			}
			if s.Limit != 0 && s.Limit < minEntries {
				t.Fatalf("%s: stops at %d", name, s.Limit)
			}
		}
		if p.FactorUnknown < minEntries || p.FactorAll < p.FactorUnknown || p.FactorAll > 100 || p.PasswordStop > 100 {
			t.Fatalf("stops at %d from unknown browsers, %d in all, %d passwords", p.FactorUnknown, p.FactorAll, p.PasswordStop)
		}
	})
}

// TestPasswordSchedule holds the default to the formula of THR-3.
func TestPasswordSchedule(t *testing.T) {
	s := DefaultPolicy().password()
	for n := int64(5); n <= 100; n++ {
		want := time.Hour
		if n-5 < 7 {
			want = min(want, 30*time.Second<<(n-5))
		}
		if got := s.Wait(n); got != want {
			t.Errorf("failure %d waits %v, want %v", n, got, want)
		}
	}
}

// TestValidate: whatever is weaker than THR-3, THR-5 or THR-8, or would stop
// people who mistype, is refused by its own name.
func TestValidate(t *testing.T) {
	for _, test := range []struct {
		change func(*Policy)
		want   string
	}{
		{func(*Policy) {}, "[]"},
		{func(p *Policy) { p.PasswordFree = 4 }, "[password_free must be from 5 to 10]"},
		{func(p *Policy) { p.PasswordFree = 11 }, "[password_free must be from 5 to 10]"},
		{func(p *Policy) { p.PasswordWait = 9 * time.Second }, "[password_wait must be from 10s to password_cap]"},
		{func(p *Policy) { p.PasswordCap = 29 * time.Second }, "[password_wait must be from 10s to password_cap]"},
		{func(p *Policy) { p.PasswordCap = time.Hour + 1 }, "[password_cap must be at most 1h]"},
		{func(p *Policy) { p.PasswordStop = 9 }, "[password_stop must be from 10 to 100]"},
		{func(p *Policy) { p.PasswordStop = 101 }, "[password_stop must be from 10 to 100]"},
		{func(p *Policy) { p.CodeFree = 4 }, "[code_free must be from 5 to 10]"},
		{func(p *Policy) { p.CodeWait = 0 }, "[code_wait must be from 10s to code_cap]"},
		{func(p *Policy) { p.CodeCap = time.Hour + 1 }, "[code_cap must be at most 1h]"},
		{func(p *Policy) { p.FactorUnknown = 9 }, "[factor_unknown must be from 10 to factor_all]"},
		{func(p *Policy) { p.FactorUnknown = 51 }, "[factor_unknown must be from 10 to factor_all]"},
		{func(p *Policy) { p.FactorAll = 101 }, "[factor_all must be at most 100]"},
		{func(p *Policy) { p.KnownBudget = 2 }, "[known_budget must be from 3 to 20]"},
		{func(p *Policy) { p.AddressFailures = 9 }, "[address_failures must be at least 10]"},
		{func(p *Policy) { p.AddressWindow = 0 }, "[address_window must be from 1m to 24h]"},
		{func(p *Policy) { p.CampusFactor = 0 }, "[campus_factor must be at least 1]"},
	} {
		p := DefaultPolicy()
		test.change(&p)
		if got := fmt.Sprint(p.Validate()); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

// TestAddressAllowed proves THR-6 on both sides of the limit.
func TestAddressAllowed(t *testing.T) {
	for _, test := range []struct {
		failures int64
		campus   bool
		want     bool
	}{
		{0, false, true}, {299, false, true}, {300, false, false},
		{300, true, true}, {5999, true, true}, {6000, true, false},
	} {
		if got := DefaultPolicy().AddressAllowed(test.failures, test.campus); got != test.want {
			t.Errorf("%d failures, campus %t: %t, want %t", test.failures, test.campus, got, test.want)
		}
	}
}
