package saml

import (
	"context"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"

	"warifu/internal/assurance"
	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/federation/consent"
	"warifu/internal/session"
	"warifu/internal/web"
)

// signOnRedirect takes an AuthnRequest by HTTP-Redirect.
func (p *Provider) signOnRedirect(w http.ResponseWriter, r *http.Request) error {
	in, err := fromQuery(r.URL.RawQuery)
	if err != nil {
		return badRequest(err, federation.Service{})
	}
	request, service, err := p.accept(r.Context(), in)
	if err != nil {
		return p.refuse(w, r, request, service, err)
	}
	return p.proceed(w, r, request, service)
}

// signOnPost takes one by HTTP-POST. From another site it has no cookie: it goes
// on by a GET, which has.
func (p *Provider) signOnPost(w http.ResponseWriter, r *http.Request) error {
	in, err := readForm(r)
	if err != nil {
		return badRequest(err, federation.Service{})
	}
	request, service, err := p.accept(r.Context(), in)
	if err != nil {
		return p.refuse(w, r, request, service, err)
	}
	sealed, err := p.Pending.Seal(request)
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, request.Resume(sealed))
}

func readForm(r *http.Request) (incoming, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return incoming{}, refuse("not a form")
	}
	return fromForm(r.Body)
}

// resume goes on with a request after a sign-in or a step-up.
func (p *Provider) resume(w http.ResponseWriter, r *http.Request) error {
	request, err := p.Pending.Open(web.Query(r, "p"))
	if errors.Is(err, federation.ErrPending) || err == nil && request.Protocol != federation.SAML {
		return &web.Problem{Status: http.StatusForbidden, Stop: "stop.flow", Err: err}
	}
	if err != nil {
		return err
	}
	service, err := p.Services.Find(r.Context(), request.Service)
	if err != nil {
		return unknown(err)
	}
	_, entity, err := p.service(r.Context(), service.EntityID)
	if err != nil {
		return err
	}
	if _, err := entity.consumer(request.ReturnTo, "", ""); err != nil { // it may have been changed meanwhile
		return badRequest(err, service)
	}
	return p.proceed(w, r, request, service)
}

// accept proves where a message comes from and where its answer goes, and returns
// what it asks. An error that is a [status] may be told to the service: the
// request then has what the answer needs.
func (p *Provider) accept(ctx context.Context, in incoming) (federation.Request, federation.Service, error) {
	service, entity, err := p.service(ctx, in.issuer())
	if err != nil {
		return federation.Request{}, service, err
	}
	root, signed, err := in.verify(entity.Signing, entity.SignsRequests || service.SignedRequests)
	if err != nil {
		return federation.Request{}, service, badRequest(err, service)
	}
	asked, err := parseAuthnRequest(root, expectation{destination: p.Policy.BaseURL + signOnPath, signed: signed, now: p.now()})
	if err == nil && asked.Issuer != entity.ID {
		err = refuse("the signed issuer is another one")
	}
	if err != nil {
		return federation.Request{}, service, badRequest(err, service)
	}
	address, err := entity.consumer(asked.Consumer.Address, asked.Consumer.Index, asked.Consumer.Binding)
	if err != nil {
		return federation.Request{}, service, badRequest(err, service)
	}
	request, err := translate(asked, service)
	request.ReturnTo, request.State, request.IssuedAt = address, in.relayState, p.now()
	return request, service, err
}

// translate says in the words of all protocols what is asked. Its error is a
// [status].
func translate(asked authnRequest, service federation.Service) (federation.Request, error) {
	request := federation.Request{Protocol: federation.SAML, Service: service.ID, ID: asked.ID, Force: asked.Force, Passive: asked.Passive,
		Wanted: asked.Levels, Essential: len(asked.Levels) > 0, Minimum: asked.Compare == assurance.Minimum}
	if asked.Fault != nil {
		return request, asked.Fault
	}
	switch asked.Format {
	case "", formatUnspecified:
		request.NameID = service.NameID
		if request.NameID == "" {
			request.NameID = federation.Transient
		}
	case formatTransient:
		request.NameID = federation.Transient
	case formatPersistent:
		request.NameID = federation.Persistent
	default:
		return request, statusNameIDPolicy
	}
	if asked.Relation != "" && asked.Relation != service.EntityID {
		return request, statusNameIDPolicy
	}
	if asked.Subject == nil {
		return request, nil
	}
	if request.Subject = asked.Subject.Value; request.Subject == "" {
		return request, statusUnknownPrincipal
	}
	return request, nil
}

// proceed does what [federation.Decide] says. It is the only place that decides
// what becomes of a request.
func (p *Provider) proceed(w http.ResponseWriter, r *http.Request, request federation.Request, service federation.Service) error {
	present, person, err := p.person(r, request, service)
	if err != nil {
		return err
	}
	told, withheld, err := p.Consent.Of(r.Context(), request, service, present, person, p.Told)
	if err != nil {
		return err
	}
	d := federation.Decide(p.Assurance, federation.Question{Request: request, Service: service, Person: person, Told: told, Now: p.now()})
	switch d.Kind {
	case federation.Assert, federation.Ask:
		missing, err := p.Missing(r.Context(), person.Subscriber, service)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return p.refuseMissing(w, r, request, service, missing)
		}
		if d.Kind == federation.Ask {
			return p.askConsent(w, r, request)
		}
		service.Release = service.Release.Without(withheld)
		response, err := p.assert(r, request, service, person.Subscriber, present, d)
		switch {
		case errors.Is(err, federation.ErrSessionEnded): // just now: nobody is signed in any more
			return p.ask(w, r, request, service, federation.Need{Kind: federation.SignIn})
		case errors.Is(err, ErrEncryption):
			return p.refuseReadable(w, r, request, service, present, err)
		case err != nil:
			return err
		}
		return p.post(w, r, request, service, response)
	case federation.Fail:
		return p.refuse(w, r, request, service, refusals[d.Fault])
	default:
		return p.ask(w, r, request, service, d.Need)
	}
}

// ask sends the browser to sign in, or to give one more proof.
func (p *Provider) ask(w http.ResponseWriter, r *http.Request, request federation.Request, service federation.Service, need federation.Need) error {
	if request.Passive {
		return p.refuse(w, r, request, service, statusNoPassive)
	}
	request.Need = need
	sealed, err := p.Pending.Seal(request)
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, federation.Login(sealed))
}

// askConsent sends the browser to the page that asks what may be told.
func (p *Provider) askConsent(w http.ResponseWriter, r *http.Request, request federation.Request) error {
	sealed, err := p.Pending.Seal(request)
	if err != nil {
		return err
	}
	return p.Site.Redirect(w, r, federation.AtConsent(sealed))
}

// refusals are the errors of decisions, in the words of SAML.
var refusals = map[federation.Fault]*status{
	federation.LoginRequired:    statusNoPassive,
	federation.UnknownSubject:   statusUnknownPrincipal,
	federation.EnrolmentNeeded:  statusNoPassive,
	federation.Unreachable:      statusNoAuthnContext,
	federation.PersonNotAllowed: statusRequestDenied,
	federation.ConsentRequired:  statusNoPassive,
	federation.ReleaseRefused:   statusRequestDenied,
	federation.Cancelled:        statusAuthnFailed,
}

// person returns who is signed in, or nil.
func (p *Provider) person(r *http.Request, request federation.Request, service federation.Service) (session.Session, *federation.Person, error) {
	ctx := r.Context()
	present, who, err := p.Sessions.Who(ctx, p.Site.Session(r))
	if errors.Is(err, session.ErrNone) {
		return session.Session{}, nil, nil
	}
	if err != nil {
		return session.Session{}, nil, err
	}
	person := &federation.Person{Subscriber: who, Evidence: present.Evidence}
	if person.Reach, err = p.Reach(ctx, who.ID); err != nil {
		return session.Session{}, nil, err
	}
	if request.Subject != "" {
		err = p.View(ctx, func(tx Reader) error {
			person.Subject, err = knownAs(ctx, tx, service, present, request.Subject)
			return err
		})
	}
	return present, person, err
}

// knownAs returns the value that the service has of who is signed in: the wanted
// one, if it is the name that the session has there, else the pairwise one.
func knownAs(ctx context.Context, tx Reader, service federation.Service, present session.Session, wanted string) (string, error) {
	part, err := tx.Participation(ctx, present.SubscriberID, present.ID, service.ID)
	if err == nil && part.Subject == wanted {
		return wanted, nil
	}
	if err != nil && !errors.Is(err, federation.ErrNoParticipation) {
		return "", err
	}
	return tx.PairwiseSubject(ctx, service.SectorOf(), present.SubscriberID)
}

// assert records that the service is told who this is, and returns the Response.
func (p *Provider) assert(r *http.Request, request federation.Request, service federation.Service,
	who directory.Subscriber, present session.Session, d federation.Decision) ([]byte, error) {
	ctx, now := r.Context(), p.now()
	to, err := p.recipient(ctx, service)
	if err != nil {
		return nil, err
	}
	var ids [4]string // of Response and Assertion; of the session and the person, if they have none there
	for i := range ids {
		if ids[i], err = newID(p.Random); err != nil {
			return nil, err
		}
	}
	s := statement{ID: ids[1], Issuer: p.Policy.Name(), Audience: service.EntityID, Recipient: request.ReturnTo, InResponseTo: request.ID,
		Now: now, AuthnInstant: d.AuthTime, SessionEnd: present.ExpiresAt, ClassRef: p.Assurance.ClassRef(d.ACR)}
	of := about{Subscriber: who, policy: p.Policy, service: service}
	err = p.InTx(ctx, func(tx Tx) (err error) {
		if request.NameID == federation.Persistent || needsPairwise(service) {
			if of.pairwise, err = p.pairwise(ctx, tx, service, who); err != nil {
				return err
			}
		}
		part, err := tx.Participate(ctx, federation.Participation{SubscriberID: who.ID, SessionID: present.ID,
			Service: service.ID, Subject: ids[3], SID: ids[2], Since: now})
		if err != nil {
			return err
		}
		s.SessionIndex, s.NameID = part.SID, nameID{Format: formatTransient, Value: part.Subject, NameQualifier: p.Policy.Name(), SPNameQualifier: service.EntityID}
		if request.NameID == federation.Persistent {
			s.NameID.Format, s.NameID.Value = formatPersistent, of.pairwise
		}
		return tx.AppendAudit(ctx, p.event(r, EventSignIn, d.ACR, who.ID, service, present.ID))
	})
	if err != nil {
		return nil, err
	}
	s.Attributes = of.attributes(p.Policy.Name())
	return p.respond(ctx, answer{ID: ids[0], Issuer: s.Issuer, Destination: s.Recipient, InResponseTo: s.InResponseTo, Now: now, Status: statusSuccess}, s, to)
}

// Missing returns the attributes that the service must have and that the person
// has no value of, or none in the form that an attribute has.
func (p *Provider) Missing(ctx context.Context, who directory.Subscriber, service federation.Service) ([]string, error) {
	if !needsPairwise(service) {
		return about{Subscriber: who, policy: p.Policy, service: service}.missing(), nil
	}
	of, err := p.about(ctx, service, who)
	return of.missing(), err
}

// Told returns what an answer to a request tells a service of a person.
func (p *Provider) Told(ctx context.Context, request federation.Request, service federation.Service, who directory.Subscriber) (federation.Disclosures, error) {
	of, err := p.about(ctx, service, who)
	return of.told(request.NameID), err
}

// about has the value that the service has of the person, or will have.
func (p *Provider) about(ctx context.Context, service federation.Service, who directory.Subscriber) (about, error) {
	of := about{Subscriber: who, policy: p.Policy, service: service}
	err := p.View(ctx, func(tx Reader) (err error) {
		of.pairwise, err = tx.PairwiseSubject(ctx, service.SectorOf(), who.ID)
		return err
	})
	if of.pairwise == "" {
		of.pairwise = federation.PairwiseValue(p.Subjects, service.SectorOf(), who.ID)
	}
	return of, err
}

func (p *Provider) pairwise(ctx context.Context, tx Tx, service federation.Service, who directory.Subscriber) (string, error) {
	sector := service.SectorOf()
	known, err := tx.PairwiseSubject(ctx, sector, who.ID)
	if err != nil || known != "" {
		return known, err
	}
	return tx.CreatePairwiseSubject(ctx, sector, who.ID, federation.PairwiseValue(p.Subjects, sector, who.ID), p.now())
}

// recipient is whom an assertion for a service is encrypted for.
func (p *Provider) recipient(ctx context.Context, service federation.Service) (*recipient, error) {
	_, entity, err := p.service(ctx, service.EntityID)
	if err != nil {
		return nil, err
	}
	return recipientOf(entity, service.Encryption)
}

// respond signs, encrypts where the service has a key, and signs again.
func (p *Provider) respond(ctx context.Context, a answer, s statement, to *recipient) ([]byte, error) {
	key, err := p.credential(ctx)
	if err != nil {
		return nil, err
	}
	assertion, err := s.assertion(key)
	if err != nil {
		return nil, err
	}
	if to != nil { //guard:SAML-3
		plain, err := serialize(assertion)
		if err != nil {
			return nil, err
		}
		if assertion, err = to.encrypt(plain, p.Random); err != nil {
			return nil, err
		}
	}
	return a.response(assertion, key)
}

// event returns what the audit trail keeps.
func (p *Provider) event(r *http.Request, name audit.Name, outcome, subscriber string, service federation.Service, sessionID string) audit.Event {
	return audit.Event{At: p.now(), Name: name, Outcome: outcome, Subscriber: subscriber, Actor: subscriber, Target: service.ID,
		Address: p.Site.Address(r).String(), Detail: map[string]string{"session": sessionID}}
}

// PostPage is the page "saml/post": a form that the browser sends to the service,
// by a script or by its button.
type PostPage struct {
	Service    string // its name, in the language of the page
	Action     string // where the answer goes: an address of the service's metadata
	Response   string // base64
	RelayState string // as it came
}

// post sends the browser back to the service with an answer.
func (p *Provider) post(w http.ResponseWriter, r *http.Request, request federation.Request, service federation.Service, response []byte) error {
	p.Site.AllowForm(r, request.Origin())
	return p.Site.Render(w, r, http.StatusOK, "saml/post", PostPage{Service: service.Name.In(string(p.Site.Lang(r))), Action: request.ReturnTo,
		Response: base64.StdEncoding.EncodeToString(response), RelayState: request.State})
}

// refuse tells the service why not. What is not a [status] is ours.
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, request federation.Request, service federation.Service, err error) error {
	refusal, ok := errors.AsType[*status](err)
	if !ok {
		return err
	}
	id, err := newID(p.Random)
	if err != nil {
		return err
	}
	key, err := p.credential(r.Context())
	if err != nil {
		return err
	}
	a := answer{ID: id, Issuer: p.Policy.Name(), Destination: request.ReturnTo, InResponseTo: request.ID, Now: p.now(), Status: refusal}
	response, err := a.response(nil, key)
	if err != nil {
		return err
	}
	return p.post(w, r, request, service, response)
}

// refuseReadable tells the service that there is nothing that it could be sent
// without others being able to read it, and the trail why.
func (p *Provider) refuseReadable(w http.ResponseWriter, r *http.Request, request federation.Request, service federation.Service, present session.Session, why error) error {
	err := p.InTx(r.Context(), func(tx Tx) error {
		e := p.event(r, EventSignIn, "refused", present.SubscriberID, service, present.ID)
		e.Detail["reason"] = why.Error()
		return tx.AppendAudit(r.Context(), e)
	})
	if err != nil {
		return err
	}
	return p.refuse(w, r, request, service, statusRequester)
}

// refuseMissing tells the person what the service would need to know; a request
// that may show nothing fails.
func (p *Provider) refuseMissing(w http.ResponseWriter, r *http.Request, request federation.Request, service federation.Service, missing []string) error {
	if request.Passive {
		return p.refuse(w, r, request, service, statusRequestDenied)
	}
	return consent.Missing(p.Site, r, service, missing)
}
