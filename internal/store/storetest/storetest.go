// Package storetest gives tests an empty database on every engine.
package storetest

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Each runs a test on SQLite and on PostgreSQL. newURL returns the address of an
// empty database, another one at each call.
func Each(t *testing.T, test func(t *testing.T, newURL func(t *testing.T) string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, SQLite) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, Postgres) })
}

// SQLite returns the address of a new file.
func SQLite(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// Postgres returns the address of a new schema on the server of
// TEST_POSTGRES_URL. Without one the test is skipped; where CI is true it fails.
func Postgres(t *testing.T) string {
	t.Helper()
	server, schema := serverURL(t), newName()
	if err := run(server, "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	dropLater(t, server, schema)
	return inSchema(server, schema)
}

func dropLater(t *testing.T, server, schema string) {
	t.Cleanup(func() {
		if err := run(server, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
}

// serverURL returns the address of the server, or ends the test.
func serverURL(t *testing.T) string {
	t.Helper()
	server := os.Getenv("TEST_POSTGRES_URL")
	if server == "" && os.Getenv("CI") == "true" {
		t.Fatal("TEST_POSTGRES_URL is not set")
	}
	if server == "" {
		t.Skip("TEST_POSTGRES_URL is not set")
	}
	return server
}

// inSchema returns the address of a schema of a server that has been reached.
func inSchema(server, schema string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err)
	}
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return u.String()
}
