package store

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
)

// appendOnly are the tables that only grow (AUD-1).
var appendOnly = []string{"audit_event", "audit_block", "audit_seal"}

// refuseChanges has the database itself refuse to change or delete rows of the
// tables that only grow. Each engine has its own words for a trigger, so that
// this is not a migration; it may be done again and again.
func (db *DB) refuseChanges(ctx context.Context) error {
	pool, statements := db.pool, []string{postgresRefusal}
	if db.writer != nil {
		pool, statements = db.writer.pool, nil
	}
	for _, table := range appendOnly {
		for _, act := range []string{"update", "delete"} {
			form := postgresTrigger
			if db.dialect == goose.DialectSQLite3 {
				form = sqliteTrigger
			}
			statements = append(statements, fmt.Sprintf(form, table, act))
		}
	}
	for _, statement := range statements {
		if _, err := pool.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("store: append only: %w", err)
		}
	}
	return nil
}

const (
	sqliteTrigger = `CREATE TRIGGER IF NOT EXISTS %[1]s_no_%[2]s BEFORE %[2]s ON %[1]s
		BEGIN SELECT RAISE(ABORT, '%[1]s only grows'); END`
	postgresRefusal = `CREATE OR REPLACE FUNCTION warifu_only_grows() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION '% only grows', TG_TABLE_NAME; END $$`
	postgresTrigger = `CREATE OR REPLACE TRIGGER %[1]s_no_%[2]s BEFORE %[2]s ON %[1]s
		FOR EACH ROW EXECUTE FUNCTION warifu_only_grows()`
)
