package signin

import (
	"context"
	"crypto/rand"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/session"
)

// Trust keeps trusted browsers.
type Trust interface {
	CreateTrustedBrowser(ctx context.Context, b session.TrustedBrowser) error
	// TrustedBrowser returns the id of the one of a subscriber with a digest, if it
	// has not expired, and the empty string otherwise.
	TrustedBrowser(ctx context.Context, subscriberID string, digest []byte, now time.Time) (string, error)
	// EndTrustedBrowsers ends the trust in all browsers of a subscriber.
	EndTrustedBrowsers(ctx context.Context, subscriberID string) error
}

// trusted returns the evidence that the browser of a claimant is trusted by the
// person, if it is, and nil otherwise.
func (s *Service) trusted(ctx context.Context, tx Tx, c Claimant, who directory.Subscriber) ([]authenticator.Evidence, error) {
	if s.Policy.TrustedBrowser == 0 || c.Trusted == "" { //guard:SES-13
		return nil, nil
	}
	id, err := tx.TrustedBrowser(ctx, who.ID, secret.Digest(c.Trusted), s.Now())
	if err != nil || id == "" { //guard:A66
		return nil, err
	}
	return []authenticator.Evidence{{Kind: authenticator.Trusted, ID: id, At: s.Now()}}, nil
}

// trust remembers the browser of a person who has just given a second factor and
// has asked for that.
func (s *Service) trust(ctx context.Context, tx Tx, c Claimant, who directory.Subscriber, v *Verdict) error {
	if s.Policy.TrustedBrowser == 0 { //guard:SES-13
		return nil
	}
	token, err := secret.Token(s.Random)
	if err != nil {
		return err
	}
	now := s.Now()
	v.Trusted = token
	err = tx.CreateTrustedBrowser(ctx, session.TrustedBrowser{ID: rand.Text(), SubscriberID: who.ID, Digest: secret.Digest(token), Browser: c.Name(),
		CreatedAt: now, ExpiresAt: now.Add(s.Policy.TrustedBrowser)})
	if err != nil {
		return err
	}
	return s.Notices.Tell(ctx, tx, notice.Notice{Kind: notice.Trusted, Subscriber: who, At: now,
		Browser: notice.Device(c.Client, s.Words), Place: notice.Place(c.Client, s.Words), Values: mail.Values{"days": s.Policy.TrustedDays()}})
}
