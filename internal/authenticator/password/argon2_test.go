package password

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"
)

// TestMemories: in memory that is used again a tag is the one that the library
// makes in new memory, for every cost, and also if several are made at once.
func TestMemories(t *testing.T) {
	for _, c := range []cost{{64, 1, 1}, {64, 3, 1}, {71, 2, 1}, {96, 2, 3}, {256, 1, 4}, {19456, 2, 1}} {
		m := newMemories(c, 2)
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				password, salt := fmt.Appendf(nil, "password %d", i), bytes.Repeat([]byte{byte(i)}, saltSize)
				want := argon2.IDKey(password, salt, c.iterations, c.memoryKiB, c.parallelism, tagSize)
				if got := m.compute(c, password, salt); !bytes.Equal(got, want) {
					t.Errorf("%+v: got %x, want %x", c, got, want)
				}
			})
		}
		wg.Wait()
	}
}

// TestMemoryIsKept: a hash of the policy's cost leaves its memory for the next
// one, with nothing in it; one of another cost leaves none.
func TestMemoryIsKept(t *testing.T) {
	c := cost{64, 1, 1}
	m := newMemories(c, 1)
	m.compute(cost{128, 1, 1}, []byte("password"), []byte("salt"))
	if len(m.idle) != 0 {
		t.Error("the memory of another cost is kept")
	}
	m.compute(c, []byte("password"), []byte("salt"))
	memory := <-m.idle
	for i, b := range memory {
		if b != (block{}) {
			t.Fatalf("block %d is not cleared", i)
		}
	}
	m.giveBack(memory)
	if again := m.take(c.blocks()); &again[0] != &memory[0] {
		t.Error("the memory was not used again")
	}
}
