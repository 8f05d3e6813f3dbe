package signin

import (
	"errors"
	"net/http"
	"net/url"

	"warifu/internal/authenticator"
	"warifu/internal/federation"
	"warifu/internal/helpdesk"
)

// ChoosePage is the page "signin/choose".
type ChoosePage struct {
	SPSID    string
	Service  string
	StepUp   bool
	Approval bool // see [FactorPage]
	Methods  []Method
	Cannot   string // address of "Click here if you cannot login"; empty where a temporary login would not do
	Return   string // address that leads back to the service; see [FactorPage]
}

// Method is one way to prove who one is.
type Method struct {
	Kind    string // an [authenticator.Kind]
	Hint    string // in the language of the page
	Last    bool   // it was used last in this browser
	Address string
}

// methods are the second factors: their pages, a word on each, and how mails
// call them.
var methods = map[authenticator.Kind]struct{ path, hint, name string }{
	authenticator.Passkey:      {"/login/passkey", "choose.passkey_hint", "method.passkey"},
	authenticator.TOTP:         {"/login/totp", "choose.totp_hint", "method.totp"},
	authenticator.RecoveryCode: {"/login/recovery-code", "choose.recovery_hint", "method.recovery"},
}

// elsewhere returns the page of a kind that the person does have, or the empty
// string if there is no other.
func (f Flow) elsewhere(m Means, not authenticator.Kind) string {
	for _, kind := range f.offers(m) {
		if kind != not {
			return at(methods[kind].path, f)
		}
	}
	return ""
}

func (p *Pages) showChoose(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	if !f.State.takesFactor() {
		return p.proceed(w, r, f)
	}
	who, means, err := p.Service.Means(r.Context(), f)
	if err != nil {
		return err
	}
	p.Site.Prefer(r, who.Language)
	page := ChoosePage{SPSID: who.SPSID, StepUp: f.StepUp}
	if page.Service, err = p.serviceOf(r, f); err != nil {
		return err
	}
	page.Return = f.back(page.Service)
	if page.Approval, err = f.approval(); err != nil {
		return err
	}
	for _, kind := range f.offers(means) {
		m := methods[kind]
		page.Methods = append(page.Methods, Method{Kind: string(kind), Hint: p.Site.Text(r, m.hint), Last: kind == p.last(r), Address: at(m.path, f)})
	}
	if page.Cannot, err = p.cannot(r, f); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, "signin/choose", page)
}

// approval reports whether a person of the help desk gives one more proof in order
// to approve a case.
func (f Flow) approval() (bool, error) {
	request, err := decode(f.Request)
	return helpdesk.AtCase(request.Page), err
}

// cannot returns the address of "Click here if you cannot login". It is empty
// where a temporary login would not do: for a step-up, and on the way to a
// service that accepts none.
func (p *Pages) cannot(r *http.Request, f Flow) (string, error) {
	if f.StepUp {
		return "", nil
	}
	request, err := decode(f.Request)
	if err != nil || request.Service == "" {
		return at("/login/cannot", f), err
	}
	service, err := p.Services.Find(r.Context(), request.Service)
	if err != nil && !errors.Is(err, federation.ErrNoService) {
		return "", err
	}
	if !service.AcceptFallback && err == nil {
		return "", nil
	}
	return at("/login/cannot", f), nil
}

// back is the address that leads back to a service without the proof that it asks
// for: of a person who is signed in, and who has no other way to it than that proof.
func (f Flow) back(service string) string {
	if !f.StepUp || service == "" {
		return ""
	}
	return at("/login/return", f)
}

// goBack tells the service that the person has not proven more. It changes nothing
// here: the session stays what it is.
func (p *Pages) goBack(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	request, err := decode(f.Request)
	if err != nil {
		return err
	}
	if !f.State.takesFactor() || !f.StepUp || request.Service == "" {
		return p.proceed(w, r, f)
	}
	request.Cancelled = true
	return p.resume(w, r, request)
}

// at is the address of a page for a flow.
func at(path string, f Flow) string { return path + "?flow=" + url.QueryEscape(f.ID) }
