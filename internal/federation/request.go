package federation

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/secret"
)

// PendingLifetime is how long a person may take from the service's request to
// the password, or from one decision to the next.
const PendingLifetime = 30 * time.Minute

// ErrPending means that a text is not a sealed request, or was sealed for too
// long.
var ErrPending = errors.New("federation: not a pending request")

// Request is what a service asks, once it is known and its return point is
// proven to be registered. It has no secret and gives no right: it is what the
// service's own address said. A page of ours asks in the same way, by [Page].
type Request struct {
	Page  string `json:"page,omitempty"`  // the path of our own page that asks, in place of a service
	Draft string `json:"draft,omitempty"` // what a person had typed there

	Protocol Protocol `json:"protocol"`
	Service  string   `json:"service"`           // its id
	ReturnTo string   `json:"return_to"`         // redirect_uri, or the address of the assertion consumer service
	ID       string   `json:"id,omitempty"`      // message id of an AuthnRequest
	State    string   `json:"state,omitempty"`   // state, or RelayState
	NameID   NameID   `json:"name_id,omitempty"` // the form of the person's name that an AuthnRequest wants
	Nonce    string   `json:"nonce,omitempty"`
	PKCE     string   `json:"pkce,omitempty"` // challenge of method S256
	Scopes   []string `json:"scopes,omitempty"`
	Claims   Claims   `json:"claims,omitzero"`

	Wanted    []string `json:"wanted,omitempty"`    // levels, in the order of preference
	Essential bool     `json:"essential,omitempty"` // one of them must be reached
	Minimum   bool     `json:"minimum,omitempty"`   // a stronger one will do as well

	Force         bool           `json:"force,omitempty"`   // redo all factors
	Passive       bool           `json:"passive,omitempty"` // show nothing
	SelectAccount bool           `json:"select_account,omitempty"`
	MaxAge        *time.Duration `json:"max_age,omitempty"`

	LoginHint string   `json:"login_hint,omitempty"`
	Subject   string   `json:"subject,omitempty"` // who it must be, by the value that the service has of him
	Locales   []string `json:"locales,omitempty"` // ui_locales

	// IssuedAt is when the service asked. What must be fresh for this request
	// was given after it.
	IssuedAt time.Time `json:"issued_at"`

	AskConsent bool     `json:"ask_consent,omitempty"` // ask the person again what may be told
	Consent    *Consent `json:"consent,omitempty"`     // what the person has said to this request

	// Cancelled is true once the person has gone back to the service without giving
	// the proof that it asks for.
	Cancelled bool `json:"cancelled,omitempty"`

	// Need is what the last decision found missing: what to ask the person for.
	Need Need `json:"need,omitzero"`
}

// Claims are those that a request names one by one, besides its scopes.
type Claims struct {
	UserInfo []string `json:"userinfo,omitempty"`
	IDToken  []string `json:"id_token,omitempty"`
}

// Need is what is missing of a person: a whole sign-in, or one more proof of
// any of these kinds from the one who is signed in.
type Need struct {
	Kind    Kind                 `json:"kind,omitempty"` // [SignIn], [StepUp] or [Enrol]
	Methods []authenticator.Kind `json:"methods,omitempty"`
}

// Consent is what a person has said at the page that asks what a service may be
// told. It counts in the session in which it was said, and for what was shown.
type Consent struct {
	Session  string   `json:"session,omitempty"`
	Refused  bool     `json:"refused,omitempty"`  // nothing may be told
	Digest   []byte   `json:"digest,omitempty"`   // of what was shown
	Withheld []string `json:"withheld,omitempty"` // the optional attributes that may not be told
}

// Page is the request of a page of ours, which wants one more proof of one of
// the kinds from the person who is signed in; without kinds, any sign-in.
func Page(path, draft string, issuedAt time.Time, methods []authenticator.Kind) Request {
	request := Request{Page: path, Draft: draft, IssuedAt: issuedAt, Need: Need{Kind: SignIn}}
	if len(methods) > 0 {
		request.Need = Need{Kind: StepUp, Methods: methods}
	}
	return request
}

// Draft returns what was typed at a page of ours, with this path, before one more
// proof was asked for. What is too old, or not from there, the person types again.
func (p Pending) Draft(sealed, path string) string {
	request, err := p.Open(sealed)
	if err != nil || request.Page != path {
		return ""
	}
	return request.Draft
}

// Origin returns where the answer goes, for the form-action of pages from whose
// forms the browser is redirected there.
func (r Request) Origin() string {
	if r.Page != "" {
		return ""
	}
	return Origin(r.ReturnTo)
}

// Resume returns where the browser goes on after a sign-in or a step-up. The
// text is the request sealed again.
func (r Request) Resume(sealed string) string {
	if r.Page != "" && r.Draft == "" {
		return r.Page
	}
	if r.Page != "" {
		return r.Page + "?p=" + url.QueryEscape(sealed)
	}
	return "/" + string(r.Protocol) + "/continue?p=" + url.QueryEscape(sealed)
}

// Login returns where the browser goes for what is missing.
func Login(sealed string) string { return "/login?p=" + url.QueryEscape(sealed) }

// ConsentPath is the page that asks a person what a service may be told.
const ConsentPath = "/login/consent"

// AtConsent returns where the browser goes for that.
func AtConsent(sealed string) string { return ConsentPath + "?p=" + url.QueryEscape(sealed) }

// Pending keeps requests in the addresses of our own pages, sealed, so that an
// anonymous request writes nothing.
type Pending struct {
	Box *secret.Box
	Now func() time.Time
}

var pendingPlace = secret.Place{Table: "federation", Column: "pending"}

// pending is a request and the end of its time.
type pending struct {
	Request
	ExpiresAt time.Time `json:"expires_at"`
}

// Seal returns the request as a text for [Login] or [Request.Resume]. Its time
// begins anew; IssuedAt stays.
func (p Pending) Seal(r Request) (string, error) {
	plain, err := json.Marshal(pending{Request: r, ExpiresAt: p.Now().Add(PendingLifetime)})
	if err != nil {
		return "", fmt.Errorf("federation: seal request: %w", err)
	}
	return p.Box.SealText(pendingPlace, plain), nil
}

// Open returns the request that was sealed. Its error is an [ErrPending].
func (p Pending) Open(sealed string) (Request, error) {
	plain, err := p.Box.OpenText(pendingPlace, sealed)
	if err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrPending, err)
	}
	var opened pending
	if err := json.Unmarshal(plain, &opened); err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrPending, err)
	}
	if !p.Now().Before(opened.ExpiresAt) { //guard:OIDC-4
		return Request{}, fmt.Errorf("%w: it has expired", ErrPending)
	}
	return opened.Request, nil
}
