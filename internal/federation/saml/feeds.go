package saml

import (
	"context"
	"encoding/json"
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

// Entity implements [federation.Feeds].
func (f *Feeds) Entity(ctx context.Context, entityID string) (federation.Service, error) {
	service, err := f.lookUp("entity "+entityID, func(states *[]FeedState, stored *[]Stored) error {
		return f.View(ctx, func(tx FeedReader) (err error) {
			if *states, err = tx.FeedStates(ctx); err == nil {
				*stored, err = tx.FeedEntity(ctx, entityID)
			}
			return err
		})
	})
	if err != nil || service.ID != "" || len(entityID) > maxEntityID {
		return found(service, err)
	}
	service, err = f.ask(ctx, entityID)
	return found(service, err)
}

// Service implements [federation.Feeds]. It asks no server: whoever has the id has
// come by the entityID before.
func (f *Feeds) Service(ctx context.Context, id string) (federation.Service, error) {
	return found(f.lookUp("id "+id, func(states *[]FeedState, stored *[]Stored) error {
		return f.View(ctx, func(tx FeedReader) (err error) {
			if *states, err = tx.FeedStates(ctx); err == nil {
				*stored, err = tx.FeedService(ctx, id)
			}
			return err
		})
	}))
}

func found(service federation.Service, err error) (federation.Service, error) {
	if err == nil && service.ID == "" {
		err = federation.ErrNoService
	}
	return service, err
}

// lookUp returns what was read a moment ago, or reads; a service without an id if
// there is none.
func (f *Feeds) lookUp(key string, read func(*[]FeedState, *[]Stored) error) (federation.Service, error) {
	now := f.Now()
	f.mu.Lock()
	if f.looked == nil {
		f.looked = newLRU[lookedUp](feedCache)
	}
	known, ok := f.looked.get(key)
	f.mu.Unlock()
	if ok && now.Before(known.at.Add(feedCacheTime)) {
		return known.service, nil
	}
	var states []FeedState
	var stored []Stored
	if err := read(&states, &stored); err != nil {
		return federation.Service{}, err
	}
	service, err := f.choose(states, stored, now)
	if err != nil {
		return federation.Service{}, err
	}
	f.mu.Lock()
	f.looked.put(key, lookedUp{at: now, service: service})
	f.mu.Unlock()
	return service, nil
}

// choose returns the service of the first feed, in the order of the configuration,
// that has one now.
func (f *Feeds) choose(states []FeedState, stored []Stored, now time.Time) (federation.Service, error) {
	for _, feed := range f.Feeds {
		state := stateOf(states, feed.ID)
		for _, s := range stored {
			until, counts := state.ValidUntil, state.counts(feed, now) && s.Generation == state.Generation
			if feed.MDQ {
				until, counts = s.ValidUntil, s.Generation == 0 && now.Before(s.FreshUntil) && now.Before(s.ValidUntil) && feed.trusts(s.Signer) //guard:SAML-7
			}
			if s.Feed != feed.ID || !counts {
				continue
			}
			var r Record
			if err := json.Unmarshal(s.Record, &r); err != nil {
				return federation.Service{}, fmt.Errorf("saml: record: %w", err)
			}
			if feed.admits(r.Registrar) {
				return f.service(feed, r, until)
			}
		}
	}
	return federation.Service{}, nil
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
	alone := &Feeds{Feeds: []Feed{feed}, Allowed: f.Allowed}
	for _, s := range stored {
		service, err := alone.choose([]FeedState{state}, []Stored{s}, f.Now())
		if err != nil {
			return nil, err
		}
		if service.ID != "" {
			all = append(all, service)
		}
	}
	return all, nil
}
