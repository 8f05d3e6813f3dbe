package saml

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"warifu/internal/alarm"
	"warifu/internal/federation"
)

const (
	feedCache     = 1000            // services that are kept, and names that are not there
	feedCacheTime = 5 * time.Second // after which a switch on another node is seen
)

// Feeds are the services that feeds describe: fetched by one of the nodes, kept in
// the database, looked up one by one. InTx and View may run their function more
// than once.
type Feeds struct {
	Feeds    []Feed   // an earlier one beats a later one
	Allowed  []string // attributes that a service gets if it asks for them
	Loopback bool     // we are reached by http, on loopback
	InTx     func(ctx context.Context, fn func(FeedTx) error) error
	View     func(ctx context.Context, fn func(FeedReader) error) error
	Verify   Verify
	Client   *http.Client // of [NewFeedClient]
	Alarm    *alarm.Watch
	Log      *slog.Logger
	Now      func() time.Time

	mu      sync.Mutex
	looked  *lru[lookedUp]
	answers answers
}

var _ federation.Feeds = (*Feeds)(nil)

// lookedUp is a service, or that there is none.
type lookedUp struct {
	at      time.Time
	service federation.Service // without an id if there is none
}

func (l lookedUp) found() (federation.Service, error) {
	if l.service.ID == "" {
		return federation.Service{}, federation.ErrNoService
	}
	return l.service, nil
}

// Entity implements [federation.Feeds]. It asks Metadata Query servers for what
// nobody has asked them lately.
func (f *Feeds) Entity(ctx context.Context, entityID string) (federation.Service, error) {
	if entityID == "" || len(entityID) > maxEntityID {
		return federation.Service{}, federation.ErrNoService
	}
	return f.lookUp(ctx, "entity "+entityID, entityID, func(tx FeedReader) ([]Stored, error) { return tx.FeedEntity(ctx, entityID) })
}

// Service implements [federation.Feeds]. It asks no server: whoever has the id has
// come by the entityID before.
func (f *Feeds) Service(ctx context.Context, id string) (federation.Service, error) {
	return f.lookUp(ctx, "id "+id, "", func(tx FeedReader) ([]Stored, error) { return tx.FeedService(ctx, id) })
}

// lookUp returns what was read a moment ago, or reads. Servers are asked for the
// entityID, if there is one.
func (f *Feeds) lookUp(ctx context.Context, key, entityID string, read func(FeedReader) ([]Stored, error)) (federation.Service, error) {
	now := f.now()
	f.mu.Lock()
	if f.looked == nil {
		f.looked = newLRU[lookedUp](feedCache)
	}
	known, ok := f.looked.get(key)
	f.mu.Unlock()
	if ok && now.Before(known.at.Add(feedCacheTime)) {
		return known.found()
	}
	var states []FeedState
	var stored []Stored
	err := f.View(ctx, func(tx FeedReader) (err error) {
		if states, err = tx.FeedStates(ctx); err == nil {
			stored, err = read(tx)
		}
		return err
	})
	if err != nil {
		return federation.Service{}, err
	}
	looked := lookedUp{at: now}
	if looked.service, err = f.choose(ctx, states, stored, entityID); err != nil {
		return federation.Service{}, err
	}
	f.mu.Lock()
	f.looked.put(key, looked)
	f.mu.Unlock()
	return looked.found()
}

// choose returns the service of the first feed, in the order of the configuration,
// that has one now; a service without an id if none has.
func (f *Feeds) choose(ctx context.Context, states []FeedState, stored []Stored, entityID string) (federation.Service, error) {
	var silent error // of a server, which counts if no other feed has the service
	for _, feed := range f.Feeds {
		s, err := f.of(ctx, feed, stateOf(states, feed.ID), stored, entityID)
		if asked, ok := errors.AsType[*askError](err); ok {
			silent, err = asked, nil
		}
		if err != nil {
			return federation.Service{}, err
		}
		if s == nil {
			continue
		}
		var r Record
		if err := json.Unmarshal(s.Record, &r); err != nil {
			return federation.Service{}, fmt.Errorf("saml: record: %w", err)
		}
		if feed.admits(r.Registrar) {
			return f.service(feed, r, s.ValidUntil)
		}
	}
	return federation.Service{}, silent
}

// of returns what one feed says now, with the end of that, or nil.
func (f *Feeds) of(ctx context.Context, feed Feed, state FeedState, stored []Stored, entityID string) (*Stored, error) {
	now := f.now()
	var found *Stored // of a server; what an aggregate has is good until no time by itself
	for _, s := range stored {
		switch {
		case s.Feed != feed.ID:
		case feed.MDQ && now.Before(s.ValidUntil) && feed.trusts(s.Signer): //guard:SAML-7
			found = &s
		case !feed.MDQ && s.Generation == state.Generation && state.counts(feed, now):
			s.ValidUntil = state.ValidUntil
			return &s, nil
		}
	}
	if !feed.MDQ || entityID == "" || found != nil && now.Before(found.FreshUntil) {
		return found, nil
	}
	asked, err := f.ask(ctx, feed, entityID)
	if err != nil && found != nil { // it stays good until its own end
		return found, nil
	}
	return asked, err
}

func stateOf(states []FeedState, id string) FeedState {
	for _, s := range states {
		if s.ID == id {
			return s
		}
	}
	return FeedState{ID: id}
}

// service returns what all protocols know of a service of a feed, good until a
// time.
func (f *Feeds) service(feed Feed, r Record, until time.Time) (federation.Service, error) {
	if r.ValidUntil.IsZero() || until.Before(r.ValidUntil) {
		r.ValidUntil = until
	}
	record, err := json.Marshal(r)
	if err != nil {
		return federation.Service{}, fmt.Errorf("saml: record: %w", err)
	}
	s := federation.Service{ID: RecordID(r.EntityID), Name: r.Name, Owner: r.Owner, Protocol: federation.SAML, Feed: feed.ID,
		Release: releaseOf(r, f.Allowed), Consent: federation.ConsentOnChange, PrivacyURL: r.PrivacyURL}
	s.EntityID, s.Metadata = r.EntityID, string(record)
	return s, nil
}

// List returns all services of a feed that count now. There may be thousands.
func (f *Feeds) List(ctx context.Context, feed Feed) (all []federation.Service, err error) {
	var state FeedState
	var stored []Stored
	err = f.View(ctx, func(tx FeedReader) error {
		states, err := tx.FeedStates(ctx)
		if err != nil {
			return err
		}
		state = stateOf(states, feed.ID)
		stored, err = tx.FeedServices(ctx, feed.ID, state.Generation)
		return err
	})
	if err != nil {
		return nil, err
	}
	alone := &Feeds{Feeds: []Feed{feed}, Allowed: f.Allowed, Now: f.Now}
	for _, s := range stored {
		service, err := alone.choose(ctx, []FeedState{state}, []Stored{s}, "")
		if err != nil {
			return nil, err
		}
		if service.ID != "" {
			all = append(all, service)
		}
	}
	return all, nil
}
