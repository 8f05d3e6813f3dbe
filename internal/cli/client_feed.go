package cli

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"warifu/internal/app"
	"warifu/internal/audit"
	"warifu/internal/federation/saml"
	"warifu/internal/store"
)

// verifyFeedCommand is how the server verifies metadata in a process of its own.
type verifyFeedCommand struct{}

// Run answers the process that has started this one.
func (verifyFeedCommand) Run(env *Env) error { return saml.VerifyHere(env.In, env.Out) }

type clientFeedCommand struct {
	List    feedListCommand    `cmd:"" help:"List the feeds, and what has become of them."`
	Refresh feedRefreshCommand `cmd:"" help:"Fetch a feed now."`
	Accept  feedAcceptCommand  `cmd:"" help:"Take the metadata of a feed although they have far fewer services than before."`
}

type feedListCommand struct {
	withConfig
	JSON bool `help:"Print JSON."`
}

// Run lists the feeds of the configuration.
func (c feedListCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		states, err := feedStates(env, a)
		if err != nil {
			return err
		}
		if c.JSON {
			return env.JSON(states)
		}
		for _, s := range states {
			if err := printFeed(env, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// feedStates returns the states of the configured feeds, in their order.
func feedStates(env *Env, a *app.App) ([]saml.FeedState, error) {
	var stored []saml.FeedState
	err := a.Feeds.View(env.Context, func(tx saml.FeedReader) (err error) {
		stored, err = tx.FeedStates(env.Context)
		return err
	})
	states := make([]saml.FeedState, 0, len(a.Feeds.Feeds))
	for _, feed := range a.Feeds.Feeds {
		state := saml.FeedState{ID: feed.ID}
		for _, s := range stored {
			if s.ID == feed.ID {
				state = s
			}
		}
		states = append(states, state)
	}
	return states, err
}

func printFeed(env *Env, s saml.FeedState) error {
	err := env.Printf("%-20s %6d services, %d left out, valid until %s, checked %s\n", s.ID, s.Services, s.LeftOut, moment(s.ValidUntil), moment(s.CheckedAt))
	if err == nil && s.Fault != "" {
		err = env.Printf("  failed %d times: %s\n", s.Failures, s.Fault)
	}
	return err
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// onFeed is embedded by the commands about one feed.
type onFeed struct {
	withConfig
	ID string `arg:"" help:"The id of the feed."`
}

// feed returns the feed of the configuration.
func (c onFeed) feed(a *app.App) (saml.Feed, error) {
	feed, ok := a.Config.SAML.Feed(c.ID)
	if !ok {
		return feed, fmt.Errorf("the configuration has no feed %q", c.ID)
	}
	if feed.MDQ {
		return feed, fmt.Errorf("the feed %q is asked for each service when that first comes", c.ID)
	}
	return feed, nil
}

type feedRefreshCommand struct{ onFeed }

// Run fetches a feed, and fails if what it has got is not taken.
func (c feedRefreshCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		feed, err := c.feed(a)
		if err != nil {
			return err
		}
		return refreshFeed(env, a, feed, 0)
	})
}

// refreshFeed makes a feed due, and fetches it; accepted is a number of services
// that is enough.
func refreshFeed(env *Env, a *app.App, feed saml.Feed, accepted int64) error {
	err := a.Feeds.InTx(env.Context, func(tx saml.FeedTx) error {
		_, err := tx.HurryFeed(env.Context, feed.ID, accepted)
		return err
	})
	if err != nil {
		return err
	}
	state, err := a.Feeds.RefreshOne(env.Context, feed)
	if err != nil {
		return err
	}
	if state.Fault != "" {
		return errors.New(state.Fault)
	}
	return printFeed(env, state)
}

type feedAcceptCommand struct{ onFeed }

var errNothingShrunk = errors.New("nothing was refused for the number of its services")

// Run accepts the number of services for which the last metadata were refused, and
// fetches them again.
func (c feedAcceptCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		feed, err := c.feed(a)
		if err != nil {
			return err
		}
		states, err := feedStates(env, a)
		if err != nil {
			return err
		}
		var shrunk int64
		for _, s := range states {
			if s.ID == feed.ID {
				shrunk = cmp.Or(s.Shrunk, s.Accepted)
			}
		}
		if shrunk == 0 {
			return errNothingShrunk
		}
		err = store.In[clientTx](a.DB)(env.Context, func(tx clientTx) error {
			return tx.AppendAudit(env.Context, audit.Event{At: env.Now(), Name: saml.EventFeed, Actor: "command", Target: feed.ID, Outcome: "accepted",
				Detail: map[string]string{"services": fmt.Sprint(shrunk)}})
		})
		if err != nil {
			return err
		}
		return refreshFeed(env, a, feed, shrunk)
	})
}
