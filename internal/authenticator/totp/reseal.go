package totp

import (
	"context"
	"fmt"
)

// resealAtOnce is how many secrets are sealed again in one transaction: few
// enough that nobody who signs in has to wait for them.
const resealAtOnce = 500

// ResealTx finds and replaces the secrets that an older key has sealed.
type ResealTx interface {
	// TOTPNotUnder returns up to most authenticators of any state whose secret is
	// not sealed under the version, in the order of subscriber and id, from the
	// first behind the given one.
	TOTPNotUnder(ctx context.Context, version int, behind Authenticator, most int) ([]Authenticator, error)

	// ReplaceTOTPSecret stores the sealed secret, unless that of a is no longer
	// there; it reports whether it did.
	ReplaceTOTPSecret(ctx context.Context, a Authenticator, sealed []byte) (replaced bool, err error)
}

// ResealAll seals every secret of the store under the current version of the
// key, many small transactions long, and returns how many were older (CRY-1). A
// secret that does not open is passed over, and reported at the end.
func (v *Verifier) ResealAll(ctx context.Context, inTx func(context.Context, func(ResealTx) error) error) (resealed int, err error) {
	var behind Authenticator
	var broken []error
	for {
		var some []Authenticator
		var faults []error
		n := 0
		err := inTx(ctx, func(tx ResealTx) (err error) {
			if some, err = tx.TOTPNotUnder(ctx, v.box.Current(), behind, resealAtOnce); err != nil {
				return err
			}
			n, faults, err = v.resealSome(ctx, tx, some)
			return err
		})
		if err != nil {
			return resealed, err
		}
		resealed, broken = resealed+n, append(broken, faults...)
		if len(some) < resealAtOnce {
			break
		}
		behind = some[len(some)-1]
	}
	if len(broken) > 0 {
		return resealed, fmt.Errorf("totp: %d secrets do not open, the first: %w", len(broken), broken[0])
	}
	return resealed, nil
}

func (v *Verifier) resealSome(ctx context.Context, tx ResealTx, some []Authenticator) (n int, broken []error, err error) {
	for _, a := range some {
		sealed, changed, err := v.Reseal(a)
		if err != nil {
			broken = append(broken, err)
			continue
		}
		if changed {
			if changed, err = tx.ReplaceTOTPSecret(ctx, a, sealed); err != nil {
				return 0, nil, err
			}
		}
		if changed {
			n++
		}
	}
	return n, broken, nil
}
