package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// connection is one connection of SQLite. It is used by one transaction at a
// time, or by the writer for a batch of them. The contexts of requests do not
// reach it: an interrupted statement of the writer would roll back those of
// others, and to watch a context takes a goroutine for each statement, which
// costs more than the row that the statement reads.
type connection struct {
	conn *sql.Conn
	// Each statement is prepared once. There are as many as the sources hold,
	// since none is built at run time.
	stmts map[string]*sql.Stmt
}

func newConnection(pool *sql.DB) (*connection, error) {
	conn, err := pool.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, stmts: make(map[string]*sql.Stmt)}, nil
}

func (c *connection) close() error { return c.conn.Close() }

func (c *connection) stmt(text string) (*sql.Stmt, error) {
	if stmt, ok := c.stmts[text]; ok {
		return stmt, nil
	}
	stmt, err := c.conn.PrepareContext(context.Background(), text)
	if err == nil {
		c.stmts[text] = stmt
	}
	return stmt, err
}

// ExecContext implements executor.
func (c *connection) ExecContext(_ context.Context, text string, args ...any) (sql.Result, error) {
	stmt, err := c.stmt(text) //nolint:sqlclosecheck // kept for the next time
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(context.Background(), args...)
}

// QueryContext implements executor.
func (c *connection) QueryContext(_ context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := c.stmt(text) //nolint:sqlclosecheck // kept for the next time
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(context.Background(), args...)
}

// QueryRowContext implements executor.
func (c *connection) QueryRowContext(_ context.Context, text string, args ...any) row {
	stmt, err := c.stmt(text) //nolint:sqlclosecheck // kept for the next time
	if err != nil {
		return noRow{err}
	}
	return stmt.QueryRowContext(context.Background(), args...)
}

type noRow struct{ err error }

func (n noRow) Scan(...any) error { return n.err }

func (c *connection) control(statement string) error {
	_, err := c.ExecContext(context.Background(), statement)
	return err
}

// readers are the connections for transactions that only read. One that was used
// just now is the first to be used again: it has its statements prepared.
type readers struct {
	pool   *sql.DB
	places chan struct{} // one is taken by each reader at work

	mu   sync.Mutex
	idle []*connection
}

func newReaders(pool *sql.DB, most int) *readers {
	return &readers{pool: pool, places: make(chan struct{}, most)}
}

// run runs fn in a transaction that only reads.
func (r *readers) run(ctx context.Context, fn func(executor) error) error {
	select {
	case r.places <- struct{}{}:
		defer func() { <-r.places }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c, err := r.take()
	if err != nil { // whatever it is, nothing can be done
		return &UnavailableError{Err: fmt.Errorf("store: open: %w", err)}
	}
	if err := c.control("BEGIN"); err != nil {
		_ = c.close() // it is of no use, whatever it says
		return &UnavailableError{Err: fmt.Errorf("store: begin: %w", err)}
	}
	defer r.giveBack(c)
	return fn(c)
}

func (r *readers) take() (*connection, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.idle) - 1
	if last < 0 {
		return newConnection(r.pool)
	}
	c := r.idle[last]
	r.idle = r.idle[:last]
	return c, nil
}

// giveBack ends the transaction. A connection that can't is not used again.
func (r *readers) giveBack(c *connection) {
	if c.control("ROLLBACK") != nil {
		_ = c.close()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, c)
}

func (r *readers) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.idle {
		_ = c.close() // nothing was written there
	}
	r.idle = nil
}
