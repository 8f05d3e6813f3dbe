// Package store keeps everything in one SQL database: SQLite or PostgreSQL.
//
// Statements are written once, in the SQL that both engines understand, with
// numbered parameters ($1, $2), which both drivers bind by number. Times are
// kept as Unix milliseconds. A thing that may happen once is one conditional
// statement.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"warifu/internal/events"
	"warifu/internal/secret"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// DB is the database.
type DB struct {
	pool    *sql.DB // on SQLite only for reading
	dialect goose.Dialect
	writer  *writer  // on SQLite only
	readers *readers // on SQLite only

	auditKey   *secret.MAC
	privileged []string // groups; see [DB.SetPrivileged]
	onMail     func()
	url        string      // of PostgreSQL
	hub        *events.Hub // that announcements wake; may be nil
	listening  func(error) // told when the listener is connected, and when it is not
}

// Open opens the database at url ("sqlite:PATH" or "postgres://...").
func Open(url string) (*DB, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return openSQLite(path)
	}
	return openPostgres(url)
}

// Close waits for the writers and closes the database.
func (db *DB) Close() error {
	if db.writer != nil {
		db.writer.stop()
		db.readers.close()
	}
	return db.pool.Close()
}

// OnMail has fn called after each commit that queued a mail.
func (db *DB) OnMail(fn func()) { db.onMail = fn }

// Ping reports whether the database can answer and be written to.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.pool.PingContext(ctx); err != nil {
		return &UnavailableError{Err: fmt.Errorf("store: ping: %w", err)}
	}
	return db.inTx(ctx, func(tx *Tx) error {
		var one int
		return tx.queryRow(ctx, `SELECT 1`).Scan(&one)
	})
}

// Tx is one transaction. The domain packages each declare the part of it that they use.
type Tx struct {
	run   executor
	db    *DB
	after []func() // run once the transaction is durable
}

// In gives a domain package its transactions: T is the interface that the
// package declares. The function may run more than once, so that it must have
// no effect but on the transaction and on variables that it sets anew. It must
// not begin another transaction.
func In[T any](db *DB) func(context.Context, func(T) error) error {
	return func(ctx context.Context, fn func(T) error) error {
		return db.inTx(ctx, func(tx *Tx) error { return fn(any(tx).(T)) })
	}
}

// View is [In] for transactions that only read: all of it sees the same moment, and
// waits for no writer.
func View[T any](db *DB) func(context.Context, func(T) error) error {
	return func(ctx context.Context, fn func(T) error) error {
		return db.view(ctx, func(tx *Tx) error { return fn(any(tx).(T)) })
	}
}

const maxTries = 10

// inTx runs fn in a transaction, again if the database asks for it.
func (db *DB) inTx(ctx context.Context, fn func(*Tx) error) error {
	if db.writer != nil {
		return unavailable(db.writer.run(ctx, fn))
	}
	for try := 1; ; try++ {
		err := db.try(ctx, nil, fn)
		if err == nil || try == maxTries || !isSerializationFailure(err) {
			return unavailable(err)
		}
	}
}

func (db *DB) view(ctx context.Context, fn func(*Tx) error) error {
	if db.readers != nil {
		return unavailable(db.readers.run(ctx, func(e executor) error { return fn(&Tx{run: e, db: db}) }))
	}
	return unavailable(db.try(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn))
}

// try runs fn in one transaction on PostgreSQL.
func (db *DB) try(ctx context.Context, options *sql.TxOptions, fn func(*Tx) error) error {
	begun, err := db.pool.BeginTx(ctx, options)
	if errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil { // whatever it is, nothing can be done
		return &UnavailableError{Err: fmt.Errorf("store: begin: %w", err)}
	}
	defer begun.Rollback() // no effect after Commit
	tx := &Tx{run: direct{begun}, db: db}
	if err := fn(tx); err != nil {
		return err
	}
	if err := begun.Commit(); err != nil {
		return fmt.Errorf("store: commit: %w", err)
	}
	tx.committed()
	return nil
}

func (tx *Tx) committed() {
	for _, fn := range tx.after {
		fn()
	}
}

// executor runs statements in one transaction.
type executor interface {
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, statement string, args ...any) row
}

// A row is the one row of a query, or the reason why there is none.
type row interface{ Scan(dest ...any) error }

func (tx *Tx) exec(ctx context.Context, statement string, args ...any) (rows int64, err error) {
	result, err := tx.run.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (tx *Tx) queryRow(ctx context.Context, statement string, args ...any) row {
	return tx.run.QueryRowContext(ctx, statement, args...)
}

// query calls scan for every row.
func (tx *Tx) query(ctx context.Context, scan func(row) error, statement string, args ...any) error {
	rows, err := tx.run.QueryContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// UnavailableError means that the database cannot answer now, and that nothing
// has happened.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string { return e.Err.Error() }
func (e *UnavailableError) Unwrap() error { return e.Err }

// Unavailable tells whoever does not know this package what kind of error it is.
func (e *UnavailableError) Unavailable() bool { return true }

// unavailable marks the errors that are the database's trouble, and not that of a caller.
func unavailable(err error) error {
	if err == nil || !isTrouble(err) {
		return err
	}
	return &UnavailableError{Err: err}
}

func isTrouble(err error) bool {
	return errors.Is(err, sql.ErrConnDone) || errors.Is(err, errMoved) || errors.Is(err, errStopped) ||
		errors.Is(err, context.DeadlineExceeded) || isSQLiteTrouble(err) || isPostgresTrouble(err)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
