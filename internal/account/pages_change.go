package account

import (
	"errors"
	"net/http"
	"strings"

	"warifu/internal/history"
	"warifu/internal/mail"
	"warifu/internal/session"
	"warifu/internal/web"
)

// unseen are the banners of what has changed, or does not work any more. What was
// changed in this very session is not told in it.
func (p *Pages) unseen(r *http.Request, v *session.Visit) (changes, bounced []web.Banner, err error) {
	var all Unseen
	err = p.Banners(r.Context(), func(tx BannerReader) error {
		all, err = tx.Banners(r.Context(), v.Subscriber.ID, v.Session.CreatedAt)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for _, c := range all.Changes {
		if event := c.Kind.Event(); event != "" { // one of a newer version is not known here
			text := p.Site.Text(r, "banner.change", "what", p.Site.Text(r, event), "time", p.Site.Clock(r, c.At))
			changes = append(changes, web.Banner{Text: text, Change: c.ID})
		}
	}
	for _, address := range all.Bounced {
		bounced = append(bounced, web.Banner{Text: p.Site.Text(r, "banner.notif_bounced", "masked", mail.MaskAddress(address))})
	}
	return changes, bounced, nil
}

// recognize dismisses a banner (自分の操作です).
func (p *ReportPages) recognize(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, web.SeenStep, "id")
	if err != nil {
		return err
	}
	v, err := p.Gate.EnterFor(w, r, session.Signed, "/home", "")
	if v == nil {
		return err
	}
	err = p.Reports.Recognize(r.Context(), NewActor(v, p.Site.Client(r)), form["id"])
	if errors.Is(err, ErrNoChange) { //guard:A19
		return errForeign
	}
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, "/home")
}

// showChange asks for the password with which a change is reported.
func (p *ReportPages) showChange(w http.ResponseWriter, r *http.Request) error {
	id := web.Query(r, "id")
	v, err := p.Gate.Enter(w, r, reporter(id), id)
	if v == nil {
		return err
	}
	if id == "" {
		id = p.draft(r)
	}
	page, err := p.change(r, v, id)
	if err != nil {
		return err
	}
	page.SPSID = v.Subscriber.SPSID
	return p.render(w, r, http.StatusOK, page)
}

// entryPrefix is what the id of an entry of the history begins with, where that of
// a change in a banner may stand, too.
const entryPrefix = "history:"

// reporter is what a session needs to report something: for an entry of the history
// as much as for the history itself.
func reporter(id string) session.Demand {
	if strings.HasPrefix(id, entryPrefix) {
		return session.Factor
	}
	return session.Signed
}

// change is the page of a change of the person, or of an entry of his history.
func (p *ReportPages) change(r *http.Request, v *session.Visit, id string) (NotMePage, error) {
	if entry, ok := strings.CutPrefix(id, entryPrefix); ok {
		e, err := p.History.Entry(r.Context(), v.Subscriber.ID, entry)
		if errors.Is(err, history.ErrNoEntry) { //guard:A19
			return NotMePage{}, errForeign
		}
		if err != nil {
			return NotMePage{}, err
		}
		what := e.Words(func(key string, args ...any) string { return p.Site.Text(r, key, args...) })
		if e.Device != "" {
			what = p.Site.Text(r, "history.what", "what", what, "device", p.Site.DeviceName(r, e.Device))
		}
		return NotMePage{Path: "/not-me", ID: id, What: what, Time: p.Site.Clock(r, e.At)}, nil
	}
	c, err := p.Reports.Change(r.Context(), NewActor(v, p.Site.Client(r)), id)
	if errors.Is(err, ErrNoChange) || err == nil && c.Kind.Event() == "" {
		return NotMePage{}, errForeign
	}
	if err != nil {
		return NotMePage{}, err
	}
	return NotMePage{Path: "/not-me", ID: id, What: p.Site.Text(r, c.Kind.Event()), Time: p.Site.Clock(r, c.At)}, nil
}

func (p *ReportPages) reportChange(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, notMeStep, "id", "username", "password")
	if err != nil {
		return err
	}
	v, err := p.Gate.Enter(w, r, reporter(form["id"]), form["id"])
	if v == nil {
		return err
	}
	page, err := p.change(r, v, form["id"])
	if err != nil {
		return err
	}
	return p.report(w, r, page, form, func(typed Report) (ReportVerdict, error) {
		if strings.HasPrefix(page.ID, entryPrefix) {
			return p.Reports.UnrecognizedEntry(r.Context(), NewActor(v, p.Site.Client(r)), page.ID, typed)
		}
		return p.Reports.Unrecognized(r.Context(), NewActor(v, p.Site.Client(r)), page.ID, typed)
	})
}
