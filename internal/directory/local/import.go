package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/notice"
)

// Report is what an import has done, or would do.
type Report struct {
	Added     int                   `json:"added"`
	Changed   int                   `json:"changed"`
	Unchanged int                   `json:"unchanged"`
	Suspended int                   `json:"suspended"` // of the changed ones
	Faults    []directory.LineFault `json:"faults"`
}

// errTakeBack takes back what a trial, or an import with faults, has done.
var errTakeBack = errors.New("local: take back")

// Import adds and changes people, all of them or none. A dry run does the same
// and takes it back.
func (s *Service) Import(ctx context.Context, lines []directory.ImportLine, dryRun bool) (r Report, err error) {
	err = s.InTx(ctx, func(tx Tx) error {
		r = Report{}
		for _, line := range lines {
			if err := s.importOne(ctx, tx, line, &r); err != nil {
				return fmt.Errorf("line %d: %w", line.Line, err)
			}
		}
		if dryRun || len(r.Faults) > 0 {
			return errTakeBack
		}
		return nil
	})
	if errors.Is(err, errTakeBack) {
		err = nil
	}
	return r, err
}

func (s *Service) importOne(ctx context.Context, tx Tx, line directory.ImportLine, r *Report) error {
	known, hash, err := tx.SubscriberAnyStatus(ctx, line.SPSID)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		r.Added++
		return s.importNew(ctx, tx, line)
	case err != nil:
		return err
	case known.Status == directory.Deleted: // identifiers are never given to another person
		r.Faults = append(r.Faults, directory.LineFault{Line: line.Line, Column: "sps_id", Text: "belonged to a person who was deleted"})
		return nil
	}
	changed := line.Over(known)
	setPassword := line.PasswordHash != "" && hash == "" // a password that the person has chosen stays
	if same(changed, known) && !setPassword {
		r.Unchanged++
		return nil
	}
	r.Changed++
	if changed.Status == directory.Suspended && known.Status != directory.Suspended {
		r.Suspended++
	}
	if setPassword {
		if err := tx.SetPassword(ctx, known.ID, line.PasswordHash, s.Now()); err != nil {
			return err
		}
	}
	return s.importChange(ctx, tx, known, changed)
}

func (s *Service) importNew(ctx context.Context, tx Tx, line directory.ImportLine) error {
	person := line.Over(directory.Subscriber{})
	person.ID, person.PublicID = rand.Text(), rand.Text()
	person.CreatedAt, person.UpdatedAt = s.Now(), s.Now()
	if err := tx.CreateSubscriber(ctx, person); err != nil {
		return err
	}
	if line.PasswordHash != "" {
		if err := tx.SetPassword(ctx, person.ID, line.PasswordHash, s.Now()); err != nil {
			return err
		}
	}
	return s.recordImport(ctx, tx, person, audit.SubscriberAdded)
}

// importChange does with a person what the file says. Whom it suspends or lets
// in again is told so, and recorded, as if it had been done for that person alone.
func (s *Service) importChange(ctx context.Context, tx Tx, known, changed directory.Subscriber) error {
	wanted := changed.Status
	changed.Status, changed.UpdatedAt = known.Status, s.Now()
	if err := tx.UpdateSubscriber(ctx, changed); err != nil {
		return err
	}
	switch {
	case wanted == known.Status:
		return s.recordImport(ctx, tx, changed, audit.SubscriberEdited)
	case wanted == directory.Suspended:
		if err := s.suspend(ctx, tx, &changed); err != nil {
			return err
		}
		return s.recordImport(ctx, tx, changed, audit.Suspend)
	default:
		if err := s.setStatus(ctx, tx, &changed, wanted, notice.Resumed); err != nil {
			return err
		}
		return s.recordImport(ctx, tx, changed, audit.Resume)
	}
}

func (s *Service) recordImport(ctx context.Context, tx Tx, who directory.Subscriber, name audit.Name) error {
	e := s.event(name, who.ID, "")
	e.Detail = map[string]string{"status": string(who.Status), "by": "import"}
	return tx.AppendAudit(ctx, e)
}

// same reports whether there is nothing to store. No groups are no groups,
// however they are written.
func same(a, b directory.Subscriber) bool {
	if len(a.Groups) == 0 && len(b.Groups) == 0 {
		a.Groups, b.Groups = nil, nil
	}
	return reflect.DeepEqual(a, b)
}
