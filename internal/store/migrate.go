package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewerSchema means that a newer release has migrated the database.
var ErrNewerSchema = errors.New("store: the database has a newer schema than this release knows")

// Migrate brings the schema up to date. If a newer release has done so, it
// changes nothing and returns [ErrNewerSchema]. Several nodes may migrate at once.
func (db *DB) Migrate(ctx context.Context) error {
	if db.writer != nil {
		return inTurnAt(ctx, db.writer.path, func() error { return db.migrate(ctx) })
	}
	return db.migrate(ctx)
}

func (db *DB) migrate(ctx context.Context) error {
	provider, err := db.migrator()
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	if current > known {
		return ErrNewerSchema
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("store: migrate: %w", err)
	}
	return db.inTurn(ctx, db.refuseChanges)
}

// CheckSchema returns an error unless the database has all migrations of this
// release. A newer schema is borne, because an upgrade passes node by node.
func (db *DB) CheckSchema(ctx context.Context) error {
	if db.writer != nil { // even to look makes goose's table in a new file
		return inTurnAt(ctx, db.writer.path, func() error { return db.checkSchema(ctx) })
	}
	return db.checkSchema(ctx)
}

func (db *DB) checkSchema(ctx context.Context) error {
	provider, err := db.migrator()
	if err != nil {
		return fmt.Errorf("store: schema: %w", err)
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return unavailable(fmt.Errorf("store: schema: %w", err))
	}
	if current < known {
		return fmt.Errorf("store: the database has schema %d, this release needs %d; run warifu migrate", current, known)
	}
	return nil
}

func (db *DB) migrator() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithTableName("migration"), goose.WithDisableGlobalRegistry(true)}
	if db.dialect == goose.DialectPostgres {
		const seconds, tries = 1, 300 // how often, and how many times, to ask for the lock
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(seconds, tries))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	pool := db.pool
	if db.writer != nil {
		pool = db.writer.pool
	}
	return goose.NewProvider(db.dialect, pool, files, options...)
}
