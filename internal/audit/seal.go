package audit

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"warifu/internal/secret"
)

// How sealing works (AUD-1).
const (
	SealEvery   = time.Minute
	SealedLate  = 10 * time.Minute // a row that is not sealed by then is a fault
	blockEvents = 1000
	lookBack    = time.Hour // longer than any transaction: whose rows are committed later than others of their time
)

// ErrNoBlock means that nothing has been sealed yet.
var ErrNoBlock = errors.New("audit: no block")

// errLost means that another node has made the block.
var errLost = errors.New("audit: block made by another node")

// SealTx is what sealing needs of a transaction.
type SealTx interface {
	// LastBlock returns [ErrNoBlock] if there is none.
	LastBlock(ctx context.Context) (Block, error)
	// NewestSealed returns the time of the newest row of a block; it is zero if
	// there is none.
	NewestSealed(ctx context.Context, block int64) (time.Time, error)
	// OldestUnsealed returns rows of no block, from a time on, the oldest first.
	OldestUnsealed(ctx context.Context, since time.Time, most int) ([]Row, error)
	// CreateBlock stores a block and which rows it seals; it reports false if
	// there is one of that number.
	CreateBlock(ctx context.Context, b Block, rows []Row) (bool, error)
}

// Sealer chains rows in blocks. It runs beside the requests, so that no row is
// shared by all acts; any number of nodes may each have one.
type Sealer struct {
	InTx func(ctx context.Context, fn func(SealTx) error) error
	Key  *secret.MAC
	Now  func() time.Time
}

// Seal seals everything that is not sealed yet.
func (s *Sealer) Seal(ctx context.Context) error {
	for {
		sealed, err := s.sealBlock(ctx)
		if errors.Is(err, errLost) {
			return nil // the other node goes on
		}
		if err != nil || sealed < blockEvents {
			return err
		}
	}
}

func (s *Sealer) sealBlock(ctx context.Context) (sealed int, err error) {
	err = s.InTx(ctx, func(tx SealTx) error {
		sealed = 0
		last, err := tx.LastBlock(ctx)
		if err != nil && !errors.Is(err, ErrNoBlock) {
			return err
		}
		since, err := s.since(ctx, tx, last.No)
		if err != nil {
			return err
		}
		rows, err := tx.OldestUnsealed(ctx, since, blockEvents)
		if err != nil || len(rows) == 0 {
			return err
		}
		slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.ID, b.ID) })
		b := Block{No: last.No + 1, SealedAt: s.Now().Truncate(time.Millisecond), Events: int64(len(rows)), Digest: digest(rows)}
		b.MAC = s.Key.Sum("audit block", b.content(last.MAC)...)
		created, err := tx.CreateBlock(ctx, b, rows)
		if err == nil && !created {
			err = errLost
		}
		sealed = len(rows)
		return err
	})
	return sealed, err
}

// since returns from what time on rows may be unsealed. Blocks take the oldest
// rows first: before the newest row of the last block there are only those that
// were committed later than others of their time. However long nothing was
// sealed, nothing is passed over; nor are the rows that follow when a clock that
// had jumped ahead is mended.
func (s *Sealer) since(ctx context.Context, tx SealTx, last int64) (time.Time, error) {
	if last == 0 {
		return time.Time{}, nil
	}
	newest, err := tx.NewestSealed(ctx, last)
	if err != nil || newest.IsZero() {
		return time.Time{}, err
	}
	if now := s.Now(); newest.After(now) {
		newest = now
	}
	return newest.Add(-lookBack), nil
}
