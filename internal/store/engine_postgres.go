package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
)

func openPostgres(url string) (*DB, error) {
	pool, err := sql.Open("pgx", url)
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	connections := max(16, 4*runtime.GOMAXPROCS(0))
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return &DB{pool: pool, url: url, dialect: goose.DialectPostgres}, nil
}

// direct runs statements as they are: the driver keeps prepared ones for each
// connection itself.
type direct struct{ *sql.Tx }

func (d direct) QueryRowContext(ctx context.Context, statement string, args ...any) row {
	return d.Tx.QueryRowContext(ctx, statement, args...)
}

// isSerializationFailure reports whether err asks for the transaction to be
// tried again (SQLSTATE serialization_failure or deadlock_detected).
func isSerializationFailure(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}

// isPostgresTrouble reports whether the server could not do its work: by the
// class of its SQLSTATE (connection, resources, operator, system, transaction
// that lost too often), or because it cannot be reached.
func isPostgresTrouble(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		for _, class := range []string{"08", "25006", "40", "53", "55", "57", "58", "F0", "XX"} {
			if strings.HasPrefix(pg.Code, class) {
				return true
			}
		}
		return false
	}
	_, connect := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connect || network || pgconn.SafeToRetry(err)
}
