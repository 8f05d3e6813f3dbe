// Package events wakes up what waits: requests of this node at once, those of
// other nodes through the database, which calls [Hub.Wake] with what they have
// announced.
//
// A wake-up says that something about a topic has changed, and never what. The
// row is the truth; who is woken reads it. A wake-up may come for nothing, and
// several may become one.
package events

import "sync"

// Hub is where the waiting requests of one node meet what wakes them. Its zero
// value is ready.
type Hub struct {
	mu      sync.Mutex
	waiting map[string]map[chan struct{}]struct{}
}

// Subscribe returns a channel on which something comes after each change of a
// topic from now on. Reading must begin with the row, since what has changed
// before is not told. The function ends the subscription.
func (h *Hub) Subscribe(topic string) (<-chan struct{}, func()) {
	wake := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting == nil {
		h.waiting = make(map[string]map[chan struct{}]struct{})
	}
	if h.waiting[topic] == nil {
		h.waiting[topic] = make(map[chan struct{}]struct{})
	}
	h.waiting[topic][wake] = struct{}{}
	return wake, func() { h.unsubscribe(topic, wake) }
}

func (h *Hub) unsubscribe(topic string, wake chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting[topic], wake)
	if len(h.waiting[topic]) == 0 {
		delete(h.waiting, topic)
	}
}

// Wake wakes everyone who waits for a topic. It never blocks.
func (h *Hub) Wake(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for wake := range h.waiting[topic] {
		ring(wake)
	}
}

// WakeAll wakes everyone: after a time in which announcements may have been lost.
func (h *Hub) WakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subscribers := range h.waiting {
		for wake := range subscribers {
			ring(wake)
		}
	}
}

// Waited reports whether anybody waits for a topic.
func (h *Hub) Waited(topic string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting[topic]) > 0
}

func ring(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default: // it has not been read yet: one is enough
	}
}
