package account

import (
	"time"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/session"
	"warifu/internal/web"
)

// Actor is a person who is signed in, in one session of one browser.
type Actor struct {
	web.Client
	SubscriberID string
	SessionID    string
}

// NewActor returns who acts at a page.
func NewActor(v *session.Visit, c web.Client) Actor {
	return Actor{Client: c, SubscriberID: v.Subscriber.ID, SessionID: v.Session.ID}
}

// event is what is recorded of something that a person does to his own account.
func (a Actor) event(name audit.Name, outcome string, now time.Time) audit.Event {
	return audit.Event{At: now, Name: name, Actor: a.SubscriberID, Subscriber: a.SubscriberID, Target: a.SessionID, Outcome: outcome,
		Address: a.Address.String(), AgentHash: audit.HashAgent(a.Agent), Detail: a.device()}
}

// device is the browser, for the person's own history.
func (a Actor) device() map[string]string {
	if a.Name() == "" {
		return nil
	}
	return map[string]string{audit.DetailDevice: a.Name()}
}

// notice tells the person of it.
func (a Actor) notice(kind notice.Kind, who directory.Subscriber, words notice.Words, values mail.Values, now time.Time) notice.Notice {
	return notice.Notice{Kind: kind, Subscriber: who, At: now, Browser: notice.Device(a.Client, words), Place: notice.Place(a.Client, words), Values: values}
}
