package saml

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	askTime     = 10 * time.Second // for an answer: somebody waits
	asksAtOnce  = 4                // of one node; whoever makes up names keeps no more busy
	noneFor     = 2 * time.Minute  // that a server has no such service is believed
	brokenFor   = 30 * time.Second // that it does not answer
	mostAnswers = 20_000           // of one server that are stored
)

// answers is what a node remembers of servers that gave it no service.
type answers struct {
	asking chan struct{}
	none   *lru[nothing]
}

// nothing is why there is no service, and until when that is believed.
type nothing struct {
	until time.Time
	err   error // nil: the server has none
}

// askError means that a Metadata Query server does not answer, or not as it should.
type askError struct{ err error }

func (e *askError) Error() string { return e.err.Error() }
func (e *askError) Unwrap() error { return e.err }

// Unavailable tells whoever does not know this package what kind of error it is.
func (*askError) Unavailable() bool { return true }

// ask returns what a Metadata Query server says of an entityID (Metadata Query
// Protocol, draft-young-md-query), or nil if it has no such service. What it has
// answered is stored, for all nodes, and asked for again after the usual pause; a
// server that fails is left alone for a while.
func (f *Feeds) ask(ctx context.Context, feed Feed, entityID string) (*Stored, error) {
	key := feed.ID + " " + entityID
	now := f.now()
	f.mu.Lock()
	if f.answers.none == nil {
		f.answers = answers{asking: make(chan struct{}, asksAtOnce), none: newLRU[nothing](feedCache)}
	}
	known, ok := f.answers.none.get(key)
	f.mu.Unlock()
	if ok && now.Before(known.until) {
		return nil, known.err
	}
	s, err := f.askServer(ctx, feed, entityID)
	if err == nil && s != nil {
		return s, f.InTx(ctx, func(tx FeedTx) error { return tx.PutAnswer(ctx, *s, mostAnswers, now) })
	}
	none := nothing{until: now.Add(noneFor)}
	if err != nil {
		f.Log.Warn("a server of metadata gives no answer", "feed", feed.ID, "err", told(err))
		none = nothing{until: now.Add(brokenFor), err: &askError{err}}
	}
	f.mu.Lock()
	f.answers.none.put(key, none)
	f.mu.Unlock()
	return nil, none.err
}

func (f *Feeds) askServer(ctx context.Context, feed Feed, entityID string) (*Stored, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	select {
	case f.answers.asking <- struct{}{}:
		defer func() { <-f.answers.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, askAddress(feed.URL, entityID), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/samlmetadata+xml")
	answer, err := f.Client.Do(r)
	if err != nil {
		return nil, withoutAddress(err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return f.readAnswer(feed, entityID, io.LimitReader(answer.Body, maxEntity+1))
	case http.StatusNotFound:
		return nil, nil // there is no such service, and that is no fault
	}
	return nil, fmt.Errorf("saml: the answer is %d", answer.StatusCode)
}

// askAddress is where a server answers for one entity: whatever has a meaning in an
// address is escaped in the name.
func askAddress(server, entityID string) string {
	return strings.TrimSuffix(server, "/") + "/entities/" + strings.ReplaceAll(url.QueryEscape(entityID), "+", "%20")
}

var errOtherEntity = errors.New("saml: the answer is about another entity")

// readAnswer verifies what a server says of one entity. It is short enough to be
// read in this process.
func (f *Feeds) readAnswer(feed Feed, entityID string, document io.Reader) (*Stored, error) {
	check, err := f.check(feed)
	if err != nil {
		return nil, err
	}
	var record *Record
	summary, err := ReadFeed(document, check, func(r Record) error {
		if r.EntityID != entityID || record != nil { //guard:SAML-7
			return errOtherEntity
		}
		record = &r
		return nil
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	fresh := feed.refresh()
	if summary.CacheDuration > 0 {
		fresh = min(fresh, summary.CacheDuration)
	}
	s := &Stored{Feed: feed.ID, EntityID: entityID, Record: text, Signer: summary.Signer, ValidUntil: summary.ValidUntil, FreshUntil: check.Now.Add(fresh)}
	if s.ValidUntil.Before(s.FreshUntil) {
		s.FreshUntil = s.ValidUntil
	}
	return s, nil
}
