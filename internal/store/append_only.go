package store

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
)

// appendOnly are the tables that only grow (AUD-1).
var appendOnly = []string{"audit_event", "audit_block", "audit_seal"}

// sqliteReplacements are what is done with an INSERT OR REPLACE, which would
// delete without asking the triggers that refuse a deletion: table, its key, and
// the act. A second block of a number is passed over, as the sealers expect.
var sqliteReplacements = [][3]string{{"audit_event", "id", "ABORT, 'audit_event only grows'"},
	{"audit_block", "no", "IGNORE"}, {"audit_seal", "event_id", "ABORT, 'audit_seal only grows'"}}

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
		if db.dialect == goose.DialectPostgres {
			statements = append(statements, fmt.Sprintf(postgresTruncate, table))
		}
	}
	if db.dialect == goose.DialectSQLite3 {
		for _, r := range sqliteReplacements {
			statements = append(statements, fmt.Sprintf(sqliteReplace, r[0], r[1], r[2]))
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
	sqliteReplace = `CREATE TRIGGER IF NOT EXISTS %[1]s_no_replace BEFORE INSERT ON %[1]s
		WHEN EXISTS (SELECT 1 FROM %[1]s WHERE %[2]s = NEW.%[2]s) BEGIN SELECT RAISE(%[3]s); END`
	postgresRefusal = `CREATE OR REPLACE FUNCTION warifu_only_grows() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION '% only grows', TG_TABLE_NAME; END $$`
	postgresTrigger = `CREATE OR REPLACE TRIGGER %[1]s_no_%[2]s BEFORE %[2]s ON %[1]s
		FOR EACH ROW EXECUTE FUNCTION warifu_only_grows()`
	postgresTruncate = `CREATE OR REPLACE TRIGGER %[1]s_no_truncate BEFORE TRUNCATE ON %[1]s
		FOR EACH STATEMENT EXECUTE FUNCTION warifu_only_grows()`
)
