package federation

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"warifu/internal/directory"
	"warifu/internal/secret"
	"warifu/internal/session"
	"warifu/internal/web"
)

// LoggedOut is the page after a logout that no service waits for.
const LoggedOut = "/logged-out"

var farewellPlace = secret.Place{Table: "federation", Column: "logged_out"}

// ParticipationReader reads the parts of services in sessions.
type ParticipationReader interface {
	// Participations returns the parts of all services in a session.
	Participations(ctx context.Context, subscriberID, sessionID string) ([]Participation, error)
}

// Sessions finds and ends sessions.
type Sessions interface {
	// Who returns the living session of a token and its subscriber, or
	// [session.ErrNone].
	Who(ctx context.Context, token string) (session.Session, directory.Subscriber, error)
	// End ends the session of a token, if there is one.
	End(ctx context.Context, token string) error
}

// Farewell is every way out of a session that a browser takes. It tells the person
// at which services he may be logged in still: those that nobody tells of the end.
type Farewell struct {
	Site     *web.Site
	Sessions Sessions
	Services *Services
	Pending  Pending
	View     func(ctx context.Context, fn func(ParticipationReader) error) error
}

// Leave ends the browser's session and returns where it goes if no service waits
// for it. Asking is the id of the service that has asked for the end, if any: that
// one knows of it.
func (f *Farewell) Leave(w http.ResponseWriter, r *http.Request, asking string) (address string, err error) {
	token := f.Site.Session(r)
	present, _, err := f.Sessions.Who(r.Context(), token)
	if err != nil && !errors.Is(err, session.ErrNone) {
		return "", err
	}
	var left []string
	if err == nil {
		if left, err = f.left(r.Context(), present, asking); err != nil {
			return "", err
		}
	}
	if err := f.Sessions.End(r.Context(), token); err != nil {
		return "", err
	}
	f.Site.SetSession(w, "")
	w.Header().Set("Clear-Site-Data", `"cache"`)
	return f.page(left)
}

// left are the ids of the services that nobody tells.
func (f *Farewell) left(ctx context.Context, present session.Session, asking string) (left []string, err error) {
	var parts []Participation
	err = f.View(ctx, func(tx ParticipationReader) error {
		parts, err = tx.Participations(ctx, present.SubscriberID, present.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		service, err := f.Services.Find(ctx, part.Service)
		if err != nil && !errors.Is(err, ErrNoService) {
			return nil, err
		}
		if err == nil && service.ID != asking && service.BackchannelLogoutURI == "" {
			left = append(left, service.ID)
		}
	}
	return left, nil
}

// farewell is what the page says, sealed: where somebody was logged in is nobody's
// business who reads the address later.
type farewell struct {
	Left      []string  `json:"left"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (f *Farewell) page(left []string) (string, error) {
	if len(left) == 0 {
		return LoggedOut, nil
	}
	plain, err := json.Marshal(farewell{Left: left, ExpiresAt: f.Pending.Now().Add(PendingLifetime)})
	if err != nil {
		return "", err
	}
	return LoggedOut + "?p=" + url.QueryEscape(f.Pending.Box.SealText(farewellPlace, plain)), nil
}

// Left are the names of the services that the address of the page tells of.
func (f *Farewell) Left(r *http.Request) (names []string, err error) {
	plain, err := f.Pending.Box.OpenText(farewellPlace, web.Query(r, "p"))
	var told farewell
	if err != nil || json.Unmarshal(plain, &told) != nil || !f.Pending.Now().Before(told.ExpiresAt) {
		return nil, nil // it says nothing, or too late
	}
	for _, id := range told.Left {
		service, err := f.Services.Find(r.Context(), id)
		if errors.Is(err, ErrNoService) {
			continue
		}
		if err != nil {
			return nil, err
		}
		names = append(names, service.Name.In(string(f.Site.Lang(r))))
	}
	return names, nil
}
