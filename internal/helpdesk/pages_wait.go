package helpdesk

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"warifu/internal/flow"
	"warifu/internal/web"
)

// WaitPages tell the pages of callers what becomes of their cases. Nothing but
// the state and the number of waiting cases is told (SSE-2).
type WaitPages struct {
	Site  *web.Site
	Watch *Watch
}

// Mount registers the pages.
func (p *WaitPages) Mount() {
	p.Site.Handle("GET /wait/events", p.events)
	p.Site.Handle("GET /wait/state", p.state)
}

// pollFor is how long the answer to a question for the state is kept back.
const pollFor = 20 * time.Second

func (p *WaitPages) key(r *http.Request) flow.Key {
	return flow.Key{ID: web.Query(r, "flow"), Browser: web.Browser(r)}
}

func (p *WaitPages) events(w http.ResponseWriter, r *http.Request) error {
	key := p.key(r)
	if _, err := p.Watch.Look(r.Context(), key); err != nil { //guard:SSE-1
		return Problem(err)
	}
	return p.Site.Stream(w, r, "case:"+key.ID, func(ctx context.Context, stream *web.Stream) error {
		return p.Watch.Follow(ctx, key, web.Heartbeat, func(l Look, changed bool) error {
			if !changed {
				return stream.Beat()
			}
			return stream.Send(string(l.State), strconv.FormatInt(l.Open, 10))
		})
	})
}

// waitState is what a page is told that asks.
type waitState struct {
	State State `json:"state"`
	Open  int64 `json:"open"`
}

// state answers when the state is another one than the page has seen, or after
// a while; at once where too many answers are kept back already.
func (p *WaitPages) state(w http.ResponseWriter, r *http.Request) error {
	key, seen := p.key(r), State(web.Query(r, "seen"))
	if _, err := p.Watch.Look(r.Context(), key); err != nil { // before it takes a place
		return Problem(err)
	}
	free, held := p.Site.Hold("case:" + key.ID)
	defer free()
	ctx, cancel := context.WithTimeout(r.Context(), pollFor)
	defer cancel()
	var now waitState
	err := p.Watch.Follow(ctx, key, pollFor, func(l Look, _ bool) error {
		now = waitState{State: l.State, Open: l.Open}
		if l.State != seen || !held { //guard:SSE-4
			return errSeen
		}
		return nil
	})
	if err != nil && !errors.Is(err, errSeen) {
		return Problem(err)
	}
	return p.Site.JSON(w, http.StatusOK, now)
}

var errSeen = errors.New("helpdesk: something new to tell")

// Problem says what a caller may know of err.
func Problem(err error) error {
	if errors.Is(err, ErrNoCase) {
		return &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Next: "/mfa", Label: "stop.restart", Err: err}
	}
	return err
}

// NotOpened says why no case was opened; next is the way on.
func NotOpened(a Answer, next string) error {
	stop := map[Answer]string{TooMany: "stop.case_many", TurnedAway: "stop.case_refused", Full: "stop.case_full"}[a]
	return &web.Problem{Status: http.StatusConflict, Stop: stop, Next: next, Label: "stop.continue", Err: errors.New("helpdesk: " + string(a))}
}

// WaitPart is the part of a page that waits for the help desk: the template
// part "wait".
type WaitPart struct {
	Desk   web.Desk
	Groups []string // of the comparison number, of two digits each; none once the case has ended
	Flow   string
	State  State
	Open   int64
	Until  string // in words
	Hours  int    // that a case lives
	Every  int    // minutes within which a page without script has to ask
	Woken  bool
}

// Ended reports whether the case has come to nothing.
func (p WaitPart) Ended() bool {
	return p.State == Refused || p.State == Expired || p.State == Cancelled
}

// Approved reports whether something waits for the caller.
func (p WaitPart) Approved() bool { return p.State == Approved }

// WaitForm is one form of a page that waits: to give up, or to ask once more.
type WaitForm struct {
	Wait   WaitPart
	Action string // that it is sent to
	Hidden web.Hidden
}

// Part returns what the page shows of a case.
func (p *WaitPages) Part(r *http.Request, key flow.Key) (WaitPart, Look, error) {
	l, err := p.Watch.Look(r.Context(), key)
	if err != nil {
		return WaitPart{}, l, err
	}
	part := WaitPart{Desk: p.Site.DeskState(r), Flow: key.ID, State: l.State, Open: l.Open, Until: p.Site.Clock(r, l.Case.ExpiresAt),
		Hours: int(lifetime.Hours()), Every: int(dormantAfter.Minutes()), Woken: l.Woken}
	if n := l.Case.Number; len(n) == numberLen && !l.State.Ended() {
		part.Groups = []string{n[:2], n[2:]}
	}
	return part, l, nil
}
