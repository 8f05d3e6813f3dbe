package store

import (
	"context"
	"errors"

	"warifu/internal/store/storetest"
)

// migrated is an empty database with the present schema.
var migrated = storetest.NewTemplate(func(url string) error {
	db, err := Open(url)
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(context.Background()), db.Close())
})
