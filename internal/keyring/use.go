package keyring

import (
	"context"
	"fmt"
)

// Use says of one kind of rows how many need a version of the key file.
type Use struct {
	Version int    `json:"version"`
	Of      string `json:"of"`
	Rows    int64  `json:"rows"`
}

// UseReader counts the rows that need a version of the key file: any, of what
// begins with its version; those that are asked for, of passwords.
type UseReader interface {
	KeyUse(ctx context.Context, versions []int) ([]Use, error)
}

// Reseal seals the signing keys under the current version of the key file, and
// returns how many were older (CRY-1). One that does not open is an error, after
// which nothing has changed: no node could sign with it either.
func (s *Signing) Reseal(ctx context.Context, actor string) (resealed int, err error) {
	err = s.InTx(ctx, func(tx SigningTx) error {
		resealed = 0
		keys, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		for _, k := range keys {
			changed, err := s.resealOne(ctx, tx, k, actor)
			if err != nil {
				return err
			}
			if changed {
				resealed++
			}
		}
		return nil
	})
	return resealed, err
}

func (s *Signing) resealOne(ctx context.Context, tx SigningTx, k SigningKey, actor string) (changed bool, err error) {
	if !s.Box.Stale(k.Private) {
		return false, nil
	}
	plain, err := s.Box.Open(k.place(), k.Private)
	if err != nil {
		return false, fmt.Errorf("keyring: signing key %s: %w", k.KID, err)
	}
	changed, err = tx.ReplaceSigningKey(ctx, k.KID, k.Private, s.Box.Seal(k.place(), plain))
	if err != nil || !changed {
		return false, err
	}
	return true, tx.RecordSigningKey(ctx, "signing key resealed", k.KID, actor, s.Now())
}
