package saml

import (
	"context"
	"time"
)

// FeedState is what has become of a feed, as all nodes see it.
type FeedState struct {
	ID           string    `json:"id"`
	Generation   int64     `json:"-"` // whose services count; 0: none yet
	Claimed      int64     `json:"-"` // of the fetch that is going on, or of the last one
	LockedUntil  time.Time `json:"-"`
	NextAt       time.Time `json:"next_at,omitzero"`
	Services     int64     `json:"services"` // that count
	LeftOut      int64     `json:"left_out"` // that cannot be used
	Signer       string    `json:"signer,omitempty"`
	ValidUntil   time.Time `json:"valid_until,omitzero"`
	Since        time.Time `json:"since,omitzero"`      // these metadata were taken
	CheckedAt    time.Time `json:"checked_at,omitzero"` // the last fetch without a fault
	Source       string    `json:"source,omitempty"`
	ETag         string    `json:"-"`
	LastModified string    `json:"-"`
	Failures     int64     `json:"failures"` // since then
	Fault        string    `json:"fault,omitempty"`
	Shrunk       int64     `json:"shrunk,omitempty"` // services of metadata that were refused for their number
	Accepted     int64     `json:"-"`                // that number, once an administrator has accepted it
}

// counts reports whether the services of the feed may be used. A feed that was never
// taken is good until no time at all.
func (s FeedState) counts(feed Feed, now time.Time) bool {
	return now.Before(s.ValidUntil) && feed.trusts(s.Signer) //guard:SAML-7
}

// Stored is a service of a feed as it is stored.
type Stored struct {
	Feed       string
	Generation int64 // 0: the answer of a Metadata Query server
	EntityID   string
	Record     []byte    // [Record] as JSON
	Signer     string    // only of an answer, as are the next two
	ValidUntil time.Time // it counts
	FreshUntil time.Time // it is not asked for again
}

// FeedReader is what looking for services of feeds needs.
type FeedReader interface {
	// FeedStates returns those of all feeds that have been fetched.
	FeedStates(ctx context.Context) ([]FeedState, error)
	// FeedEntity returns what all feeds, and all generations of them, say of an
	// entityID.
	FeedEntity(ctx context.Context, entityID string) ([]Stored, error)
	// FeedService is [FeedReader.FeedEntity] by [RecordID].
	FeedService(ctx context.Context, id string) ([]Stored, error)
	// FeedServices returns what one generation has, by entityID.
	FeedServices(ctx context.Context, feed string, generation int64) ([]Stored, error)
}

// FeedTx is what fetching needs of a transaction.
type FeedTx interface {
	FeedReader
	// ClaimFeed gives a node the right to fetch a feed until a time, and a new
	// generation, unless another one has it or the feed is not due.
	ClaimFeed(ctx context.Context, id string, now, until time.Time) (FeedState, bool, error)
	// PutFeed stores what has become of a fetch and ends the right to it. It
	// reports whether the node still had it: if not, nothing is stored. A number
	// that was accepted is used up by another generation.
	PutFeed(ctx context.Context, s FeedState) (bool, error)
	// HurryFeed makes a feed due, and accepts a number of services; it reports
	// whether there is such a feed.
	HurryFeed(ctx context.Context, id string, accepted int64) (bool, error)
	// AddFeedServices stores services of a generation.
	AddFeedServices(ctx context.Context, all []Stored) error
	// PutAnswer stores the answer of a Metadata Query server, in place of a former
	// one, and deletes those that have run out; if then there are too many, it
	// stores nothing.
	PutAnswer(ctx context.Context, s Stored, most int64, now time.Time) error
	// RemoveFeedServices deletes some services of the generations from one to
	// another, and reports whether there are more.
	RemoveFeedServices(ctx context.Context, feed string, from, to int64) (more bool, err error)
	// ForgetFeed deletes the state of a feed.
	ForgetFeed(ctx context.Context, id string) error
}
