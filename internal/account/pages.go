// Package account serves what a person sees once signed in: the home page, the
// settings, and the way out.
//
// What must stay true:
//
//   - Nothing is changed without a second factor of this session, and what lets a
//     person come back is not changed without one of the last five minutes
//     (ADR-2, TOTP-12, PW-5, SES-10).
//   - A form names only what belongs to the person; whatever else it names does
//     not exist.
//   - Every change is recorded, and told to the person, in its own transaction.
package account

import (
	"context"
	"errors"
	"net/http"
	"time"

	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/history"
	"warifu/internal/i18n"
	"warifu/internal/session"
	"warifu/internal/web"
)

// Pages serves the pages of a person.
type Pages struct {
	Site           *web.Site
	Sessions       *session.Service
	Services       *federation.Services
	Gate           *session.Gate
	Pending        federation.Pending
	Addresses      *Addresses
	Languages      *Languages
	Authenticators *Authenticators
	Devices        *Devices
	Trust          bool // browsers can be trusted (SES-13)
	Passwords      *Passwords
	Consents       *Consents
	Farewell       *federation.Farewell
	History        *history.Service
	Banners        func(ctx context.Context, fn func(BannerReader) error) error
	View           func(ctx context.Context, fn func(StandingReader) error) error
	// FirstSetup returns from when a person needs a second factor, and until when
	// the first one can be set up with the password alone. Each is zero if there is
	// no such day.
	FirstSetup func(who directory.Subscriber) (from, window time.Time)
	Passkeys   *Passkeys
	Codes      *RecoveryCodes
}

// Mount registers the pages.
func (p *Pages) Mount() {
	p.Site.Identify(p.identify)
	p.Gate.Owes = p.owes
	p.Site.Handle("GET /home", p.showHome)
	p.Site.Handle("POST /home", p.chooseMethod)
	p.Site.Handle("GET /account", p.showAccount)
	p.Site.Handle("POST /account", p.chooseLanguage)
	p.Site.Handle("GET /account/address", p.showAddress)
	p.Site.Handle("POST /account/address", p.sendConfirmation)
	p.Site.Handle("POST /account/address/update", p.updateAddress)
	p.Site.Handle("GET /account/address/remove", p.askRemoveAddress)
	p.Site.Handle("POST /account/address/remove", p.removeAddress)
	p.Site.Handle("GET /account/authenticators", p.showAuthenticators)
	p.Site.Handle("POST /account/authenticators", p.addAuthenticator)
	p.Site.Handle("GET /account/authenticators/rename", p.askRename)
	p.Site.Handle("POST /account/authenticators/rename", p.rename)
	p.Site.Handle("GET /account/authenticators/remove", p.askRemoveAuthenticator)
	p.Site.Handle("POST /account/authenticators/remove", p.removeAuthenticator)
	p.Site.Handle("GET /account/sessions", p.showSessions)
	p.Site.Handle("POST /account/sessions", p.endSessions)
	p.Site.Handle("GET /account/password", p.showPassword)
	p.Site.Handle("POST /account/password", p.changePassword)
	p.Site.Handle("GET /account/history", p.showHistory)
	p.Site.Handle("GET "+consentsPath, p.showConsents)
	p.Site.Handle("POST "+consentsPath, p.withdrawConsent)
	p.mountPasskeys()
	p.mountCodes()
	p.Site.Handle("GET /session", p.showSession)
	p.Site.Handle("GET /logout", p.showLogout)
	p.Site.Handle("POST /logout", p.logOut)
	p.Site.Handle("GET "+federation.LoggedOut, p.showLoggedOut)
}

// identify tells the frame of every page who is signed in.
func (p *Pages) identify(r *http.Request) (*web.Person, error) {
	v, err := p.visit(r)
	if v == nil {
		return nil, err
	}
	banners, err := p.banners(r, v)
	if err != nil {
		return nil, err
	}
	return &web.Person{SPSID: v.Subscriber.SPSID, Name: v.Subscriber.Name(p.Site.Lang(r) == i18n.Japanese), Ends: v.Session.EndsAt().UnixMilli(), Banners: banners,
		Desk: v.Subscriber.IsAgent(), Admin: v.Subscriber.Role == directory.RoleAdministrator || v.Subscriber.Role == directory.RoleAuditor}, nil
}

// signedIn returns who is signed in, or sends the browser to sign in.
func (p *Pages) signedIn(w http.ResponseWriter, r *http.Request) (*directory.Subscriber, error) {
	_, who, err := p.Sessions.Who(r.Context(), p.Site.Session(r))
	if errors.Is(err, session.ErrNone) {
		address := "/login"
		if p.Site.Session(r) != "" { // there was one, and it has ended
			p.Site.SetSession(w, "")
			address = "/login?ended=1"
		}
		return nil, p.Site.Redirect(w, r, address)
	}
	if err != nil {
		return nil, err
	}
	return &who, nil
}

// showSession tells the script of a page when the session ends. Asking is a use
// of the session like any other, so that it is how a person gets more time (SES-3).
func (p *Pages) showSession(w http.ResponseWriter, r *http.Request) error {
	found, err := p.Sessions.Find(r.Context(), p.Site.Session(r))
	if errors.Is(err, session.ErrNone) {
		return p.Site.JSON(w, http.StatusUnauthorized, map[string]int64{"ends": 0})
	}
	if err != nil {
		return err
	}
	return p.Site.JSON(w, http.StatusOK, map[string]int64{"ends": found.EndsAt().UnixMilli()})
}

const logoutStep = "account/logout" // the name of the page, too

// LogoutPage is the page "account/logout".
type LogoutPage struct {
	web.Hidden
}

func (p *Pages) showLogout(w http.ResponseWriter, r *http.Request) (err error) {
	who, err := p.signedIn(w, r)
	if who == nil || err != nil {
		return err
	}
	var page LogoutPage
	if page.Hidden, err = p.Site.Hidden(w, r, logoutStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, logoutStep, page)
}

func (p *Pages) logOut(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.Site.Form(w, r, logoutStep); err != nil {
		return err
	}
	address, err := p.Farewell.Leave(w, r, "")
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, address)
}

// LoggedOutPage is the page "account/loggedout".
type LoggedOutPage struct {
	Left []string // names of services that nobody has told
}

func (p *Pages) showLoggedOut(w http.ResponseWriter, r *http.Request) error {
	left, err := p.Farewell.Left(r)
	if err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, "account/loggedout", LoggedOutPage{Left: left})
}
