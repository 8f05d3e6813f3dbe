package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
)

// appendOnlyLock is the number of the lock that one node holds while it puts
// the triggers in place. It is not that of the migrations.
const appendOnlyLock = 0x77617269667501

// inTurn runs fn while no other node does: PostgreSQL fails those who replace
// the same function at the same time. SQLite does so by itself.
func (db *DB) inTurn(ctx context.Context, fn func(context.Context) error) (err error) {
	if db.dialect != goose.DialectPostgres {
		return fn(ctx)
	}
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("store: append only: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `VALUES (pg_advisory_lock($1))`, appendOnlyLock); err != nil {
		return fmt.Errorf("store: append only: %w", err)
	}
	defer func() {
		_, unlock := conn.ExecContext(context.WithoutCancel(ctx), `VALUES (pg_advisory_unlock($1))`, appendOnlyLock)
		err = errors.Join(err, unlock)
	}()
	return fn(ctx)
}
