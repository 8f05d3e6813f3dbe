package events

import (
	"sync"
	"testing"
)

func woken(wake <-chan struct{}) bool {
	select {
	case <-wake:
		return true
	default:
		return false
	}
}

// TestHub wakes who waits for a topic and nobody else, once for many changes.
func TestHub(t *testing.T) {
	var h Hub
	h.Wake("case:1") // nobody waits
	first, endFirst := h.Subscribe("case:1")
	second, _ := h.Subscribe("case:1")
	other, _ := h.Subscribe("case:2")
	h.Wake("case:1")
	h.Wake("case:1")
	if !woken(first) || woken(first) || !woken(second) || woken(other) {
		t.Error("not everyone was woken once, or somebody else was")
	}
	endFirst()
	endFirst()
	h.Wake("case:1")
	if woken(first) || !woken(second) {
		t.Error("the end of one subscription has ended another, or not its own")
	}
	h.WakeAll()
	if woken(first) || !woken(second) || !woken(other) {
		t.Error("not everyone was woken")
	}
	if h.Waited("case:3") || !h.Waited("case:2") {
		t.Error("who waits is not known")
	}
}

// TestHubLosesNothing changes a value under many readers: after the last
// wake-up each has seen the last value.
func TestHubLosesNothing(t *testing.T) {
	var h Hub
	var mu sync.Mutex
	value, last := 0, 1000
	read := func() int {
		mu.Lock()
		defer mu.Unlock()
		return value
	}
	var readers sync.WaitGroup
	for range 16 {
		wake, end := h.Subscribe("topic")
		readers.Go(func() {
			defer end()
			for read() < last {
				<-wake
			}
		})
	}
	for range last {
		mu.Lock()
		value++
		mu.Unlock()
		h.Wake("topic")
	}
	readers.Wait()
	if h.Waited("topic") {
		t.Error("a subscription is left")
	}
}
