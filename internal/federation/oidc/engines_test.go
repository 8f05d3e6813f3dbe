package oidc_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// onBothEngines runs a test on SQLite and on PostgreSQL.
func onBothEngines(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("SQLite", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newWorldAt(t, postgresSchema(t))) })
}

// postgresSchema returns the URL of an empty schema that the test alone has.
func postgresSchema(t *testing.T) string {
	t.Helper()
	server := os.Getenv("TEST_POSTGRES_URL")
	if server == "" && os.Getenv("CI") == "true" {
		t.Fatal("TEST_POSTGRES_URL is not set")
	}
	if server == "" {
		t.Skip("TEST_POSTGRES_URL is not set")
	}
	admin := must[*sql.DB](t)(sql.Open("pgx", server))
	t.Cleanup(func() { admin.Close() })
	schema := "test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	u := must[*url.URL](t)(url.Parse(server))
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return u.String()
}
