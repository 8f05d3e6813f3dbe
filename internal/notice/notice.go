// Package notice tells a person of what has changed (NOT-1, NOT-2): by mail to
// every notification address and to the university mailbox, and, of a change, by
// a banner at the next sign-in.
//
// [Kinds] is the closed list of what is told, and in which words. A notice is
// queued in the transaction of the act, so that no change goes untold. It holds
// no number and no link (NOT-3).
package notice

import (
	"context"
	"fmt"
	"strings"
	"time"

	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/web"
)

// Notice is one change that a person is told of.
type Notice struct {
	Kind       Kind
	Subscriber directory.Subscriber
	At         time.Time
	Browser    mail.Text   // such as Chrome・Windows; empty if no browser of the person had a part in it
	Place      mail.Text   // such as 学内; not shown without a browser
	Values     mail.Values // of the kind's placeholders; see [Kind.Placeholders]
	Also       []string    // addresses that were just removed (NOT-2)
}

// Tx is what a notice needs of the transaction of the act.
type Tx interface {
	mail.Queue
	// NotificationAddresses returns the subscriber's confirmed addresses.
	NotificationAddresses(ctx context.Context, subscriberID string) ([]string, error)
	// KeepChange keeps a change for the next sign-in.
	KeepChange(ctx context.Context, c Change) error
}

// Service tells people.
type Service struct {
	Outbox *mail.Outbox
}

// Tell queues the mails of a notice, one for each address, and keeps a change for
// the next sign-in. It fails if the
// notice lacks a value, and if any of the mails cannot be queued: then the act
// must not happen either.
func (s *Service) Tell(ctx context.Context, tx Tx, n Notice) error {
	letter, err := n.letter()
	if err != nil {
		return err
	}
	addresses, err := tx.NotificationAddresses(ctx, n.Subscriber.ID)
	if err != nil {
		return fmt.Errorf("notice: %s: %w", n.Kind, err)
	}
	if c, is := n.change(); is {
		if err := tx.KeepChange(ctx, c); err != nil {
			return fmt.Errorf("notice: %s: %w", n.Kind, err)
		}
	}
	for _, address := range once(addresses, n.Also, mailbox(n.Subscriber)) {
		to := mail.Envelope{SubscriberID: n.Subscriber.ID, To: address, Lang: n.Subscriber.Language}
		if err := s.Outbox.Queue(ctx, tx, to, letter); err != nil {
			return fmt.Errorf("notice: %s: %w", n.Kind, err)
		}
	}
	return nil
}

// mailbox returns the university mailbox, if mail can be sent there: what an
// institution's directory has in its place must not keep a person out.
func mailbox(s directory.Subscriber) []string {
	if mail.CheckAddress(s.Mailbox) != nil {
		return nil
	}
	return []string{s.Mailbox}
}

func (n Notice) letter() (mail.Notice, error) {
	words, ok := kinds[n.Kind]
	if !ok {
		return mail.Notice{}, fmt.Errorf("notice: no kind %q", n.Kind)
	}
	for _, name := range n.Kind.Placeholders() {
		if n.Values[name] == nil { // also where the site has a placeholder of that name
			return mail.Notice{}, fmt.Errorf("notice: %s: no value for {%s}", n.Kind, name)
		}
	}
	return mail.Notice{
		Subject: mail.Phrase{Text: words.Subject},
		What:    mail.Phrase{Text: words.What, Values: n.Values},
		More:    mail.Phrase{Text: words.More, Values: n.Values},
		At:      n.At,
		SPSID:   mail.Word(n.Subscriber.SPSID),
		Device:  n.Browser,
		Place:   n.Place,
	}, nil
}

// Words returns a text of the catalogue in both languages.
type Words func(key string, args ...any) mail.Text

// Device is how a notice calls a browser.
func Device(c web.Client, words Words) mail.Text {
	if c.Browser == "" || c.System == "" {
		return mail.Same(c.Name())
	}
	return words("common.device", "browser", c.Browser, "os", c.System)
}

// Place is how a notice calls where a browser is.
func Place(c web.Client, words Words) mail.Text {
	if c.Campus {
		return words("common.place_campus")
	}
	return words("common.place_outside")
}

// once returns every address one time, whatever its capitals, and no empty one.
func once(lists ...[]string) (addresses []string) {
	seen := map[string]bool{"": true}
	for _, list := range lists {
		for _, address := range list {
			folded := strings.ToLower(address)
			if !seen[folded] {
				addresses = append(addresses, address)
			}
			seen[folded] = true
		}
	}
	return addresses
}
