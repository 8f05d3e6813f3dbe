package password

import (
	"fmt"
	"time"
)

// The bounds of a policy. The weakest is what OWASP's Password Storage Cheat
// Sheet gives for Argon2id; the strongest keep a mistyped number from stopping
// the server.
const (
	minMemoryKiB   = 19456
	maxMemoryKiB   = 1 << 20
	minWork        = 2 * minMemoryKiB // memory times iterations
	maxIterations  = 20
	maxParallelism = 16
	maxQueue       = 200
	maxQueueWait   = 2 * time.Second
)

// Policy says what a hash costs, and how many are computed at once.
type Policy struct {
	// MemoryKiB is Argon2id's memory in KiB: 19456 (19 MiB) to 1048576. More
	// memory means fewer hashes at once (a quarter of the server's memory limit
	// is for them).
	MemoryKiB uint32 `yaml:"memory_kib"`
	// Iterations is the number of passes over the memory: up to 20, and at least
	// 2 with 19 MiB. One pass is enough from 38912 KiB on.
	Iterations uint32 `yaml:"iterations"`
	// Parallelism is the number of lanes, 1 to 16. More than 1 gains nothing on
	// a loaded server.
	Parallelism uint8 `yaml:"parallelism"`
	// Queue is how many sign-ins may wait for a hash: 1 to 200. The next one is
	// refused with 503.
	Queue int `yaml:"queue"`
	// QueueWait is how long each of them waits at most, up to 2s.
	QueueWait time.Duration `yaml:"queue_wait"`
}

// DefaultPolicy returns the policy of which a configuration file changes what
// it names (PW-1, PW-8).
func DefaultPolicy() Policy {
	return Policy{MemoryKiB: minMemoryKiB, Iterations: 2, Parallelism: 1, Queue: maxQueue, QueueWait: maxQueueWait}
}

// Validate returns everything that is wrong with the policy.
func (p Policy) Validate() []error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok { //guard:PW-1
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(minMemoryKiB <= p.MemoryKiB && p.MemoryKiB <= maxMemoryKiB,
		"memory_kib: %d is not in %d…%d", p.MemoryKiB, minMemoryKiB, maxMemoryKiB)
	check(1 <= p.Iterations && p.Iterations <= maxIterations, "iterations: %d is not in 1…%d", p.Iterations, maxIterations)
	check(uint64(p.MemoryKiB)*uint64(p.Iterations) >= minWork,
		"iterations: %d times %d KiB is less than %d KiB", p.Iterations, p.MemoryKiB, minWork)
	check(1 <= p.Parallelism && p.Parallelism <= maxParallelism, "parallelism: %d is not in 1…%d", p.Parallelism, maxParallelism)
	check(1 <= p.Queue && p.Queue <= maxQueue, "queue: %d is not in 1…%d", p.Queue, maxQueue)
	check(0 < p.QueueWait && p.QueueWait <= maxQueueWait, "queue_wait: %v is not in 1ns…%v", p.QueueWait, maxQueueWait)
	return faults
}

// cost returns what Argon2id is asked for.
func (p Policy) cost() cost {
	return cost{memoryKiB: p.MemoryKiB, iterations: p.Iterations, parallelism: p.Parallelism}
}
