package recovery

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/throttle"
	"warifu/internal/ticket"
)

// placeOf is where the ceremonies of a link belong: the answer to one is none to
// that of another link, nor to one of the sign-in.
func placeOf(token string) string { return "forgot:" + hex.EncodeToString(secret.Digest(token)) }

// AskPasskey returns what the browser is to ask the person's device at a link for
// a new password, and the id of the ceremony. It is the same for any link, alive
// or not, and names no passkey: who has only the link learns nothing (WAN-3). A
// network that asks too often gets a [throttle.ErrCeremonies].
func (s *Service) AskPasskey(ctx context.Context, c Claimant, token string) (id string, options []byte, err error) {
	now := s.Now()
	options, ceremony, err := s.Passkeys.BeginAlone(now)
	if err != nil {
		return "", nil, err
	}
	id = rand.Text()
	err = s.InTx(ctx, func(tx Tx) error {
		if err := s.Throttle.ReserveCeremony(ctx, tx, c.Address, c.Campus, now); err != nil {
			return err
		}
		return tx.CreateCeremony(ctx, passkey.Pending{ID: id, Browser: c.Browser, Place: placeOf(token), Ceremony: ceremony,
			ExpiresAt: now.Add(passkey.Lifetime)})
	})
	return id, options, err
}

// ProveByPasskey verifies the answer of a device at a link for a new password. It
// has to verify its user, as a passkey alone does. Nobody can guess one: a wrong
// answer counts against the network only, and whatever waits guesses have earned
// do not hold it up (THR-5). A dead link, another person's passkey and a wrong
// answer look the same.
func (s *Service) ProveByPasskey(ctx context.Context, c Claimant, p Proof) (o ProofOutcome, err error) {
	network, window := throttle.Network(c.Address), s.Throttle.Window(s.Now())
	err = s.InTx(ctx, func(tx Tx) error {
		o = ProofThrottled
		failures, err := tx.AddressFailures(ctx, network, window)
		if err != nil || !s.Throttle.AddressAllowed(failures, c.Campus) { //guard:THR-6
			return err
		}
		if o, err = s.judgePasskey(ctx, tx, c, p); err != nil || o == ProofAccepted {
			return err
		}
		return tx.CountAddressFailure(ctx, network, window)
	})
	return o, err
}

func (s *Service) judgePasskey(ctx context.Context, tx Tx, c Claimant, p Proof) (ProofOutcome, error) {
	now := s.Now()
	used, err := s.Passkeys.Use(ctx, tx, passkey.Answer{Ceremony: p.Ceremony, Place: placeOf(p.Token), Browser: c.Browser, Response: p.Response}, now)
	if err != nil {
		return "", err
	}
	link, err := tx.RecoveryLink(ctx, NewPassword, secret.Digest(p.Token), now)
	if errors.Is(err, ErrNoLink) { //guard:RST-1
		return ProofRejected, nil
	}
	if err != nil {
		return "", err
	}
	who, err := tx.Subscriber(ctx, link.SubscriberID)
	if err != nil {
		return "", err
	}
	o := ProofRejected
	switch {
	case used.Cloned && used.Stored.SubscriberID == who.ID:
		if err := s.tell(ctx, tx, who, c.Client, notice.PasskeyRefused, mail.Values{"name": used.Stored.Name}); err != nil {
			return "", err
		}
	case !used.Accepted || used.Stored.SubscriberID != who.ID: //guard:RST-4
	case who.Status != directory.Active || !s.Mail.Allows(who): //guard:MAIL-11
	default:
		spent, err := tx.SpendRecoveryLink(ctx, link, now)
		if err != nil {
			return "", err
		}
		if spent { // on PostgreSQL two requests may come as far as this (RST-1)
			o, err = ProofAccepted, s.acceptPasskey(ctx, tx, c, who)
		}
		if err != nil {
			return "", err
		}
	}
	return o, s.recordPassword(ctx, tx, string(o), who.ID, c)
}

// acceptPasskey ends every count, as a passkey does at the sign-in (THR-3, THR-5),
// and gives the browser the ticket.
func (s *Service) acceptPasskey(ctx context.Context, tx Tx, c Claimant, who directory.Subscriber) error {
	err := tx.ResetAttempts(ctx, who.ID, throttle.Password, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor, throttle.Refused)
	if err != nil {
		return err
	}
	return tx.IssueTicket(ctx, ticket.ForPassword(who.ID, c.Browser, authenticator.ByLink, s.Now()))
}
