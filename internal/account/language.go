package account

import (
	"context"
	"time"

	"warifu/internal/i18n"
)

// LanguageTx is what choosing a language needs of a transaction.
type LanguageTx interface {
	SetLanguage(ctx context.Context, subscriberID, language string, now time.Time) error
}

// Languages keeps the language in which pages and mails speak to a person.
type Languages struct {
	InTx func(ctx context.Context, fn func(LanguageTx) error) error
	Now  func() time.Time
}

// Choose keeps a language with a person.
func (s *Languages) Choose(ctx context.Context, a Actor, lang i18n.Lang) error {
	return s.InTx(ctx, func(tx LanguageTx) error { return tx.SetLanguage(ctx, a.SubscriberID, string(lang), s.Now()) })
}
