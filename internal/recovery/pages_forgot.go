package recovery

import (
	"encoding/json"
	"errors"
	"net/http"

	"warifu/internal/authenticator/password"
	"warifu/internal/authenticator/totp"
	"warifu/internal/secret"
	"warifu/internal/throttle"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

const forgotStep = "recovery/forgot" // the name of the page, too

// ForgotPage is the page "recovery/forgot".
type ForgotPage struct {
	web.Hidden
	SPSID   string
	IDError string
	Sent    bool // the answer, which is the same for everybody
	Desk    web.Desk
}

func (p *Pages) showForgot(w http.ResponseWriter, r *http.Request) error {
	return p.renderForgot(w, r, http.StatusOK, ForgotPage{Sent: web.Query(r, "sent") != ""})
}

func (p *Pages) submitForgot(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, forgotStep, "username")
	if err != nil {
		return err
	}
	if form["username"] == "" {
		return p.renderForgot(w, r, http.StatusUnprocessableEntity, ForgotPage{IDError: p.Site.Text(r, "err.id_empty")})
	}
	if err := p.Service.Forgot(r.Context(), p.claimant(r), form["username"]); err != nil {
		return problem(err)
	}
	return p.Site.Redirect(w, r, "/forgot?sent=1")
}

func (p *Pages) renderForgot(w http.ResponseWriter, r *http.Request, status int, page ForgotPage) (err error) {
	page.Desk = p.Site.DeskState(r)
	if page.Hidden, err = p.Site.Hidden(w, r, forgotStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, forgotStep, page)
}

const proofStep = "recovery/proof" // the name of the page, too

// ProofPage is the page "recovery/proof". It looks the same for any token.
type ProofPage struct {
	web.Hidden
	Path    string // that the form is sent to
	SPSID   string
	Error   string // of what was typed
	Refused string // of the passkey
	Digits  int
}

func (p *Pages) showProof(w http.ResponseWriter, r *http.Request) error {
	return p.renderProof(w, r, http.StatusOK, ProofPage{})
}

// askPasskey tells the script of the page what to ask the person's device.
func (p *Pages) askPasskey(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.Site.Form(w, r, proofStep); err != nil {
		return err
	}
	id, options, err := p.Service.AskPasskey(r.Context(), p.claimant(r), r.PathValue("token"))
	if errors.Is(err, throttle.ErrCeremonies) {
		return web.TooMany(p.Service.Throttle.AddressWindow, err)
	}
	if err != nil {
		return problem(err)
	}
	return p.Site.JSON(w, http.StatusOK, map[string]any{"id": id, "options": json.RawMessage(options)})
}

func (p *Pages) submitProof(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, proofStep, "username", "code", "id", "response")
	if err != nil {
		return err
	}
	if form["id"] != "" {
		return p.submitProofByPasskey(w, r, form)
	}
	proof := Proof{Token: r.PathValue("token"), SPSID: form["username"]}
	var six, sixteen bool
	proof.TOTP, six = totp.Parse(form["code"])
	if !six {
		proof.RecoveryCode, sixteen = secret.ParseCode(form["code"])
	}
	if form["username"] == "" || !six && !sixteen { // a slip, not an attempt
		return p.renderProof(w, r, http.StatusUnprocessableEntity, ProofPage{SPSID: form["username"], Error: p.Site.Text(r, "forgot.proof_slip", "n", totp.Digits)})
	}
	o, wait, err := p.Service.Prove(r.Context(), p.claimant(r), proof)
	switch {
	case err != nil:
		return problem(err)
	case o == ProofAccepted:
		return p.Site.Redirect(w, r, "/reset/password")
	case o == ProofThrottled && !wait.IsZero():
		return p.renderProof(w, r, http.StatusUnprocessableEntity, ProofPage{SPSID: form["username"], Error: p.Site.WaitText(r, wait)})
	}
	return p.renderProof(w, r, http.StatusUnprocessableEntity, ProofPage{SPSID: form["username"], Error: p.Site.Text(r, "forgot.proof_bad")})
}

func (p *Pages) submitProofByPasskey(w http.ResponseWriter, r *http.Request, form map[string]string) error {
	o, err := p.Service.ProveByPasskey(r.Context(), p.claimant(r), Proof{Token: r.PathValue("token"), Ceremony: form["id"], Response: []byte(form["response"])})
	switch {
	case err != nil:
		return problem(err)
	case o == ProofAccepted:
		return p.Site.Redirect(w, r, "/reset/password")
	case o == ProofThrottled:
		return web.TooMany(p.Service.Throttle.AddressWindow, errNetwork)
	}
	return p.renderProof(w, r, http.StatusUnprocessableEntity, ProofPage{Refused: p.Site.Text(r, "forgot.proof_passkey_bad")})
}

var errNetwork = errors.New("recovery: too many failures of a network")

func (p *Pages) renderProof(w http.ResponseWriter, r *http.Request, status int, page ProofPage) (err error) {
	page.Path, page.Digits = r.URL.EscapedPath(), totp.Digits
	if page.Hidden, err = p.Site.Hidden(w, r, proofStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, proofStep, page)
}

const codeStep = "recovery/code" // the name of the page, too

// CodePage is the page "recovery/code": a password by activation code.
type CodePage struct {
	web.Hidden
	SPSID   string
	Error   string
	Length  int
	Example string
	Desk    web.Desk
}

func (p *Pages) showCode(w http.ResponseWriter, r *http.Request) error {
	return p.renderCode(w, r, http.StatusOK, "", "")
}

func (p *Pages) submitCode(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, codeStep, "username", "code")
	if err != nil {
		return err
	}
	code, ok := secret.ParseCode(form["code"])
	if form["username"] == "" || !ok { // a slip, not an attempt
		fault := "err.activation_bad"
		switch "" {
		case form["username"]:
			fault = "err.id_empty"
		case form["code"]:
			fault = "err.activation_empty"
		}
		return p.renderCode(w, r, http.StatusUnprocessableEntity, form["username"], p.Site.Text(r, fault))
	}
	accepted, wait, err := p.Service.RedeemCode(r.Context(), p.claimant(r), form["username"], code)
	switch {
	case err != nil:
		return problem(err)
	case accepted:
		return p.Site.Redirect(w, r, "/reset/password")
	case !wait.IsZero():
		return p.renderCode(w, r, http.StatusUnprocessableEntity, form["username"], p.Site.WaitText(r, wait))
	}
	return p.renderCode(w, r, http.StatusUnprocessableEntity, form["username"], p.Site.Text(r, "err.activation_bad"))
}

func (p *Pages) renderCode(w http.ResponseWriter, r *http.Request, status int, spsID, fault string) (err error) {
	page := CodePage{SPSID: spsID, Error: fault, Length: secret.CodeLength, Example: secret.ExampleCode, Desk: p.Site.DeskState(r)}
	if page.Hidden, err = p.Site.Hidden(w, r, codeStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, codeStep, page)
}

const choiceStep = "recovery/password" // the name of the page, too

// PasswordPage is the page "recovery/password": the choice of a new one.
type PasswordPage struct {
	web.Hidden
	SPSID string // for password managers
	Error string
	Min   int
	Enrol bool // an authenticator is registered next
}

func (p *Pages) showPassword(w http.ResponseWriter, r *http.Request) error {
	return p.renderPassword(w, r, http.StatusOK, "")
}

func (p *Pages) submitNewPassword(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, choiceStep, "password")
	if err != nil {
		return err
	}
	if form["password"] == "" {
		return p.renderPassword(w, r, http.StatusUnprocessableEntity, p.Site.Text(r, "err.password_empty"))
	}
	enrol, err := p.Service.ChoosePassword(r.Context(), p.claimant(r), form["password"])
	if fault, ok := errors.AsType[*PasswordFaultError](err); ok {
		return p.renderPassword(w, r, http.StatusUnprocessableEntity, p.Site.PasswordFault(r, string(fault.Fault), fault.Min, password.MaxLength))
	}
	switch {
	case errors.Is(err, ticket.ErrNone):
		return p.Site.Redirect(w, r, "/forgot")
	case err != nil:
		return problem(err)
	case enrol:
		p.Site.SetTicket(w, ticket.Lifetime)
		return p.Site.Redirect(w, r, "/enrol")
	}
	p.Site.SetSession(w, "")
	return p.Site.Redirect(w, r, "/login?new=1")
}

func (p *Pages) renderPassword(w http.ResponseWriter, r *http.Request, status int, fault string) error {
	t, who, err := p.Service.PasswordTicket(r.Context(), web.Browser(r))
	if errors.Is(err, ticket.ErrNone) {
		return p.Site.Redirect(w, r, "/forgot")
	}
	if err != nil {
		return err
	}
	page := PasswordPage{SPSID: who.SPSID, Error: fault, Min: p.Service.Rules.MinLength(who), Enrol: t.Enrol}
	if page.Hidden, err = p.Site.Hidden(w, r, choiceStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, choiceStep, page)
}
