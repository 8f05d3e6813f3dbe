package throttle

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// NetworkTx counts what a network does, in windows of time.
type NetworkTx interface {
	AddressFailures(ctx context.Context, network string, window time.Time) (int64, error)
	CountAddressFailure(ctx context.Context, network string, window time.Time) error
}

// ErrCeremonies means that a network asks for more passkeys than people could use.
var ErrCeremonies = errors.New("throttle: too many challenges of passkeys")

// ReserveCeremony counts a challenge that a network asks for where nobody is named
// yet. A network that asks too often gets an [ErrCeremonies]: each challenge is a
// row (THR-6).
func (p Policy) ReserveCeremony(ctx context.Context, tx NetworkTx, address netip.Addr, campus bool, now time.Time) error {
	network, window := "passkey:"+Network(address), p.Window(now)
	asked, err := tx.AddressFailures(ctx, network, window)
	if err != nil {
		return err
	}
	if !p.CeremonyAllowed(asked, campus) { //guard:THR-6
		return ErrCeremonies
	}
	return tx.CountAddressFailure(ctx, network, window)
}
