package saml

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"warifu/internal/alarm"
	"warifu/internal/audit"
	"warifu/internal/mail"
)

// FeedsEvery is how often a node looks whether a feed is due.
const FeedsEvery = 30 * time.Second

const (
	feedLock  = 15 * time.Minute // longer than a fetch with all that follows can take
	feedTime  = 10 * time.Minute
	feedRetry = 15 * time.Minute // after a fault, or the usual pause if that is shorter
	feedBatch = 200              // services that are stored at once
)

// leastShare is how many of the former services, of a hundred, new metadata must
// have: a federation does not lose a fifth of its services in an hour.
const leastShare = 80

// EventFeed is the event of the audit trail that other metadata count.
const EventFeed audit.Name = "saml.feed"

// The alarms, each at most once a day for each feed: after so many failures, at so
// much of the validity, with so many hours left.
const (
	mostFailures = 3
	mostAge      = 50 // percent
	leastHours   = 24
	alarmEvery   = 24 * time.Hour
)

var (
	feedFails   = alarm.Rule{Name: "feed fails", Text: mail.Text{Japanese: "メタデータの取得・検証の連続失敗", English: "Failures of a metadata feed, one after another"}}
	feedAges    = alarm.Rule{Name: "feed ages", Text: mail.Text{Japanese: "メタデータの有効期間の経過（％）", English: "Percent of the validity of a metadata feed that are gone"}}
	feedRunsOut = alarm.Rule{Name: "feed runs out", Text: mail.Text{Japanese: "メタデータの有効期限までの時間（時間）", English: "Hours until a metadata feed runs out"}}
)

// ErrFeedBusy means that another node fetches the feed at this moment.
var ErrFeedBusy = errors.New("saml: another node fetches the feed at this moment")

// feedTx is what the end of a fetch needs besides.
type feedTx interface {
	FeedTx
	alarm.RaiseTx
}

// Refresh fetches the feeds that are due and that no other node fetches. It is a
// job; what is wrong with a feed is in its state, the log and the alarms, and
// keeps no other feed from being fetched.
func (f *Feeds) Refresh(ctx context.Context) error {
	var states []FeedState
	err := f.View(ctx, func(tx FeedReader) (err error) {
		states, err = tx.FeedStates(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var trouble []error
	for _, feed := range f.Feeds {
		state := stateOf(states, feed.ID)
		if feed.MDQ || f.Now().Before(state.NextAt) || f.Now().Before(state.LockedUntil) {
			continue
		}
		if _, err := f.RefreshOne(ctx, feed); err != nil && !errors.Is(err, ErrFeedBusy) {
			trouble = append(trouble, err)
		}
	}
	return errors.Join(append(trouble, f.forget(ctx, states))...)
}

// RefreshOne fetches a feed that is due, and returns what has become of it; its
// error is [ErrFeedBusy], or trouble of the database.
func (f *Feeds) RefreshOne(ctx context.Context, feed Feed) (FeedState, error) {
	now := f.now()
	var state FeedState
	var mine bool
	err := f.InTx(ctx, func(tx FeedTx) (err error) {
		state, mine, err = tx.ClaimFeed(ctx, feed.ID, now, now.Add(feedLock))
		return err
	})
	if err != nil {
		return state, err
	}
	if !mine {
		return state, ErrFeedBusy
	}
	working, cancel := context.WithTimeout(ctx, feedTime)
	defer cancel()
	former := state
	fault := f.update(working, feed, &state)
	if fault != nil {
		f.Log.Error("metadata of a feed are not taken", "feed", feed.ID, "failures", former.Failures+1, "err", fault)
		state = former
		state.Failures++
		state.Fault = told(fault)
		state.NextAt = f.now().Add(min(feed.refresh(), feedRetry))
		if shrunk, ok := errors.AsType[*shrunkError](fault); ok {
			state.Shrunk = shrunk.services
		}
	}
	// A node that is told to end gives the feed to others.
	return state, f.finish(context.WithoutCancel(ctx), feed, former, state)
}

// now is exact to what the store keeps.
func (f *Feeds) now() time.Time { return f.Now().Truncate(time.Millisecond) }

// shrunkError means that metadata have far fewer services than before.
type shrunkError struct{ services, former int64 }

func (e *shrunkError) Error() string {
	return fmt.Sprintf("saml: %d services instead of %d; if that is right: warifu client feed accept", e.services, e.former)
}

// update fetches and verifies, and puts what is found into the state. The services
// are stored under the generation that was claimed, which nobody reads yet.
func (f *Feeds) update(ctx context.Context, feed Feed, state *FeedState) (err error) {
	got, err := f.fetch(ctx, feed, *state)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, got.close()) }()
	state.ETag, state.LastModified = got.etag, got.lastModified
	state.CheckedAt, state.NextAt = f.now(), f.now().Add(feed.refresh())
	state.Failures, state.Fault, state.Shrunk = 0, "", 0
	if got.document == nil {
		if !f.now().Before(state.ValidUntil) {
			return refuseFeed("they have run out, and there are no others")
		}
		return nil
	}
	check, err := f.check(feed)
	if err != nil {
		return err
	}
	batch := &batch{feed: feed.ID, generation: state.Claimed, put: func(all []Stored) error {
		return f.InTx(ctx, func(tx FeedTx) error { return tx.AddFeedServices(ctx, all) })
	}}
	summary, err := f.Verify(ctx, io.LimitReader(got.document, maxFeed+1), check, batch.add)
	if err == nil {
		err = batch.flush()
	}
	if err != nil {
		return err
	}
	return f.take(feed, state, summary)
}

func (f *Feeds) check(feed Feed) (Check, error) {
	keys, err := feed.keys()
	c := Check{MaxValidity: feed.maxValidity(), Now: f.now(), Loopback: f.Loopback}
	for _, key := range keys {
		c.Certificates = append(c.Certificates, key.Raw)
	}
	return c, err
}

// take makes the generation that was claimed the one that counts, if it has enough
// services.
func (f *Feeds) take(feed Feed, state *FeedState, s Summary) error {
	former := state.Services
	if state.Accepted > 0 {
		former = min(former, state.Accepted)
	}
	if int64(s.Services)*100 < former*leastShare { //guard:SAML-7
		return &shrunkError{services: int64(s.Services), former: state.Services}
	}
	if s.LeftOut > 0 {
		f.Log.Warn("services of a feed cannot be used", "feed", feed.ID, "services", s.LeftOut, "err", s.Faults)
	}
	state.Generation, state.Services, state.LeftOut = state.Claimed, int64(s.Services), int64(s.LeftOut)
	state.ValidUntil, state.Signer, state.Source, state.Since = s.ValidUntil, s.Signer, feed.source(), f.now()
	return nil
}

// finish stores what has become of a fetch: with one statement all nodes read the
// new services instead of the former ones. Then what nobody reads is deleted.
func (f *Feeds) finish(ctx context.Context, feed Feed, former, state FeedState) error {
	var mine bool
	err := f.InTx(ctx, func(tx FeedTx) (err error) {
		if mine, err = tx.PutFeed(ctx, state); err != nil || !mine {
			return err
		}
		return f.tell(ctx, tx, former, state)
	})
	switch {
	case err != nil:
		return err
	case !mine:
		return ErrFeedBusy
	case state.Generation == state.Claimed:
		f.Log.Info("metadata of a feed are taken", "feed", feed.ID, "services", state.Services, "until", state.ValidUntil)
		return f.remove(ctx, feed.ID, 1, state.Generation-1)
	case state.Failures > 0:
		return f.remove(ctx, feed.ID, state.Claimed, state.Claimed)
	}
	return nil
}

// tell records that other services count, and raises the alarms.
func (f *Feeds) tell(ctx context.Context, tx FeedTx, former, state FeedState) error {
	more, ok := tx.(feedTx)
	if !ok {
		return errors.New("saml: a transaction that records nothing")
	}
	if state.Generation != former.Generation {
		err := more.AppendAudit(ctx, audit.Event{At: f.now(), Name: EventFeed, Outcome: "taken", Target: state.ID, Detail: map[string]string{
			"services": fmt.Sprint(state.Services), "until": state.ValidUntil.Format(time.RFC3339), "signer": state.Signer}})
		if err != nil {
			return err
		}
	}
	for _, finding := range findings(state, f.now()) {
		if _, err := f.Alarm.RaiseRarely(ctx, more, finding, alarmEvery); err != nil {
			return err
		}
	}
	return nil
}

// findings are what the administrators are told of a feed.
func findings(s FeedState, now time.Time) (all []alarm.Finding) {
	add := func(rule alarm.Rule, n, limit int64) {
		all = append(all, alarm.Finding{Rule: rule, What: s.ID, N: n, Limit: limit})
	}
	if s.Failures >= mostFailures {
		add(feedFails, s.Failures, mostFailures-1)
	}
	whole, left := s.ValidUntil.Sub(s.Since), s.ValidUntil.Sub(now)
	switch {
	case s.Generation == 0:
	case left <= leastHours*time.Hour:
		add(feedRunsOut, max(0, int64(left/time.Hour)), leastHours)
	case whole > 0 && int64(100*(whole-left)/whole) >= mostAge:
		add(feedAges, int64(100*(whole-left)/whole), mostAge)
	}
	return all
}

func (f *Feeds) remove(ctx context.Context, feed string, from, to int64) error {
	for more := true; more; {
		err := f.InTx(ctx, func(tx FeedTx) (err error) {
			more, err = tx.RemoveFeedServices(ctx, feed, from, to)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forget deletes the feeds that are not in the configuration, once they have run
// out: before that, another node may still have them there.
func (f *Feeds) forget(ctx context.Context, states []FeedState) error {
	for _, s := range states {
		configured := slices.ContainsFunc(f.Feeds, func(feed Feed) bool { return feed.ID == s.ID })
		if configured || f.Now().Before(s.ValidUntil) || f.Now().Before(s.LockedUntil) {
			continue
		}
		if err := f.remove(ctx, s.ID, 0, s.Claimed); err != nil {
			return err
		}
		if err := f.InTx(ctx, func(tx FeedTx) error { return tx.ForgetFeed(ctx, s.ID) }); err != nil {
			return err
		}
	}
	return nil
}

// batch gathers the services of a generation.
type batch struct {
	feed       string
	generation int64
	put        func([]Stored) error
	all        []Stored
}

func (b *batch) add(r Record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b.all = append(b.all, Stored{Feed: b.feed, Generation: b.generation, EntityID: r.EntityID, Record: text})
	if len(b.all) < feedBatch {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	if len(b.all) == 0 {
		return nil
	}
	err := b.put(b.all)
	b.all = b.all[:0]
	return err
}
