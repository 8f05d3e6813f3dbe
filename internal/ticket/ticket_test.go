package ticket

import (
	"testing"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/directory"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// TestFirst proves who may enrol with the password alone, on both sides of each
// limit. ENR-1, A63.
func TestFirst(t *testing.T) {
	const window = 30 * 24 * time.Hour
	for _, test := range []struct {
		name      string
		window    time.Duration
		age       time.Duration
		hadFactor bool
		locked    bool
	}{
		{"new", window, 0, false, false},
		{"last moment", window, window - time.Millisecond, false, false},
		{"window over", window, window, false, true},
		{"once had one", window, 0, true, true},
		{"no window", 0, 0, false, true},
	} {
		who := directory.Subscriber{ID: "s", CreatedAt: noon.Add(-test.age), HadFactor: test.hadFactor}
		ticket := Policy{Window: test.window}.First(who, []byte("b"), noon)
		by := authenticator.ByWindow
		if test.locked {
			by = authenticator.ByActivationCode
		}
		if ticket.Locked != test.locked || ticket.By != by || !ticket.Enrol || ticket.Password || !ticket.ExpiresAt.Equal(noon.Add(Lifetime)) {
			t.Errorf("%s: %+v", test.name, ticket)
		}
	}
}

// TestForPassword: the right to choose a password is not one to enrol. Decisions §3.8.
func TestForPassword(t *testing.T) {
	if got := ForPassword("s", []byte("b"), authenticator.ByLink, noon); got.Enrol || !got.Password {
		t.Errorf("%+v", got)
	}
}

// TestPolicy holds the window to its bounds.
func TestPolicy(t *testing.T) {
	for window, faults := range map[time.Duration]int{0: 0, 90 * 24 * time.Hour: 0, -1: 1, 91 * 24 * time.Hour: 1} {
		if got := (Policy{Window: window}).Validate(); len(got) != faults {
			t.Errorf("%s: %v", window, got)
		}
	}
}
