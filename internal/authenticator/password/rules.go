package password

import (
	"context"
	"time"

	"warifu/internal/directory"
)

// Rules are what makes a new password good enough, and what ends when it is set.
// Every page on which a password can be chosen uses them.
type Rules struct {
	List   *BlockList
	Site   []string                        // words of the institution and its services
	Forced func(directory.Subscriber) bool // whether the person needs a second factor besides
}

// MinLength returns the least length of a person's new password, in code points.
func (r *Rules) MinLength(who directory.Subscriber) int { return MinLength(r.Forced(who)) }

// Check returns what is wrong with a password that a person would like to have,
// or "" (PW-2, PW-3).
func (r *Rules) Check(who directory.Subscriber, typed string) Fault {
	person := []string{who.SPSID, who.Display, who.Latin.Family, who.Latin.Given, who.Japanese.Family, who.Japanese.Given,
		who.Kana.Family, who.Kana.Given, who.Department.English, who.Department.Japanese}
	return r.List.Fault(Choice{Password: typed, SecondFactorForced: r.Forced(who), Person: person, Site: r.Site})
}

// SetTx is what setting a password needs of a transaction.
type SetTx interface {
	SetPassword(ctx context.Context, subscriberID, hash string, now time.Time) error
	// EndSessions ends all sessions of a subscriber.
	EndSessions(ctx context.Context, subscriberID string) error
	// DeleteGrantsOf ends all refresh tokens of a subscriber.
	DeleteGrantsOf(ctx context.Context, subscriberID string) error
	// EndWaysBack ends the links, OTPs, the ticket and the trusted browsers of a
	// subscriber.
	EndWaysBack(ctx context.Context, subscriberID string) error
	// EndHalfSignIns ends the sign-ins and recoveries that the old password has begun.
	EndHalfSignIns(ctx context.Context, subscriberID string) error
}

// Set stores the hash of a new password. All sessions, refresh tokens, links and
// codes of the person end (PW-5); who keeps one, raises it afterwards.
func Set(ctx context.Context, tx SetTx, who directory.Subscriber, hash string, now time.Time) error {
	if err := tx.SetPassword(ctx, who.ID, hash, now); err != nil {
		return err
	}
	if err := tx.EndSessions(ctx, who.ID); err != nil {
		return err
	}
	if err := tx.DeleteGrantsOf(ctx, who.ID); err != nil {
		return err
	}
	if err := tx.EndWaysBack(ctx, who.ID); err != nil {
		return err
	}
	return tx.EndHalfSignIns(ctx, who.ID)
}
