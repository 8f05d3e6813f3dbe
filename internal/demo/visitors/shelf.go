package visitors

import (
	"slices"
	"sync"
)

// Shelf keeps up to a number of values in memory; the oldest makes room.
type Shelf[V any] struct {
	limit int

	mu    sync.Mutex
	items map[string]V
	order []string // keys, oldest first; may name some that are gone
}

// NewShelf returns an empty one.
func NewShelf[V any](limit int) *Shelf[V] {
	return &Shelf[V]{limit: limit, items: make(map[string]V)}
}

// Put reports false if the key is there already; then it changes nothing.
func (s *Shelf[V]) Put(key string, value V) (added bool) {
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

// Get returns a value.
func (s *Shelf[V]) Get(key string) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok = s.items[key]
	return value, ok
}

// Take returns a value and removes it.
func (s *Shelf[V]) Take(key string) (value V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok = s.items[key]
	delete(s.items, key)
	return value, ok
}

// RemoveIf removes every value that matches.
func (s *Shelf[V]) RemoveIf(match func(V) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, value := range s.items {
		if match(value) {
			delete(s.items, key)
		}
	}
}
