package consent

import (
	"bytes"
	"context"
	"errors"
	"time"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/session"
)

// The events of the audit trail.
const (
	EventGiven     audit.Name = "release.agreed"
	EventRefused   audit.Name = "release.refused"
	EventWithdrawn audit.Name = "release.withdrawn"
)

// ErrNone means that a person has agreed to nothing for a service.
var ErrNone = errors.New("consent: there is none")

// Record is what a person has agreed to, once for all requests of a service.
type Record struct {
	SubscriberID string
	Service      string
	Digest       []byte   // of what was shown
	Withheld     []string // the optional attributes that may not be told
	Since        time.Time
}

// Reader is what asking needs of a transaction.
type Reader interface {
	// Consent returns the record of a subscriber and a service, or [ErrNone].
	Consent(ctx context.Context, subscriberID, service string) (Record, error)
}

// Tx is what remembering an answer needs of a transaction.
type Tx interface {
	// PutConsent stores a record in place of the former one.
	PutConsent(ctx context.Context, r Record) error
	// DeleteConsent forgets a record, and reports whether there was one.
	DeleteConsent(ctx context.Context, subscriberID, service string) (bool, error)
	// DeleteGrantsAt revokes all grants of a subscriber at one service.
	DeleteGrantsAt(ctx context.Context, subscriberID, service string) error
	// AppendAudit records a security event.
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Book tells the protocols what people have agreed to. View may run its function
// more than once.
type Book struct {
	View func(ctx context.Context, fn func(Reader) error) error
}

// Teller returns what an answer to a request would tell a service of a person.
type Teller func(ctx context.Context, request federation.Request, service federation.Service, who directory.Subscriber) (federation.Disclosures, error)

// Of returns how a person stands to what the service would be told, and which
// attributes to leave out. Where nobody is signed in, or nobody asks, nothing is
// read.
func (b Book) Of(ctx context.Context, request federation.Request, service federation.Service, present session.Session, person *federation.Person,
	tell Teller) (federation.Answer, []string, error) {
	if person == nil || !asks(request, service) {
		return federation.Agreed, nil, nil
	}
	said := request.Consent
	if said != nil && said.Session == present.ID && said.Refused {
		return federation.Declined, nil, nil
	}
	all, err := tell(ctx, request, service, person.Subscriber)
	if err != nil || len(all) == 0 {
		return federation.Agreed, nil, err
	}
	digest := all.Digest()
	if said != nil && said.Session == present.ID && bytes.Equal(said.Digest, digest) { //guard:CON-1
		return federation.Agreed, said.Withheld, nil
	}
	if request.AskConsent || service.Consent == federation.ConsentAlways {
		return federation.Unasked, nil, nil
	}
	var known Record
	err = b.View(ctx, func(tx Reader) (err error) {
		known, err = tx.Consent(ctx, present.SubscriberID, service.ID)
		return err
	})
	switch {
	case errors.Is(err, ErrNone):
		return federation.Unasked, nil, nil
	case err != nil:
		return federation.Unasked, nil, err
	case service.Consent == federation.ConsentOnChange && !bytes.Equal(known.Digest, digest): //guard:CON-1
		return federation.Unasked, nil, nil
	}
	return federation.Agreed, known.Withheld, nil
}

// asks reports whether people are asked at all.
func asks(request federation.Request, service federation.Service) bool {
	return request.AskConsent || service.Consent != "" && service.Consent != federation.ConsentNone
}

// remembers reports whether an answer may hold for later requests.
func remembers(service federation.Service) bool {
	return service.Consent == federation.ConsentOnce || service.Consent == federation.ConsentOnChange
}
