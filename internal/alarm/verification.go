package alarm

import (
	"context"
	"time"

	"warifu/internal/audit"
)

// VerifyEvery is the pause between two verifications of the audit trail.
const VerifyEvery = 24 * time.Hour

// Verification looks every day whether the audit trail is whole (AUD-6).
type Verification struct {
	Seal   func(ctx context.Context) error // what a node that died has left
	Verify func(ctx context.Context, kept *audit.Head) (audit.Report, error)
	InTx   func(ctx context.Context, fn func(RaiseTx) error) error
	Alarm  *Watch

	kept *audit.Head // of the last time: an end that was cut off shows, too
}

// Check verifies the trail, and raises the alarm where it has faults. It is a job.
func (v *Verification) Check(ctx context.Context) error {
	if err := v.Seal(ctx); err != nil {
		return err
	}
	r, err := v.Verify(ctx, v.kept)
	if err != nil {
		return err
	}
	if len(r.Faults) > 0 { //guard:AUD-6
		return v.InTx(ctx, func(tx RaiseTx) error {
			_, err := v.Alarm.RaiseRarely(ctx, tx, Finding{Rule: BrokenTrail, N: int64(len(r.Faults))}, VerifyEvery)
			return err
		})
	}
	head, err := audit.ParseHead(r.Head)
	if err != nil {
		return err
	}
	v.kept = &head
	return nil
}
