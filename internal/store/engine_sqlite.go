package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteOptions make a commit last through a loss of power.
const (
	sqliteOptions  = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	sqliteReadOnly = sqliteOptions + "&_pragma=query_only(1)"
	sqliteReaders  = 8
)

func openSQLite(path string) (*DB, error) {
	pool, err := sql.Open("sqlite", "file:"+path+sqliteReadOnly)
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	db := &DB{pool: pool, dialect: goose.DialectSQLite3, readers: newReaders(pool, sqliteReaders)}
	ctx, cancel := context.WithTimeout(context.Background(), turnLimit)
	defer cancel()
	err = inTurnAt(ctx, path, func() error {
		db.writer, err = newWriter(db, path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", errors.Join(err, pool.Close()))
	}
	return db, nil
}

// writer runs all writing transactions of SQLite, one after another. Those that
// wait at the same time are committed together, with one flush to the disk.
type writer struct {
	db    *DB
	path  string
	file  os.FileInfo
	pool  *sql.DB
	conn  *connection
	queue chan *work
	quit  chan struct{}
	once  sync.Once // of quit
	ended chan struct{}
}

// work is a transaction that waits for the writer.
type work struct {
	ctx  context.Context
	fn   func(*Tx) error
	tx   *Tx
	err  error
	done chan struct{}
}

const maxBatch = 128

var (
	errMoved   = errors.New("store: the file of the database is gone")
	errStopped = errors.New("store: closed")
)

func newWriter(db *DB, path string) (*writer, error) {
	pool, err := sql.Open("sqlite", "file:"+path+sqliteOptions)
	if err != nil {
		return nil, err
	}
	conn, err := newConnection(pool)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	file, err := os.Stat(path)
	if err != nil {
		return nil, errors.Join(err, conn.close(), pool.Close())
	}
	w := &writer{db: db, path: path, file: file, pool: pool, conn: conn,
		queue: make(chan *work, maxBatch), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.loop()
	return w, nil
}

// run waits until the transaction has been committed, or refused. It is not
// given up half-way: a context that ends while it runs has no effect.
func (w *writer) run(ctx context.Context, fn func(*Tx) error) error {
	one := &work{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case w.queue <- one:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return errStopped
	}
	select {
	case <-one.done:
	case <-w.ended:
		select { // it may have been the last one
		case <-one.done:
		default:
			return errStopped
		}
	}
	if one.err == nil {
		one.tx.committed()
	}
	return one.err
}

func (w *writer) stop() {
	w.once.Do(func() { close(w.quit) })
	<-w.ended
}

func (w *writer) loop() {
	defer close(w.ended)
	defer w.pool.Close()
	defer w.conn.close()
	for {
		select {
		case first := <-w.queue:
			w.commit(w.gather(first))
		case <-w.quit:
			for _, one := range w.gather(nil) {
				one.err = errStopped
				close(one.done)
			}
			return
		}
	}
}

// gather returns first and what else is waiting.
func (w *writer) gather(first *work) (batch []*work) {
	if first != nil {
		batch = append(batch, first)
	}
	for len(batch) < maxBatch {
		select {
		case next := <-w.queue:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction of the database, each work in a
// savepoint of its own, so that one that fails takes nothing else with it.
func (w *writer) commit(batch []*work) {
	err := w.checkFile()
	if err == nil {
		err = w.conn.control("BEGIN IMMEDIATE")
	}
	if err == nil {
		for _, one := range batch {
			if err = w.inSavepoint(one); err != nil {
				break
			}
		}
		if err == nil {
			err = w.conn.control("COMMIT")
		}
		if err != nil {
			_ = w.conn.control("ROLLBACK") // fails if the engine has done so itself
		}
	}
	for _, one := range batch {
		if err != nil && one.err == nil {
			one.err = fmt.Errorf("store: commit: %w", err)
		}
		close(one.done)
	}
}

// inSavepoint returns an error if the whole batch is lost.
func (w *writer) inSavepoint(one *work) error {
	if one.err = one.ctx.Err(); one.err != nil {
		return nil
	}
	if err := w.conn.control("SAVEPOINT work"); err != nil {
		return err
	}
	one.tx = &Tx{run: w.conn, db: w.db}
	one.err = one.call()
	if one.err != nil {
		if err := w.conn.control("ROLLBACK TO work"); err != nil {
			return err
		}
	}
	return w.conn.control("RELEASE work")
}

// call turns a panic into an error: the writer serves the other requests, too.
func (one *work) call() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	return one.fn(one.tx)
}

// checkFile refuses to write to a file that nobody will find after a restart.
func (w *writer) checkFile() error {
	file, err := os.Stat(w.path)
	if err != nil || !os.SameFile(file, w.file) {
		return errMoved
	}
	return nil
}

// isSQLiteTrouble reports whether the engine could not do its work; a
// constraint that refuses a row is not that.
func isSQLiteTrouble(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_TOOBIG:
		return false
	}
	return true
}
