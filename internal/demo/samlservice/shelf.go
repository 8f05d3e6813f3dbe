package samlservice

import (
	"crypto/subtle"
	"slices"
	"sync"
)

// shelf keeps up to a number of values in memory; the oldest makes room.
type shelf[V any] struct {
	limit int

	mu    sync.Mutex
	items map[string]V
	order []string // keys, oldest first; may name some that are gone
}

func newShelf[V any](limit int) *shelf[V] {
	return &shelf[V]{limit: limit, items: make(map[string]V)}
}

// put reports false if the key is there already; then it changes nothing.
func (s *shelf[V]) put(key string, value V) (added bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.items[key]; ok {
		return false
	}
	s.items[key] = value
	s.order = append(s.order, key)
	if len(s.order) > 2*s.limit { // forget the keys that are gone
		s.order = slices.DeleteFunc(s.order, func(key string) bool { _, ok := s.items[key]; return !ok })
	}
	for len(s.items) > s.limit {
		delete(s.items, s.order[0])
		s.order = s.order[1:]
	}
	return true
}

func (s *shelf[V]) get(key string) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok = s.items[key]
	return value, ok
}

// take returns a value and removes it.
func (s *shelf[V]) take(key string) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok = s.items[key]
	delete(s.items, key)
	return value, ok
}

// same compares secrets in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
