package throttle

import (
	"net/netip"
	"testing"
	"time"
)

// TestWait holds the waits to THR-3 and THR-5.
func TestWait(t *testing.T) {
	p := DefaultPolicy()
	for _, test := range []struct {
		name     string
		schedule Schedule
		failures int64
		want     time.Duration
	}{
		{"password", p.password(), 0, 0},
		{"password", p.password(), 4, 0},
		{"password", p.password(), 5, 30 * time.Second},
		{"password", p.password(), 6, time.Minute},
		{"password", p.password(), 11, 32 * time.Minute},
		{"password", p.password(), 12, time.Hour},
		{"password", p.password(), 99, time.Hour},
		{"code", p.code(), 4, 0},
		{"code", p.code(), 5, 30 * time.Second},
		{"code", p.code(), 9, 8 * time.Minute},
		{"code", p.code(), 10, 15 * time.Minute},
		{"code", p.code(), 1 << 40, 15 * time.Minute},
		{"no waits", Schedule{Limit: 3}, 100, 0},
	} {
		if got := test.schedule.Wait(test.failures); got != test.want {
			t.Errorf("%s: wait after %d failures = %s, want %s", test.name, test.failures, got, test.want)
		}
	}
}

// TestDefaultPolicy holds the default to its own bounds, and finds every fault
// of a bad one at once.
func TestDefaultPolicy(t *testing.T) {
	if faults := DefaultPolicy().Validate(); len(faults) > 0 {
		t.Errorf("DefaultPolicy: %v", faults)
	}
	if faults := (Policy{}).Validate(); len(faults) < 8 {
		t.Errorf("empty policy: only %v", faults)
	}
}

// TestFactorLeft proves THR-8: the tries left are told from 3 on.
func TestFactorLeft(t *testing.T) {
	p := DefaultPolicy()
	for _, test := range []struct{ unknown, all, want int64 }{
		{1, 1, 0}, {26, 26, 0}, {27, 27, 3}, {29, 29, 1}, {30, 30, 0}, {0, 46, 0}, {0, 47, 3}, {2, 49, 1},
	} {
		if got := p.FactorLeft(FactorReservation{Unknown: test.unknown, All: test.all}); got != test.want {
			t.Errorf("after %d from unknown browsers, %d in all: %d left, want %d", test.unknown, test.all, got, test.want)
		}
	}
}

// TestNetwork proves what THR-6 counts together.
func TestNetwork(t *testing.T) {
	for _, test := range []struct{ a, b string }{
		{"192.0.2.1", "192.0.2.1/32"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
	} {
		if got := Network(netip.MustParseAddr(test.a)); got != test.b {
			t.Errorf("Network(%s) = %s, want %s", test.a, got, test.b)
		}
	}
	if got := Network(netip.Addr{}); got != "unknown" {
		t.Errorf("Network of nothing = %s", got)
	}
}
