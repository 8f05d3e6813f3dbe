package saml

import "container/list"

// lru keeps the values that were used last, and no more than it has room for. It
// is not safe for use by several goroutines at once.
type lru[V any] struct {
	room  int
	order *list.List // of kept, the last used first
	byKey map[string]*list.Element
}

type kept[V any] struct {
	key   string
	value V
}

func newLRU[V any](room int) *lru[V] {
	return &lru[V]{room: room, order: list.New(), byKey: make(map[string]*list.Element)}
}

// get returns the value of a key.
func (l *lru[V]) get(key string) (value V, ok bool) {
	at, ok := l.byKey[key]
	if !ok {
		return value, false
	}
	l.order.MoveToFront(at)
	one, ok := at.Value.(kept[V])
	return one.value, ok
}

// put keeps a value, and forgets the one that was not used for the longest time
// if there is no room.
func (l *lru[V]) put(key string, value V) {
	if at, ok := l.byKey[key]; ok {
		at.Value = kept[V]{key, value}
		l.order.MoveToFront(at)
		return
	}
	l.byKey[key] = l.order.PushFront(kept[V]{key, value})
	if l.order.Len() <= l.room {
		return
	}
	if last, ok := l.order.Remove(l.order.Back()).(kept[V]); ok {
		delete(l.byKey, last.key)
	}
}
