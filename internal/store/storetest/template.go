package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// A Template is a database that is filled once on each engine and copied for
// every test, which takes a fraction of the time of filling it again.
type Template struct {
	fill     func(url string) error
	sqlite   func() ([]byte, error)
	postgres func() (dump, error)
}

// NewTemplate returns a template that fill makes of an empty database. When fill
// returns, nothing may be connected to the database any more.
func NewTemplate(fill func(url string) error) *Template {
	m := &Template{fill: fill}
	m.sqlite = sync.OnceValues(m.fillSQLite)
	m.postgres = sync.OnceValues(m.fillPostgres)
	return m
}

// Each is the function [Each] with copies of the template.
func (m *Template) Each(t *testing.T, test func(t *testing.T, newURL func(t *testing.T) string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, m.SQLite) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, m.Postgres) })
}

// SQLite returns the address of a new copy.
func (m *Template) SQLite(t *testing.T) string {
	t.Helper()
	file, err := m.sqlite()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// fillSQLite returns the bytes of a filled file.
func (m *Template) fillSQLite() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "warifu-template-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "test.db")
	if err := m.fill("sqlite:" + path); err != nil {
		return nil, err
	}
	if err := emptyLog(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// emptyLog brings what is in the write-ahead log into the file itself.
func emptyLog(path string) error {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	var busy, frames, moved int
	err = db.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if err == nil && busy != 0 {
		err = errors.New("storetest: somebody still works with the template")
	}
	return errors.Join(err, db.Close())
}

// dump are the statements that make a schema of this name, and fill it.
type dump struct{ schema, statements string }

// Postgres returns the address of a new copy, a schema as that of the function
// [Postgres].
func (m *Template) Postgres(t *testing.T) string {
	t.Helper()
	server := serverURL(t)
	d, err := m.postgres()
	if err != nil {
		t.Fatal(err)
	}
	schema := newName()
	if err := run(server, strings.ReplaceAll(d.statements, d.schema, schema)); err != nil {
		t.Fatal(err)
	}
	dropLater(t, server, schema)
	return inSchema(server, schema)
}

// psqlOnly are the lines of a dump that psql alone understands.
var psqlOnly = regexp.MustCompile(`(?m)^\\(un)?restrict .*$`)

// fillPostgres fills a schema, dumps it and drops it. A copy of a whole database
// would take longer: each connection would read its catalogue anew.
func (m *Template) fillPostgres() (d dump, err error) {
	server := os.Getenv("TEST_POSTGRES_URL")
	d.schema = newName()
	if err := run(server, "CREATE SCHEMA "+d.schema); err != nil {
		return dump{}, err
	}
	defer func() { err = errors.Join(err, run(server, "DROP SCHEMA "+d.schema+" CASCADE")) }()
	if err := m.fill(inSchema(server, d.schema)); err != nil {
		return dump{}, err
	}
	text, err := exec.CommandContext(context.Background(), "pg_dump", "--no-owner", "--inserts", "--schema="+d.schema, server).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return dump{}, fmt.Errorf("storetest: pg_dump: %w: %s", err, failed.Stderr)
	}
	if err != nil {
		return dump{}, fmt.Errorf("storetest: %w", err)
	}
	d.statements = psqlOnly.ReplaceAllString(string(text), "")
	return d, nil
}

// run runs statements on a connection of their own.
func run(server, statements string) error {
	db, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(context.Background(), statements)
	return errors.Join(err, db.Close())
}

func newName() string { return "test_" + strings.ToLower(rand.Text()) }
