package audit

import (
	"context"
	"errors"
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
	// UnsealedAudit returns rows of no block, from a time on, in the order of
	// their ids, after an id.
	UnsealedAudit(ctx context.Context, since time.Time, after string, most int) ([]Row, error)
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
		since := time.Time{}
		if last.No > 0 {
			since = last.SealedAt.Add(-lookBack)
		}
		rows, err := tx.UnsealedAudit(ctx, since, "", blockEvents)
		if err != nil || len(rows) == 0 {
			return err
		}
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
