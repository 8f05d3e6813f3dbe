package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is the name under which PostgreSQL carries wake-ups between nodes.
const channel = "warifu"

// notify has the server wake the listeners of all nodes once the transaction is
// durable.
func (tx *Tx) notify(ctx context.Context, topic string) error {
	if _, err := tx.exec(ctx, `SELECT pg_notify($1, $2)`, channel, topic); err != nil {
		return fmt.Errorf("store: announce: %w", err)
	}
	return nil
}

// retryListening is the pause before a lost listener connects again.
const retryListening = time.Second

// Listen wakes those who wait on this node for what other nodes announce, until
// ctx ends. It has a connection of its own. After each connection everyone is
// woken, since announcements may have been lost meanwhile. On SQLite there is
// one node, and nothing to listen to.
func (db *DB) Listen(ctx context.Context) error {
	if db.writer != nil {
		<-ctx.Done()
		return nil
	}
	for ctx.Err() == nil {
		err := db.listen(ctx)
		if ctx.Err() != nil {
			break
		}
		db.listening(err)
		select {
		case <-ctx.Done():
		case <-time.After(retryListening):
		}
	}
	return nil
}

func (db *DB) listen(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, db.url)
	if err != nil {
		return fmt.Errorf("store: listen: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) // it is given up
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return fmt.Errorf("store: listen: %w", err)
	}
	db.hub.WakeAll()
	db.listening(nil)
	for {
		told, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("store: listen: %w", err)
		}
		db.hub.Wake(told.Payload)
	}
}
