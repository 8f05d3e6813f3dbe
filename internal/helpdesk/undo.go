package helpdesk

import (
	"context"
	"strings"
	"time"

	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
)

// UndoTx reads and turns back what has become of a person's notification addresses.
type UndoTx interface {
	Addresses(ctx context.Context, subscriberID string) ([]directory.NotificationAddress, error)
	// RemovedAddresses returns those that were removed after a time, and registered
	// before: what somebody has added and removed since was never the person's.
	RemovedAddresses(ctx context.Context, subscriberID string, after time.Time) ([]string, error)
}

// Undo is what turning back a change of the notification addresses does.
type Undo struct {
	New []string // that are removed
	Old []string // that come back
}

// Possible reports whether there is anything to turn back.
func (u Undo) Possible() bool { return len(u.New)+len(u.Old) > 0 }

// undoable is how long before the report a change may have been: as long as the
// former address may report it (ADR-5).
const undoable = 72 * time.Hour

// undo returns what the report of a person may be about.
func (d *Desk) undo(ctx context.Context, tx UndoTx, who directory.Subscriber, c Case) (u Undo, err error) {
	if c.Kind != Report || !who.Frozen() {
		return Undo{}, nil
	}
	since := who.FrozenAt.Add(-undoable)
	present, err := tx.Addresses(ctx, who.ID)
	if err != nil {
		return Undo{}, err
	}
	for _, a := range present {
		if a.ConfirmedAt.After(since) {
			u.New = append(u.New, a.Address)
		}
	}
	u.Old, err = tx.RemovedAddresses(ctx, who.ID, since)
	return u, err
}

// RestoreTx turns addresses back.
type RestoreTx interface {
	UndoTx
	RemoveAddress(ctx context.Context, subscriberID, address string, now time.Time) (bool, error)
	// RestoreAddress registers an address again that was removed.
	RestoreAddress(ctx context.Context, subscriberID, address string, now time.Time) error
	notice.Tx
}

// turnBack removes the new addresses and brings the old ones back. All of them
// are told.
func (d *Desk) turnBack(ctx context.Context, tx RestoreTx, who directory.Subscriber, c Case) error {
	now := d.Now()
	u, err := d.undo(ctx, tx, who, c)
	if err != nil {
		return err
	}
	for _, address := range u.New {
		if _, err := tx.RemoveAddress(ctx, who.ID, address, now); err != nil {
			return err
		}
	}
	for _, address := range u.Old {
		if err := tx.RestoreAddress(ctx, who.ID, address, now); err != nil {
			return err
		}
	}
	if len(u.New) > 0 {
		err = d.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.AddressRemoved, Subscriber: who, At: now, Also: u.New,
			Values: mail.Values{"masked": masked(u.New)}})
	}
	if err == nil && len(u.Old) > 0 {
		err = d.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.AddressAdded, Subscriber: who, At: now, Also: u.New,
			Values: mail.Values{"new_masked": masked(u.Old)}})
	}
	return err
}

func masked(addresses []string) string { return strings.Join(mail.MaskAddresses(addresses), ", ") }
