package password

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestValidate proves the bounds of PW-1 and PW-8: whatever is weaker than
// OWASP's figure, or would let more wait for longer, is refused.
func TestValidate(t *testing.T) {
	if faults := DefaultPolicy().Validate(); len(faults) > 0 {
		t.Errorf("the default policy: %v", faults)
	}
	for _, test := range []struct {
		name   string
		change func(*Policy)
		want   string // beginnings of the faults
	}{
		{"one pass over twice the memory", func(p *Policy) { p.MemoryKiB, p.Iterations = 38912, 1 }, ""},
		{"stronger", func(p *Policy) { p.MemoryKiB, p.Iterations, p.Parallelism = 65536, 3, 4 }, ""},
		{"fewer waiting", func(p *Policy) { p.Queue, p.QueueWait = 1, time.Second }, ""},
		{"less memory", func(p *Policy) { p.MemoryKiB, p.Iterations = 19455, 3 }, "memory_kib"},
		{"absurd memory", func(p *Policy) { p.MemoryKiB = 1<<20 + 1 }, "memory_kib"},
		{"one pass", func(p *Policy) { p.Iterations = 1 }, "iterations"},
		{"no pass", func(p *Policy) { p.Iterations = 0 }, "iterations iterations"},
		{"absurd passes", func(p *Policy) { p.Iterations = 21 }, "iterations"},
		{"no lane", func(p *Policy) { p.Parallelism = 0 }, "parallelism"},
		{"absurd lanes", func(p *Policy) { p.Parallelism = 17 }, "parallelism"},
		{"nobody waits", func(p *Policy) { p.Queue = 0 }, "queue"},
		{"too many wait", func(p *Policy) { p.Queue = 201 }, "queue"},
		{"no wait", func(p *Policy) { p.QueueWait = 0 }, "queue_wait"},
		{"too long a wait", func(p *Policy) { p.QueueWait = 2*time.Second + 1 }, "queue_wait"},
		{"zero", func(p *Policy) { *p = Policy{} }, "memory_kib iterations iterations parallelism queue queue_wait"},
	} {
		p := DefaultPolicy()
		test.change(&p)
		var names []string
		for _, fault := range p.Validate() {
			name, _, _ := strings.Cut(fault.Error(), ":")
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%s: faults in %q, want %q", test.name, got, test.want)
		}
	}
}

func TestNewHasherRefuses(t *testing.T) {
	r := Resources{Pepper: newPepper(t, 1), Random: zeros{}, Cores: 1}
	for name, p := range map[string]Policy{
		"zero":               {},
		"less than 8 blocks": {MemoryKiB: 7, Iterations: 1, Parallelism: 1},
		"no lane":            {MemoryKiB: 64, Iterations: 1},
		"no pass":            {MemoryKiB: 64, Parallelism: 1},
	} {
		if _, err := NewHasher(p, r); err == nil {
			t.Errorf("%s: NewHasher accepts it", name)
		}
	}
	_, noPepper := NewHasher(DefaultPolicy(), Resources{Random: zeros{}})
	_, noRandom := NewHasher(DefaultPolicy(), Resources{Pepper: r.Pepper})
	if err := errors.Join(noPepper, noRandom); noPepper == nil || noRandom == nil {
		t.Errorf("without pepper or randomness: %v", err)
	}
}

// TestAtOnce proves PW-8: min(cores, memory limit/4/m), and at least one.
func TestAtOnce(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		cores int
		limit int64
		want  int
	}{
		{2, 0, 2}, {2, -1, 2}, {64, 1<<63 - 1, 64},
		{8, 4 * 19 * 3 * mib, 3}, {8, 4*19*3*mib - 1, 2}, {8, mib, 1}, {0, 0, 1},
	} {
		got := atOnce(DefaultPolicy(), Resources{Cores: test.cores, MemoryLimit: test.limit})
		if got != test.want {
			t.Errorf("%d cores, limit %d: %d at once, want %d", test.cores, test.limit, got, test.want)
		}
	}
}
