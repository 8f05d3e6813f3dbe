package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// tablesOfPeople are what the demonstration has made, in the order of their
// references. The keys of the demonstration open their secrets anywhere.
var tablesOfPeople = []string{"subscriber", "password", "totp_authenticator", "notification_address"}

// moveToPostgres gives the server a schema of its own on -database, with the
// people of the demonstration's file.
func (s *server) moveToPostgres(ctx context.Context) error {
	to, err := sql.Open("pgx", *database)
	if err != nil {
		return err
	}
	defer to.Close()
	to.SetMaxOpenConns(1) // which keeps the search path
	s.schema = "bench_" + strings.ToLower(rand.Text())
	if _, err := to.ExecContext(ctx, "CREATE SCHEMA "+s.schema); err != nil {
		return err
	}
	if s.database, err = inSchema(*database, s.schema); err != nil {
		return err
	}
	if err := os.WriteFile(s.file(), []byte(s.configuration()), 0o600); err != nil {
		return err
	}
	if out, err := exec.Command(s.program, "migrate", "-c", s.file()).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	from, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "warifu.db"))
	if err != nil {
		return err
	}
	defer from.Close()
	if _, err := to.ExecContext(ctx, "SET search_path = "+s.schema); err != nil {
		return err
	}
	for _, table := range tablesOfPeople {
		if err := copyTable(ctx, from, to, table); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	_, err = to.ExecContext(ctx, "ANALYZE")
	return err
}

func inSchema(address, schema string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// copyTable copies all rows in one transaction.
func copyTable(ctx context.Context, from, to *sql.DB, table string) error {
	rows, err := from.QueryContext(ctx, "SELECT * FROM "+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	kinds, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	tx, err := to.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	places := make([]string, len(columns))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	insert, err := tx.PrepareContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(columns, ", "), strings.Join(places, ", ")))
	if err != nil {
		return err
	}
	defer insert.Close()
	values := make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, kind := range kinds {
			if n, ok := values[i].(int64); ok && kind.DatabaseTypeName() == "BOOLEAN" {
				values[i] = n != 0
			}
		}
		if _, err := insert.ExecContext(ctx, slices.Clone(values)...); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), tx.Commit())
}

// dropSchema removes what was made on -database.
func (s *server) dropSchema(ctx context.Context) error {
	if s.schema == "" {
		return nil
	}
	db, err := sql.Open("pgx", *database)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "DROP SCHEMA "+s.schema+" CASCADE")
	return err
}
