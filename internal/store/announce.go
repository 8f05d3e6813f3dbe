package store

import (
	"context"

	"warifu/internal/events"
)

// SetHub has the announcements of transactions wake those who wait there.
// listening is told, on PostgreSQL, when the announcements of other nodes arrive
// (nil), and why they do not.
func (db *DB) SetHub(h *events.Hub, listening func(error)) { db.hub, db.listening = h, listening }

// Announce implements [helpdesk.CaseTx]: on SQLite the hub is told after the
// commit, on PostgreSQL the server tells every node, this one included.
func (tx *Tx) Announce(ctx context.Context, topic string) error {
	if tx.db.writer == nil {
		return tx.notify(ctx, topic)
	}
	if hub := tx.db.hub; hub != nil {
		tx.after = append(tx.after, func() { hub.Wake(topic) })
	}
	return nil
}
