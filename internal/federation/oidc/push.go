package oidc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"warifu/internal/federation"
	"warifu/internal/secret"
)

const (
	pushedPrefix   = "urn:ietf:params:oauth:request_uri:"
	pushedLifetime = time.Minute
	pushedMark     = "\x00pushed" // no parameter can have this name
)

// ErrNoRequest means that there is no such pushed request, or no more.
var ErrNoRequest = errors.New("oidc: no such pushed request")

// PushedRequest is a request that a client has handed over itself, so that it
// does not travel through the browser (RFC 9126).
type PushedRequest struct {
	Service   string
	Digest    []byte // of the last part of its request_uri
	Query     string // the parameters
	ExpiresAt time.Time
}

// pushResponse is the answer to a pushed request.
type pushResponse struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"`
}

// push is the endpoint for pushed requests. They are checked like those of a browser.
func (p *Provider) push(w http.ResponseWriter, r *http.Request) (any, error) {
	params, err := form(r)
	if err != nil {
		return nil, err
	}
	service, err := p.authenticate(r, params)
	if err != nil {
		return nil, err
	}
	if params.has("request_uri") {
		return nil, fault(invalidRequest, "request_uri cannot be pushed")
	}
	if !isRegistered(service, params.values["redirect_uri"]) { //guard:A49
		return nil, fault(invalidRequest, "redirect_uri is not registered")
	}
	params.values[pushedMark] = "yes"
	if _, err := p.translate(r.Context(), params, service); err != nil {
		return nil, err
	}
	token, err := secret.Token(p.Random)
	if err != nil {
		return nil, err
	}
	err = p.InTx(r.Context(), func(tx Tx) error {
		return tx.PushRequest(r.Context(), PushedRequest{Service: service.ID, Digest: secret.Digest(token),
			Query: pushedQuery(params), ExpiresAt: p.now().Add(pushedLifetime)})
	})
	if err != nil {
		return nil, err
	}
	return created{pushResponse{RequestURI: pushedPrefix + token, ExpiresIn: int64(pushedLifetime.Seconds())}}, nil
}

// pushedQuery returns the parameters without the proof of the client.
func pushedQuery(params parameters) string {
	values := query(params)
	for _, name := range []string{pushedMark, "client_secret", "client_assertion", "client_assertion_type"} {
		values.Del(name)
	}
	return values.Encode()
}

// take returns the parameters of a pushed request, once. One of another client
// is not found.
func (p *Provider) take(ctx context.Context, service federation.Service, uri string) (parameters, error) {
	digest := secret.Digest(strings.TrimPrefix(uri, pushedPrefix))
	var pushed PushedRequest
	err := p.InTx(ctx, func(tx Tx) (err error) {
		pushed, err = tx.TakeRequest(ctx, service.ID, digest, p.now())
		return err
	})
	if errors.Is(err, ErrNoRequest) {
		return parameters{}, badRequest(err, service)
	}
	if err != nil {
		return parameters{}, err
	}
	params, err := parseParameters(pushed.Query)
	if err == nil {
		params.values[pushedMark] = "yes"
	}
	return params, err
}

// isPushed reports whether a request_uri is of the kind that we give out.
func isPushed(uri string) bool { return strings.HasPrefix(uri, pushedPrefix) }
