package federation

import (
	"context"
	"errors"
)

// Feeds are services that somebody else describes: a federation of institutions.
type Feeds interface {
	// Entity returns the service with the entityID, or [ErrNoService].
	Entity(ctx context.Context, entityID string) (Service, error)
	// Service returns the service with the id, or [ErrNoService].
	Service(ctx context.Context, id string) (Service, error)
}

// ofFeed returns a service of a feed by its id, unless an own record has its
// entityID: then that one counts, also where it is switched off.
func (s *Services) ofFeed(ctx context.Context, set *serviceSet, id string) (Service, error) {
	if s.Feeds == nil {
		return Service{}, ErrNoService
	}
	service, err := s.Feeds.Service(ctx, id)
	if err != nil {
		return Service{}, err
	}
	if _, own := set.byEntity[service.EntityID]; own {
		return Service{}, ErrNoService
	}
	return service, nil
}

// complete gives an own record that has no metadata those of a feed.
func (s *Services) complete(ctx context.Context, service Service) (Service, error) {
	if service.Protocol != SAML || service.Metadata != "" {
		return service, nil
	}
	if s.Feeds == nil {
		return Service{}, ErrNoService
	}
	described, err := s.Feeds.Entity(ctx, service.EntityID)
	if err != nil {
		return Service{}, err
	}
	service.Metadata, service.Feed = described.Metadata, described.Feed
	return service, nil
}

// Name returns what people call a service, empty if nothing is known of it any
// more; also of one that is switched off.
func (s *Services) Name(ctx context.Context, id string) (Text, error) {
	set, err := s.set(ctx)
	if err != nil {
		return Text{}, err
	}
	if own, ok := set.byID[id]; ok {
		return own.Name, nil
	}
	service, err := s.ofFeed(ctx, set, id)
	if errors.Is(err, ErrNoService) {
		return Text{}, nil
	}
	return service.Name, err
}
