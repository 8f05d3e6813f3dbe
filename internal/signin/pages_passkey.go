package signin

import (
	"encoding/json"
	"errors"
	"net/http"

	"warifu/internal/authenticator"
	"warifu/internal/flow"
	"warifu/internal/throttle"
	"warifu/internal/web"
)

const passkeyStep = "signin/passkey" // the name of the page, too

// PasskeyPage is the page "signin/passkey": without a flow a passkey alone signs
// in, with one it stands beside the password.
type PasskeyPage struct {
	web.Hidden
	FactorPage
	Pending string // the sealed request of a service; without a flow
	Error   string // in the language of the page
}

func (p *Pages) showPasskey(w http.ResponseWriter, r *http.Request) error {
	if web.Query(r, "flow") == "" {
		return p.showPasskeyAlone(w, r)
	}
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	if !f.State.takesFactor() || !f.takes(authenticator.Passkey) {
		return p.proceed(w, r, f)
	}
	return p.renderPasskey(w, r, http.StatusOK, f, "")
}

func (p *Pages) renderPasskey(w http.ResponseWriter, r *http.Request, status int, f Flow, fault string) (err error) {
	page, m := PasskeyPage{Error: fault}, Means{}
	if page.FactorPage, m, err = p.factorPage(r, f); err != nil {
		return err
	}
	if m.Passkeys == 0 {
		return p.Site.Redirect(w, r, at(paths[FactorRequired], f))
	}
	if page.Hidden, err = p.Site.Hidden(w, r, passkeyStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, passkeyStep, page)
}

// showPasskeyAlone is the page for a person whom nothing is known of yet.
func (p *Pages) showPasskeyAlone(w http.ResponseWriter, r *http.Request) error {
	sealed := web.Query(r, "p")
	if _, answered, err := p.enter(w, r, sealed); err != nil || answered {
		return err
	}
	return p.renderPasskeyAlone(w, r, http.StatusOK, sealed, "")
}

func (p *Pages) renderPasskeyAlone(w http.ResponseWriter, r *http.Request, status int, sealed, fault string) error {
	page := PasskeyPage{Pending: sealed, Error: fault}
	request, err := p.open(sealed)
	if err != nil {
		return err
	}
	p.Site.Prefer(r, request.Locales...)
	if page.Service, err = p.service(r, request); err != nil {
		return err
	}
	if page.Hidden, err = p.Site.Hidden(w, r, passkeyStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, passkeyStep, page)
}

// beginPasskey tells the script of a page what to ask the person's device.
func (p *Pages) beginPasskey(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, passkeyStep, "p")
	if err != nil {
		return err
	}
	var asked Asked
	if form["flow"] != "" {
		asked, err = p.Service.BeginPasskeyBeside(r.Context(), key(r, form["flow"]))
	} else {
		asked, err = p.beginPasskeyAlone(r, form["p"])
	}
	if errors.Is(err, throttle.ErrCeremonies) {
		return web.TooMany(p.Service.Throttle.AddressWindow, err)
	}
	if err != nil {
		return problem(err)
	}
	return p.Site.JSON(w, http.StatusOK, map[string]any{"id": asked.ID, "options": json.RawMessage(asked.Options)})
}

func (p *Pages) beginPasskeyAlone(r *http.Request, sealed string) (Asked, error) {
	request, err := p.open(sealed)
	if err != nil {
		return Asked{}, err
	}
	text, err := encode(sealed, request)
	if err != nil {
		return Asked{}, err
	}
	return p.Service.BeginPasskey(r.Context(), p.claimant(r), text)
}

func (p *Pages) submitPasskey(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, passkeyStep, "p", "id", "response")
	if err != nil {
		return err
	}
	if form["flow"] == "" {
		return p.submitPasskeyAlone(w, r, form)
	}
	f, err := p.Service.Flow(r.Context(), key(r, form["flow"]))
	if err != nil {
		return problem(err)
	}
	if !f.State.takesFactor() { // sent twice, or from a page that lies behind
		return p.again(w, r, f)
	}
	v, err := p.Service.SubmitPasskeyBeside(r.Context(), f.Key, p.claimant(r), form["id"], []byte(form["response"]))
	if flow.Overtaken(err) {
		return p.overtaken(w, r, f.Key, err)
	}
	if err != nil {
		return problem(err)
	}
	if v.Outcome == PasskeyRejected || v.Outcome == PasskeyCloned {
		return p.renderPasskey(w, r, http.StatusUnprocessableEntity, v.Flow, p.Site.Text(r, "err.passkey_failed"))
	}
	return p.finish(w, r, v)
}

// submitPasskeyAlone signs in with a passkey alone. Its flow has the id of the
// ceremony, so that the form may be sent twice.
func (p *Pages) submitPasskeyAlone(w http.ResponseWriter, r *http.Request, form map[string]string) error {
	f, err := p.Service.Flow(r.Context(), key(r, form["id"]))
	if err == nil {
		return p.again(w, r, f)
	}
	if !errors.Is(err, flow.ErrNotFound) {
		return err
	}
	v, err := p.Service.SubmitPasskey(r.Context(), p.claimant(r), form["id"], []byte(form["response"]))
	if err != nil {
		return problem(err)
	}
	switch v.Outcome {
	case SuspendedAccount:
		return errSuspended
	case Throttled:
		return p.renderPasskeyAlone(w, r, http.StatusUnprocessableEntity, form["p"], p.Site.WaitText(r, v.WaitUntil))
	case PasskeyRejected, PasskeyCloned:
		return p.renderPasskeyAlone(w, r, http.StatusUnprocessableEntity, form["p"], p.Site.Text(r, "err.passkey_failed"))
	default:
		return p.finish(w, r, v)
	}
}
