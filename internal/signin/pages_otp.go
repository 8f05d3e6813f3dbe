package signin

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"warifu/internal/authenticator/totp"
	"warifu/internal/federation"
	"warifu/internal/flow"
	"warifu/internal/mail"
	"warifu/internal/mailotp"
	"warifu/internal/secret"
	"warifu/internal/web"
)

const cannotStep = "signin/cannot" // the name of the page, too

// CannotPage is the page "signin/cannot".
type CannotPage struct {
	web.Hidden
	Desk       web.Desk
	Addresses  []string // masked
	Privileged bool
	Back       string // address of the page before
	Error      string
	ByDesk     bool   // the help desk is offered, not a mail
	Chosen     bool   // though a mail would do
	Other      string // address of this page with the other of the two
	Choose     string // address of the other ways in
}

func (p *Pages) showCannot(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	if !f.State.takesFactor() || f.StepUp {
		return p.proceed(w, r, f)
	}
	return p.renderCannot(w, r, http.StatusOK, f, "")
}

// toDesk is what the form says, in place of the number of an address, if the
// help desk is to be asked.
const toDesk = "desk"

func (p *Pages) renderCannot(w http.ResponseWriter, r *http.Request, status int, f Flow, fault string) error {
	who, back, err := p.Service.WaysBack(r.Context(), f)
	if err != nil {
		return err
	}
	p.Site.Prefer(r, who.Language)
	here := at("/login/cannot", f)
	page := CannotPage{Desk: p.Site.DeskState(r), Privileged: back.Privileged, Back: at(paths[FactorRequired], f), Error: fault, Other: here + "&to=" + toDesk}
	page.Addresses = mail.MaskAddresses(back.Addresses)
	if page.ByDesk = len(page.Addresses) == 0 || web.Query(r, "to") == toDesk; page.ByDesk {
		page.Other = here
		page.Chosen = len(page.Addresses) > 0
		page.Choose = at("/login/choose", f)
	}
	if _, err := p.serviceOf(r, f); err != nil {
		return err
	}
	if page.Hidden, err = p.Site.Hidden(w, r, cannotStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, cannotStep, page)
}

func (p *Pages) submitCannot(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, cannotStep, "to")
	if err != nil {
		return err
	}
	f, err := p.Service.Flow(r.Context(), key(r, form["flow"]))
	if err != nil {
		return problem(err)
	}
	if form["to"] == toDesk {
		return p.askDesk(w, r, f)
	}
	n, err := strconv.Atoi(form["to"])
	if err != nil {
		return p.renderCannot(w, r, http.StatusUnprocessableEntity, f, p.Site.Text(r, "err.choice"))
	}
	return p.send(w, r, f, n)
}

// resend sends another OTP to the same address.
func (p *Pages) resend(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, otpStep)
	if err != nil {
		return err
	}
	f, err := p.Service.Flow(r.Context(), key(r, form["flow"]))
	if err != nil {
		return problem(err)
	}
	otp, err := p.Service.OTP(r.Context(), f)
	if errors.Is(err, mailotp.ErrNone) { // of a newer flow's now; or the last was spent
		return p.renderCannot(w, r, http.StatusOK, f, "")
	}
	if err != nil {
		return err
	}
	_, back, err := p.Service.WaysBack(r.Context(), f)
	if err != nil {
		return err
	}
	for n, address := range back.Addresses {
		if address == otp.Address {
			return p.send(w, r, f, n)
		}
	}
	return p.renderCannot(w, r, http.StatusOK, f, "")
}

func (p *Pages) send(w http.ResponseWriter, r *http.Request, f Flow, n int) error {
	service, err := p.serviceText(r, f)
	if err != nil {
		return err
	}
	v, err := p.Service.SendOTP(r.Context(), f.Key, p.claimant(r), n, service)
	if err != nil {
		return problem(err)
	}
	if v.Outcome == OTPNotSent {
		return p.Site.SendLimit(r, v.SendFrom, at(paths[f.State], f), errSendLimit)
	}
	if f.State == OTPRequired && v.Flow.State == OTPRequired { // there was one before, which works no more
		return p.Site.Redirect(w, r, at(paths[OTPRequired], f)+"&again=1")
	}
	return p.proceed(w, r, v.Flow)
}

var errSendLimit = errors.New("signin: too many mails")

// serviceText is where the person is on the way to, for a mail.
func (p *Pages) serviceText(r *http.Request, f Flow) (mail.Text, error) {
	own := p.Service.App
	request, err := decode(f.Request)
	if err != nil || request.Service == "" {
		return own, err
	}
	service, err := p.Services.Find(r.Context(), request.Service)
	if errors.Is(err, federation.ErrNoService) {
		return own, nil
	}
	return mail.Text{Japanese: service.Name.Japanese, English: service.Name.English}, err
}

const otpStep = "signin/otp" // the name of the page, too

// OTPPage is the page "signin/otp".
type OTPPage struct {
	web.Hidden
	Desk    web.Desk
	Masked  string // address that it was sent to
	From    string // domain of the sender
	Digits  int
	Until   string // in words
	Seconds int    // until then
	Resent  string // what to know of an OTP that took the place of another
	Wait    int    // seconds until it may be sent again
	Error   string
	Left    int64 // entries left, if so few that it matters; else 0
}

func (p *Pages) showOTP(w http.ResponseWriter, r *http.Request) error {
	f, err := p.flow(r)
	if err != nil {
		return err
	}
	if !f.State.takesOTP() {
		return p.proceed(w, r, f)
	}
	return p.renderOTP(w, r, http.StatusOK, f, OTPPage{})
}

func (p *Pages) submitOTP(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, otpStep, "otp")
	if err != nil {
		return err
	}
	f, err := p.Service.Flow(r.Context(), key(r, form["flow"]))
	if err != nil {
		return problem(err)
	}
	if !f.State.takesOTP() { // sent twice, or from a page that lies behind
		return p.again(w, r, f)
	}
	digits, ok := secret.ParseDigits(form["otp"])
	if !ok || len(digits) != mailotp.Digits { // a slip, not an attempt
		return p.renderOTP(w, r, http.StatusUnprocessableEntity, f, OTPPage{Error: p.otpSlip(r, f, form["otp"], digits)})
	}
	v, err := p.Service.SubmitOTP(r.Context(), f.Key, p.claimant(r), digits)
	if flow.Overtaken(err) {
		return p.overtaken(w, r, f.Key, err)
	}
	if err != nil {
		return problem(err)
	}
	return p.answerOTP(w, r, v)
}

func (p *Pages) otpSlip(r *http.Request, f Flow, typed, digits string) string {
	switch {
	case typed == "":
		return p.Site.Text(r, "err.otp_empty")
	case len(digits) == totp.Digits && f.State == DeskRequired:
		return p.Site.Text(r, "err.otp_desk_is_totp", "m", totp.Digits, "n", mailotp.Digits)
	case len(digits) == totp.Digits:
		return p.Site.Text(r, "err.otp_is_totp", "m", totp.Digits, "n", mailotp.Digits)
	default:
		return p.Site.Text(r, "err.otp_format", "n", mailotp.Digits)
	}
}

func (p *Pages) answerOTP(w http.ResponseWriter, r *http.Request, v Verdict) error {
	page, desk := OTPPage{Left: v.Left}, v.Flow.State == DeskRequired
	switch v.Outcome {
	case OTPRejected:
		page.Error = p.Site.Text(r, "err.otp_bad")
		if desk {
			page.Error = p.Site.Text(r, "err.otp_desk_bad")
		}
	case OTPExpired:
		page.Error = p.Site.Text(r, "err.otp_expired")
		if desk {
			page.Error = p.Site.Text(r, "err.otp_desk_expired")
		}
	case Throttled:
		page.Error = p.Site.WaitText(r, v.WaitUntil)
	case OTPBurnt:
		if desk {
			page.Error = p.Site.Text(r, "err.otp_desk_expired")
			break
		}
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.otp_burnt", Args: []any{"time", p.Site.Clock(r, v.SendFrom)},
			Next: at("/login/cannot", v.Flow), Label: "stop.continue", Err: errBurnt}
	default:
		return p.finish(w, r, v)
	}
	return p.renderOTP(w, r, http.StatusUnprocessableEntity, v.Flow, page)
}

var errBurnt = errors.New("signin: too many wrong OTPs")

func (p *Pages) renderOTP(w http.ResponseWriter, r *http.Request, status int, f Flow, page OTPPage) (err error) {
	if f.State == DeskRequired {
		return p.renderDesk(w, r, status, f, page)
	}
	otp, err := p.Service.OTP(r.Context(), f)
	if err != nil && !errors.Is(err, mailotp.ErrNone) {
		return err
	}
	page.Desk, page.Digits, page.From = p.Site.DeskState(r), mailotp.Digits, p.From
	if err == nil {
		page.Masked, page.Until = mail.MaskAddress(otp.Address), p.Site.Clock(r, otp.ExpiresAt)
		page.Seconds = p.Service.secondsTo(otp.ExpiresAt)
		if web.Query(r, "again") != "" {
			page.Resent = p.Site.Text(r, "otp.resent", "time", p.Site.Clock(r, otp.SentAt))
		}
		page.Wait = int(p.Service.resendIn(otp).Round(time.Second).Seconds())
	}
	if _, err := p.serviceOf(r, f); err != nil {
		return err
	}
	if page.Hidden, err = p.Site.Hidden(w, r, otpStep, f.ID); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, otpStep, page)
}
