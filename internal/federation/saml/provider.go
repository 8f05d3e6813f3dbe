package saml

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/audit"
	"warifu/internal/authenticator"
	"warifu/internal/federation"
	"warifu/internal/federation/consent"
	"warifu/internal/keyring"
	"warifu/internal/web"
)

// The addresses.
const (
	metadataPath = "/saml/metadata"
	signOnPath   = "/saml/sso"
	logoutPath   = "/saml/slo"
	resumePath   = "/saml/continue"
	errorPath    = "/saml/error"
	logoPath     = "/saml/logo"
)

// The events of the audit trail.
const (
	EventSignIn audit.Name = "saml.sign_in" // a service was told who somebody is
	EventLogout audit.Name = "saml.logout"  // a service has ended a session
)

// Reader is what telling a service about a person needs.
type Reader interface {
	// PairwiseSubject returns the value of a subscriber in a sector; empty if
	// there is none yet.
	PairwiseSubject(ctx context.Context, sector, subscriberID string) (string, error)
	// Participation returns the part of a service in a session, or
	// [federation.ErrNoParticipation].
	Participation(ctx context.Context, subscriberID, sessionID, service string) (federation.Participation, error)
	// Participations returns the parts of all services in a session.
	Participations(ctx context.Context, subscriberID, sessionID string) ([]federation.Participation, error)
}

// Tx is what an assertion needs of a transaction.
type Tx interface {
	Reader
	// Participate stores a participation, unless the session has one with the
	// service, and returns the one that it has. It returns
	// [federation.ErrSessionEnded] if the session has ended.
	Participate(ctx context.Context, p federation.Participation) (federation.Participation, error)
	// CreatePairwiseSubject stores the value of a subscriber in a sector, unless
	// he has one, and returns the one that he has.
	CreatePairwiseSubject(ctx context.Context, sector, subscriberID, value string, now time.Time) (string, error)
	// AppendAudit records a security event.
	AppendAudit(ctx context.Context, e audit.Event) error
}

// Keys are those that sign messages.
type Keys interface {
	// LongLived returns the key that signs, then the next one.
	LongLived(ctx context.Context) ([]keyring.LongLived, error)
}

// Provider serves the endpoints of the identity provider. InTx and View may run
// their function more than once.
type Provider struct {
	Site      *web.Site
	Services  *federation.Services
	Pending   federation.Pending
	Sessions  federation.Sessions
	Farewell  *federation.Farewell
	Reach     func(ctx context.Context, subscriberID string) ([]authenticator.Evidence, error) // what a person could prove himself with
	Keys      Keys
	Subjects  []byte // key of pairwise subject values
	Consent   consent.Book
	InTx      func(ctx context.Context, fn func(Tx) error) error
	View      func(ctx context.Context, fn func(Reader) error) error
	Assurance assurance.Policy
	Policy    Policy
	Random    io.Reader
	Now       func() time.Time

	mu       sync.Mutex
	entities *lru[readEntity]      // by id of the service
	certs    map[string]Credential // by id of the key
	signed   signedMetadata
}

// readEntity is the metadata of a service, read once.
type readEntity struct {
	text   string
	entity *Entity
}

// signedMetadata are ours as they were last signed.
type signedMetadata struct {
	day  time.Time
	kids string
	text []byte
}

// Mount registers the endpoints. Other sites send people to some of them, which
// prove themselves otherwise than by a token in a form of ours.
func (p *Provider) Mount() {
	p.Site.Handle("GET "+metadataPath, p.metadata)
	p.Site.Handle("GET "+logoPath, p.logo)
	p.Site.Handle("GET "+errorPath, p.showError)
	p.Site.Handle("GET "+signOnPath, p.signOnRedirect)
	p.Site.HandleForeign("POST "+signOnPath, p.signOnPost)
	p.Site.Handle("GET "+resumePath, p.resume)
	p.Site.Handle("GET "+logoutPath, p.logoutRedirect)
	p.Site.HandleForeign("POST "+logoutPath, p.logoutPost)
}

// now is exact to what the store keeps.
func (p *Provider) now() time.Time { return p.Now().Truncate(time.Millisecond) }

// loopback reports whether we are reached by http, on loopback.
func (p *Provider) loopback() bool { return !p.Site.Secure() }

// credentials returns the key that signs, then the next one.
func (p *Provider) credentials(ctx context.Context) (all []Credential, kids string, err error) {
	keys, err := p.Keys.LongLived(ctx)
	if err != nil {
		return nil, "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.certs == nil {
		p.certs = make(map[string]Credential)
	}
	for _, key := range keys {
		c, ok := p.certs[key.KID]
		if !ok {
			if c, err = certify(key, p.Policy.Name()); err != nil {
				return nil, "", err
			}
			p.certs[key.KID] = c
		}
		all = append(all, c)
		kids += key.KID + " "
	}
	return all, kids, nil
}

// credential returns the key that signs.
func (p *Provider) credential(ctx context.Context) (Credential, error) {
	all, _, err := p.credentials(ctx)
	if err != nil {
		return Credential{}, err
	}
	return all[0], nil
}

// metadata answers with ours. They change once a day or with a key, so that
// asking often costs no signature.
func (p *Provider) metadata(w http.ResponseWriter, r *http.Request) error {
	keys, kids, err := p.credentials(r.Context())
	if err != nil {
		return err
	}
	day := p.now().UTC().Truncate(24 * time.Hour)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.signed.day.Equal(day) || p.signed.kids != kids {
		text, err := metadataOf(p.Policy, keys, day)
		if err != nil {
			return err
		}
		p.signed = signedMetadata{day: day, kids: kids, text: text}
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(p.signed.text) // who has gone away is not our failure
	return nil
}

var errNoLogo = errors.New("saml: there is no logo")

// logo is shown by the discovery services of other sites.
func (p *Provider) logo(w http.ResponseWriter, _ *http.Request) error {
	kinds := map[string]string{".svg": "image/svg+xml", ".png": "image/png"}
	if len(p.Policy.Logo) == 0 {
		return &web.Problem{Status: http.StatusNotFound, Stop: "stop.not_found", Err: errNoLogo}
	}
	w.Header().Set("Content-Type", kinds[p.Policy.LogoType])
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write(p.Policy.Logo)
	return nil
}

// service returns the service with the entityID and what its metadata say. One
// whose metadata have run out is not known any more (SAML-7).
func (p *Provider) service(ctx context.Context, entityID string) (federation.Service, *Entity, error) {
	service, err := p.Services.FindEntity(ctx, entityID)
	if err != nil {
		return service, nil, unknown(err)
	}
	entity, err := p.entity(service)
	if err == nil && entity.ID != entityID {
		err = badMetadata("it is of %q", entity.ID)
	}
	if err == nil && !entity.ValidUntil.IsZero() && !p.now().Before(entity.ValidUntil) { //guard:SAML-7
		err = badMetadata("%s: it has run out", entityID)
	}
	return service, entity, unknown(err)
}

// unknown keeps on our own pages that there is no such service.
func unknown(err error) error {
	if errors.Is(err, federation.ErrNoService) || errors.Is(err, errMetadata) || errors.Is(err, errXML) {
		return &web.Problem{Status: http.StatusBadRequest, Stop: "stop.sp_unknown", Err: err}
	}
	return err
}

// entity returns what the metadata of a service say, or the record of a feed.
func (p *Provider) entity(service federation.Service) (*Entity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.entities == nil {
		p.entities = newLRU[readEntity](feedCache)
	}
	if known, ok := p.entities.get(service.ID); ok && known.text == service.Metadata {
		return known.entity, nil
	}
	entity, err := readEntityOf(service, p.loopback())
	if err != nil {
		return nil, err
	}
	p.entities.put(service.ID, readEntity{text: service.Metadata, entity: entity})
	return entity, nil
}

func readEntityOf(service federation.Service, loopback bool) (*Entity, error) {
	if service.Feed == "" {
		return ParseMetadata([]byte(service.Metadata), loopback)
	}
	var r Record
	if err := json.Unmarshal([]byte(service.Metadata), &r); err != nil {
		return nil, badMetadata("%s: %w", service.EntityID, err)
	}
	return r.entity()
}

// badRequest is an error that stays on our own pages: the service or the address
// for the answer is not proven.
func badRequest(err error, service federation.Service) error {
	return federation.BadRequest(err, service)
}
