package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"warifu/internal/secret"
)

// TrailReader is what reading the trail needs.
type TrailReader interface {
	LastBlock(ctx context.Context) (Block, error)
	// Block returns [ErrNoBlock] if there is none of the number.
	Block(ctx context.Context, no int64) (Block, error)
	// SealedAudit returns the rows that a block seals, in the order of their
	// ids, also those that are missing.
	SealedAudit(ctx context.Context, block int64) ([]Row, error)
	// UnsealedAudit returns rows of no block in the order of their ids, after an id.
	UnsealedAudit(ctx context.Context, after string, most int) ([]Row, error)
	// StraySeals returns what claims to be sealed by blocks that there are not:
	// before the first one, or after no. A block that was made since no was read
	// is there.
	StraySeals(ctx context.Context, no int64, most int) ([]StraySeal, error)
}

// StraySeal are rows that claim to be sealed by a block that there is not. No
// block vouches for them, and they are not open either.
type StraySeal struct {
	Block int64
	Event string // id of the first of them
	Rows  int64
}

// Fault is one place at which the trail is not what the server wrote.
type Fault struct {
	Block int64  `json:"block,omitempty"`
	Event string `json:"event,omitempty"` // id of the row
	Text  string `json:"fault"`
}

func (f Fault) String() string {
	var where []string
	if f.Block > 0 {
		where = append(where, fmt.Sprintf("block %d", f.Block))
	}
	if f.Event != "" {
		where = append(where, "event "+f.Event)
	}
	return strings.Join(append(where, f.Text), ": ")
}

// Head names the newest block, to be kept elsewhere: a trail that was cut off
// at its end is whole in itself, and yet has another head.
type Head struct {
	No  int64
	MAC []byte
}

func (h Head) String() string { return fmt.Sprintf("%d:%s", h.No, hex.EncodeToString(h.MAC)) }

var errHead = errors.New("audit: a head is NUMBER:HEXADECIMAL, as the verification prints it")

// ParseHead reads what [Head.String] wrote. What is only nearly a head is
// refused: it would be compared with nothing.
func ParseHead(text string) (Head, error) {
	number, mac, _ := strings.Cut(text, ":")
	no, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return Head{}, errHead
	}
	h := Head{No: no}
	if h.MAC, err = hex.DecodeString(mac); err != nil || h.No < 0 || (h.No == 0) != (len(h.MAC) == 0) {
		return Head{}, errHead
	}
	return h, nil
}

// Report is what a verification found.
type Report struct {
	Blocks int64   `json:"blocks"`
	Events int64   `json:"events"`
	Open   int64   `json:"unsealed"`
	Head   string  `json:"head"`
	Faults []Fault `json:"faults"`
}

// maxFaults is how many places are named.
const maxFaults = 100

// Verifier looks for any change, deletion, insertion or reordering of sealed
// rows, and for any change of a row.
type Verifier struct {
	View func(ctx context.Context, fn func(TrailReader) error) error
	Key  *secret.MAC
	Now  func() time.Time
}

// Verify reads the whole trail, block by block. kept is a head that was noted
// earlier, or nil.
func (v *Verifier) Verify(ctx context.Context, kept *Head) (r Report, err error) {
	r.Faults = []Fault{}
	var last Block
	err = v.View(ctx, func(tx TrailReader) (err error) {
		last, err = tx.LastBlock(ctx)
		return err
	})
	if err != nil && !errors.Is(err, ErrNoBlock) {
		return r, err
	}
	var previous []byte
	for no := int64(1); no <= last.No && len(r.Faults) < maxFaults; no++ {
		err := v.View(ctx, func(tx TrailReader) (err error) {
			previous, err = v.block(ctx, tx, no, previous, &r)
			return err
		})
		if err != nil {
			return r, err
		}
		if kept != nil && kept.No == no && !bytes.Equal(kept.MAC, previous) {
			r.fault(no, "", "is not the block that was kept")
		}
	}
	if kept != nil && kept.No > last.No {
		r.fault(kept.No, "", "the block that was kept is gone: the end of the trail was cut off")
	}
	r.Head = Head{No: last.No, MAC: last.MAC}.String()
	return r, v.View(ctx, func(tx TrailReader) error { return v.rest(ctx, tx, last.No, &r) })
}

func (r *Report) fault(block int64, event, text string) {
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, Fault{Block: block, Event: event, Text: text})
	}
}

// block verifies one block and returns its MAC.
func (v *Verifier) block(ctx context.Context, tx TrailReader, no int64, previous []byte, r *Report) ([]byte, error) {
	b, err := tx.Block(ctx, no)
	if errors.Is(err, ErrNoBlock) {
		r.fault(no, "", "is missing")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := tx.SealedAudit(ctx, no)
	if err != nil {
		return nil, err
	}
	r.Blocks++
	r.Events += int64(len(rows))
	if !v.Key.Verify("audit block", b.MAC, b.content(previous)...) { //guard:AUD-1
		r.fault(no, "", "was changed, or does not follow the one before")
	}
	found := len(r.Faults)
	for _, row := range rows {
		if row.Missing {
			r.fault(no, row.ID, "the row is missing")
		} else if err := row.check(v.Key); err != nil {
			r.fault(no, row.ID, err.Error())
		}
	}
	if found == len(r.Faults) && (int64(len(rows)) != b.Events || !bytes.Equal(digest(rows), b.Digest)) { //guard:AUD-1
		r.fault(no, "", "does not seal the rows that it has now")
	}
	return b.MAC, nil
}

// rest verifies the rows that no block seals yet.
func (v *Verifier) rest(ctx context.Context, tx TrailReader, last int64, r *Report) error {
	stray, err := tx.StraySeals(ctx, last, maxFaults)
	if err != nil {
		return err
	}
	for _, s := range stray { //guard:AUD-1
		r.fault(s.Block, s.Event, fmt.Sprintf("there is no block %d, and %d rows claim to be sealed by it, of which this is the first", s.Block, s.Rows))
	}
	for after := ""; ; {
		rows, err := tx.UnsealedAudit(ctx, after, blockEvents)
		if err != nil {
			return err
		}
		for _, row := range rows {
			r.Open++
			if err := row.check(v.Key); err != nil {
				r.fault(0, row.ID, err.Error())
			} else if v.Now().Sub(row.At) > SealedLate {
				r.fault(0, row.ID, "has not been sealed in time: the seal was removed, or nothing seals")
			}
			after = row.ID
		}
		if len(rows) < blockEvents || len(r.Faults) >= maxFaults {
			return nil
		}
	}
}
