package app

import (
	"context"

	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/federation/oidc"
)

// protocol is what a protocol knows to tell of a person.
type protocol interface {
	Told(ctx context.Context, request federation.Request, service federation.Service, who directory.Subscriber) (federation.Disclosures, error)
	Missing(ctx context.Context, who directory.Subscriber, service federation.Service) ([]string, error)
}

// Told returns what a service would be told of a person if it asked for all that it
// may have, and which required attributes the person has no value of.
func (a *App) Told(ctx context.Context, service federation.Service, who directory.Subscriber) (told federation.Disclosures, missing []string, err error) {
	speaks, ok := a.protocols[service.Protocol]
	if !ok {
		return nil, nil, federation.ErrNoService
	}
	request := federation.Request{Protocol: service.Protocol, Service: service.ID, NameID: service.NameID, Scopes: oidc.Scopes}
	if told, err = speaks.Told(ctx, request, service, who); err != nil {
		return nil, nil, err
	}
	missing, err = speaks.Missing(ctx, who, service)
	return told, missing, err
}
