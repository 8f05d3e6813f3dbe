package federation

import (
	"context"
	"errors"
	"testing"
	"time"
)

// described are the services of feeds.
type described []Service

func (d described) find(is func(Service) bool) (Service, error) {
	for _, s := range d {
		if is(s) {
			return s, nil
		}
	}
	return Service{}, ErrNoService
}

func (d described) Entity(_ context.Context, entityID string) (Service, error) {
	return d.find(func(s Service) bool { return s.EntityID == entityID })
}

func (d described) Service(_ context.Context, id string) (Service, error) {
	return d.find(func(s Service) bool { return s.ID == id })
}

// TestOwnRecordBeatsFeed finds services of feeds where no own record has their
// entityID. One that is switched off is so for feeds, too, and one without metadata
// has those of the feed, and its own policy.
func TestOwnRecordBeatsFeed(t *testing.T) {
	sp := func(id, entity, metadata, feed string) Service {
		return Service{ID: id, Name: Text{English: id}, Protocol: SAML, Feed: feed, ServiceProvider: ServiceProvider{EntityID: entity, Metadata: metadata}}
	}
	off, strict := sp("off", "urn:off", "own", ""), sp("strict", "urn:strict", "", "")
	off.Disabled, strict.Require = true, RequireMFA
	services := &Services{
		Configured: []Service{sp("own", "urn:own", "own", ""), off, strict, sp("gone", "urn:gone", "", "")},
		Feeds: described{sp("sp-1", "urn:own", "feed", "f"), sp("sp-2", "urn:off", "feed", "f"), sp("sp-3", "urn:strict", "feed", "f"),
			sp("sp-4", "urn:other", "feed", "f")},
		Now: func() time.Time { return noon }, View: func(_ context.Context, fn func(ServiceReader) error) error { return fn(&shelf{}) },
	}
	for name, want := range map[string]struct{ id, metadata, feed string }{
		"urn:own": {"own", "own", ""}, "urn:off": {}, "urn:strict": {"strict", "feed", "f"}, "urn:other": {"sp-4", "feed", "f"}, "urn:gone": {}, "urn:none": {},
	} {
		got, err := services.FindEntity(t.Context(), name)
		if got.ID != want.id || got.Metadata != want.metadata || got.Feed != want.feed || (want.id == "") != errors.Is(err, ErrNoService) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if want.id == "strict" && got.Require != RequireMFA {
			t.Errorf("%+v", got)
		}
	}
	for id, want := range map[string]string{"own": "own", "strict": "feed", "sp-1": "", "sp-2": "", "sp-3": "", "sp-4": "feed", "off": "", "gone": ""} {
		if got, err := services.Find(t.Context(), id); got.Metadata != want || (want == "") != errors.Is(err, ErrNoService) {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	for id, want := range map[string]string{"off": "off", "sp-4": "sp-4", "sp-9": ""} {
		if got, err := services.Name(t.Context(), id); got.English != want || err != nil {
			t.Errorf("the name of %s: %q, %v", id, got.English, err)
		}
	}
}
