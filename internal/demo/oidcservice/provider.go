package oidcservice

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"warifu/internal/demo/visitors"
)

const (
	maxAnswer  = 1 << 20         // bytes of an answer of the server
	keysAtMost = 5 * time.Second // between two looks at the keys, so that made-up key ids are cheap
)

// metadata is what the server says of itself (OpenID Connect Discovery 1.0 §3).
type metadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Userinfo      string `json:"userinfo_endpoint"`
	Keys          string `json:"jwks_uri"`
	EndSession    string `json:"end_session_endpoint"`
	SendsIssuer   bool   `json:"authorization_response_iss_parameter_supported"`
}

// provider is the server, as its public addresses show it.
type provider struct {
	issuer string
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	metadata *metadata // nil until the server has answered
	keys     map[string]crypto.PublicKey
	keysAt   time.Time
}

// discover asks the server once; after a failure the next request asks again,
// since the server may start later than this service.
func (p *provider) discover(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.metadata != nil {
		return p.metadata, nil
	}
	var m metadata
	if err := p.getJSON(ctx, strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration", &m); err != nil {
		return nil, err
	}
	if m.Issuer != p.issuer {
		return nil, fmt.Errorf("oidcservice: %s calls itself %q", p.issuer, m.Issuer)
	}
	if m.Authorization == "" || m.Token == "" || m.Keys == "" {
		return nil, errors.New("oidcservice: the server names too few endpoints")
	}
	p.metadata = &m
	return p.metadata, nil
}

// key returns the server's public key of an id. One that is not known yet may
// be new.
func (p *provider) key(ctx context.Context, id string) (crypto.PublicKey, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if key, ok := p.keys[id]; ok {
		return key, nil
	}
	if p.keys == nil || p.now().Sub(p.keysAt) >= keysAtMost {
		p.keysAt = p.now()
		var set struct{ Keys []json.RawMessage }
		if err := p.getJSON(ctx, m.Keys, &set); err != nil {
			return nil, err
		}
		p.keys = parseKeys(set.Keys)
	}
	if key, ok := p.keys[id]; ok {
		return key, nil
	}
	return nil, &visitors.Failure{Code: "invalid_token", Description: "signed with an unknown key"}
}

func (p *provider) getJSON(ctx context.Context, address string, value any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("oidcservice: %w", err)
	}
	status, body, err := p.do(request)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("oidcservice: %s answered %d", request.URL.Path, status)
	}
	if err := json.Unmarshal(body, value); err != nil {
		return fmt.Errorf("oidcservice: %s: %w", request.URL.Path, err)
	}
	return nil
}

func (p *provider) do(request *http.Request) (status int, body []byte, err error) {
	request.Header.Set("Accept", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("oidcservice: %w", err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("oidcservice: %w", err)
	}
	return response.StatusCode, body, nil
}

// tokens are what a code was exchanged for.
type tokens struct {
	ID     string `json:"id_token"`
	Access string `json:"access_token"`
	Type   string `json:"token_type"`
}

// exchange redeems a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
func (s *Service) exchange(ctx context.Context, m *metadata, code, verifier string) (tokens, error) {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {s.config.RedirectURI()}, "code_verifier": {verifier},
	}
	if s.config.ClientSecret == "" {
		form.Set("client_id", s.config.ClientID)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return tokens{}, fmt.Errorf("oidcservice: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.config.ClientSecret != "" { // RFC 6749 §2.3.1
		request.SetBasicAuth(url.QueryEscape(s.config.ClientID), url.QueryEscape(s.config.ClientSecret))
	}
	status, body, err := s.provider.do(request)
	if err != nil {
		return tokens{}, err
	}
	if status != http.StatusOK {
		var f visitors.Failure
		if json.Unmarshal(body, &f) != nil || f.Code == "" {
			f = visitors.Failure{Code: "server_error", Description: fmt.Sprintf("the token endpoint answered %d", status)}
		}
		return tokens{}, &f
	}
	var t tokens
	if err := json.Unmarshal(body, &t); err != nil || t.ID == "" || !strings.EqualFold(t.Type, "Bearer") {
		return tokens{}, &visitors.Failure{Code: "invalid_response", Description: "the token endpoint sent no ID token"}
	}
	return t, nil
}

// addUserinfo adds what userinfo knows; the signed claims of the ID token stay
// as they are (OpenID Connect Core 1.0 §5.3.2).
func (s *Service) addUserinfo(ctx context.Context, m *metadata, accessToken string, claims map[string]any) error {
	if m.Userinfo == "" || accessToken == "" {
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Userinfo, nil)
	if err != nil {
		return fmt.Errorf("oidcservice: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	status, body, err := s.provider.do(request)
	if err != nil {
		return err
	}
	var more map[string]any
	if err := json.Unmarshal(body, &more); status != http.StatusOK || err != nil {
		return &visitors.Failure{Code: "server_error", Description: fmt.Sprintf("userinfo answered %d", status)}
	}
	if more["sub"] != claims["sub"] {
		return &visitors.Failure{Code: "invalid_response", Description: "userinfo is of another person"}
	}
	for name, value := range more {
		if _, ok := claims[name]; !ok {
			claims[name] = value
		}
	}
	return nil
}
