package mail

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"warifu/internal/secret"
)

// State is what has become of a queued mail.
type State string

// The states. Sent and abandoned are final, and have no content.
const (
	Queued    State = "queued"
	Sent      State = "sent"
	Abandoned State = "abandoned"
)

// Lifetime is how long a mail is tried (NOT-2).
const Lifetime = 24 * time.Hour

// Topic is what a transaction that queues a mail announces, so that every
// node's dispatcher can be woken after the commit.
const Topic = "mail"

// OutboxRow is one mail in the queue.
type OutboxRow struct {
	SubscriberID string // whom it is for; empty for a mail to staff
	ID           string // random
	CreatedAt    time.Time
	NextTryAt    time.Time
	ExpiresAt    time.Time // not tried afterwards
	LockedUntil  time.Time // by the dispatcher that sends it
	Tries        int       // including the present one
	State        State
	Sealed       []byte // recipient and message, encrypted; nothing once the state is final
}

// Queue is what a transaction must offer for a mail to be queued in it.
type Queue interface {
	EnqueueMail(ctx context.Context, row OutboxRow) error
}

// Envelope says to whom a letter goes.
type Envelope struct {
	SubscriberID string    // empty for a mail to staff
	To           string    // one address
	Lang         string    // [Japanese], [English], or empty for both in one mail
	ExpiresAt    time.Time // when the letter is of no more use; at most, and by default, [Lifetime] from now
}

// Outbox queues letters.
type Outbox struct {
	Composer *Composer
	Box      *secret.Box
	Now      func() time.Time
}

// Queue composes a letter and queues it in the transaction of the act that it
// tells of. The dispatcher should be woken after the commit.
func (o *Outbox) Queue(ctx context.Context, tx Queue, to Envelope, l Letter) error {
	if err := CheckAddress(to.To); err != nil {
		return fmt.Errorf("mail: queue %s: %w", l.folder(), err)
	}
	message, err := o.Composer.Compose(to.Lang, l)
	if err != nil {
		return err
	}
	message.To = to.To
	plain, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("mail: queue %s: %w", l.folder(), err)
	}
	return tx.EnqueueMail(ctx, o.row(to, plain))
}

func (o *Outbox) row(to Envelope, plain []byte) OutboxRow {
	now := o.Now()
	row := OutboxRow{
		SubscriberID: to.SubscriberID,
		ID:           strings.ToLower(rand.Text()),
		CreatedAt:    now,
		NextTryAt:    now,
		ExpiresAt:    now.Add(Lifetime),
		State:        Queued,
	}
	if !to.ExpiresAt.IsZero() && to.ExpiresAt.Before(row.ExpiresAt) {
		row.ExpiresAt = to.ExpiresAt
	}
	row.Sealed = o.Box.Seal(row.place(), plain)
	return row
}

// place binds the encrypted content to its row, so that no row can be given
// the content of another.
func (row OutboxRow) place() secret.Place {
	return secret.Place{Table: "mail_outbox", Column: "sealed", Row: row.SubscriberID + "/" + row.ID}
}

// open returns the message of a row.
func (row OutboxRow) open(box *secret.Box) (Message, error) {
	plain, err := box.Open(row.place(), row.Sealed)
	if err != nil {
		return Message{}, fmt.Errorf("mail: open: %w", err)
	}
	message := Message{ID: row.ID, Date: row.CreatedAt}
	if err := json.Unmarshal(plain, &message); err != nil {
		return Message{}, fmt.Errorf("mail: open: %w", err)
	}
	return message, nil
}
