package account

import (
	"net/http"
	"net/netip"

	"warifu/internal/assurance"
	"warifu/internal/session"
	"warifu/internal/web"
)

const (
	sessionsStep = "account/sessions" // the name of the page, too
	sessionsPath = "/account/sessions"
)

// SessionsPage is the page "account/sessions".
type SessionsPage struct {
	web.Hidden
	Done    string
	List    []SessionRow
	Others  bool
	Trust   bool // there are trusted browsers, or may be
	Trusted []TrustedRow
}

// TrustedRow is one browser that the person trusts.
type TrustedRow struct {
	ID  string
	Row string // device and end, in the language of the page
}

// SessionRow is one place where the person is signed in.
type SessionRow struct {
	ID        string
	This      bool
	Row       string // device, place and last use, in the language of the page
	Device    string
	Temporary bool
}

func (p *Pages) showSessions(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	all, trusted, err := p.Devices.Of(r.Context(), NewActor(v, p.Site.Client(r)))
	if err != nil {
		return err
	}
	page := SessionsPage{Done: p.done(r), Others: len(all) > 1, Trust: p.Trust || len(trusted) > 0}
	for _, b := range trusted {
		page.Trusted = append(page.Trusted, TrustedRow{ID: b.ID,
			Row: p.Site.Text(r, "trusted.row", "device", p.Site.DeviceName(r, b.Browser), "date", p.Site.Clock(r, b.ExpiresAt))})
	}
	for _, s := range all {
		device := p.Site.DeviceName(r, s.Browser)
		if device == "" {
			device = p.Site.Text(r, "common.unknown")
		}
		page.List = append(page.List, SessionRow{ID: s.ID, This: s.ID == v.Session.ID, Device: device,
			Row:       p.Site.Text(r, "sessions.row", "device", device, "place", p.place(r, s.Address), "time", p.Site.Clock(r, s.SeenAt)),
			Temporary: assurance.Assurance(s.Evidence, p.Gate.Assurance).Fallback})
	}
	if page.Hidden, err = p.Site.Hidden(w, r, sessionsStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, sessionsStep, page)
}

// place tells whether a network address is one of the institution.
func (p *Pages) place(r *http.Request, address string) string {
	parsed, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		return p.Site.Text(r, "common.unknown")
	case p.Site.InCampus(parsed):
		return p.Site.Text(r, "common.place_campus")
	}
	return p.Site.Text(r, "common.place_outside")
}

// endSessions ends the session that the form names, or all others.
func (p *Pages) endSessions(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, sessionsStep, "id", "others", "trust", "untrust")
	if err != nil {
		return err
	}
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	actor, done := NewActor(v, p.Site.Client(r)), "device_out"
	switch {
	case form["others"] != "":
		done = "devices_out"
		err = p.Devices.EndOthers(r.Context(), actor)
	case form["trust"] != "", form["untrust"] != "": // one, or all
		done = "trust_ended"
		err = p.Devices.EndTrust(r.Context(), actor, form["trust"])
	default:
		err = p.Devices.End(r.Context(), actor, form["id"])
	}
	if err != nil {
		return p.problem(err)
	}
	return p.Site.Redirect(w, r, sessionsPath+"?done="+done)
}
