package federation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrNoService means that there is no service with the id, or that it is
// switched off.
var ErrNoService = errors.New("federation: no such service")

// servicesRefresh is after what time a change from the shell is seen.
const servicesRefresh = 5 * time.Second

// ServiceReader reads the services of the database.
type ServiceReader interface {
	Services(ctx context.Context) ([]Service, error)
}

// ServiceTx changes them.
type ServiceTx interface {
	ServiceReader

	// LockedServices is [ServiceReader.Services] for who will change one of them:
	// until the transaction has ended nobody else gets them so, and what it decides
	// by all of them stays true.
	LockedServices(ctx context.Context) ([]Service, error)

	// PutService stores a service in place of any other with its id.
	PutService(ctx context.Context, s Service, now time.Time) error
}

// Services are all services: those of the configuration and, read anew every
// few seconds, those of the database, which are own records; then those of feeds.
// Looking up an own record costs no transaction.
type Services struct {
	Configured []Service
	Feeds      Feeds // nil: there are none
	View       func(context.Context, func(ServiceReader) error) error
	Now        func() time.Time

	mu     sync.Mutex
	loaded *serviceSet
}

// serviceSet is what was read at one time. It is not changed.
type serviceSet struct {
	at       time.Time
	byID     map[string]Service
	byEntity map[string][]string // ids of those that speak SAML and are known by it; none, if all are switched off
	origins  map[string]bool
	twice    []string // ids in the configuration and in the database
}

// Find returns the service with the id. [ErrNoService] is its only error
// besides trouble of the database.
func (s *Services) Find(ctx context.Context, id string) (Service, error) {
	set, err := s.set(ctx)
	if err != nil {
		return Service{}, err
	}
	service, ok := set.byID[id]
	if !ok {
		return s.ofFeed(ctx, set, id)
	}
	if service.Disabled {
		return Service{}, ErrNoService
	}
	return s.complete(ctx, service)
}

// FindEntity returns the service with the entityID, as [Services.Find] does: an own
// record before those of feeds. Where several have it, none is found.
func (s *Services) FindEntity(ctx context.Context, entityID string) (Service, error) {
	set, err := s.set(ctx)
	if err != nil {
		return Service{}, err
	}
	ids, own := set.byEntity[entityID]
	switch {
	case len(ids) == 1:
		return s.Find(ctx, ids[0])
	case len(ids) > 1:
		return Service{}, fmt.Errorf("%w: %w", ErrNoService, Double{EntityID: entityID, Services: ids})
	case own || s.Feeds == nil:
		return Service{}, ErrNoService
	}
	return s.Feeds.Entity(ctx, entityID)
}

// All returns all own records, switched off or not, by id.
func (s *Services) All(ctx context.Context) ([]Service, error) {
	set, err := s.set(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Service, 0, len(set.byID))
	for _, service := range set.byID {
		all = append(all, service)
	}
	slices.SortFunc(all, func(a, b Service) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// IsOrigin reports whether scripts of this origin may call us: some service has
// registered it.
func (s *Services) IsOrigin(ctx context.Context, origin string) (bool, error) {
	set, err := s.set(ctx)
	if err != nil {
		return false, err
	}
	return set.origins[origin], nil
}

// Check returns a fault for each id that two services have: nobody could say which
// of the two counts.
func (s *Services) Check(ctx context.Context) (faults []error, err error) {
	set, err := s.set(ctx)
	if err != nil {
		return nil, err
	}
	return set.faults(), nil
}

func (set *serviceSet) faults() (faults []error) {
	for _, id := range set.twice {
		faults = append(faults, fmt.Errorf("there are two services %q, in the configuration or in the database", id))
	}
	return faults
}

func (s *Services) set(ctx context.Context) (*serviceSet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded != nil && s.Now().Before(s.loaded.at.Add(servicesRefresh)) {
		return s.loaded, nil
	}
	set, err := s.read(ctx, s.Configured)
	if err != nil {
		return nil, err
	}
	s.loaded = set
	return set, nil
}

// Replace takes other services of the configuration in place of those so far: all, or
// none if the database has one of their ids, too.
func (s *Services) Replace(ctx context.Context, configured []Service) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	set, err := s.read(ctx, configured)
	if err != nil {
		return err
	}
	if err := errors.Join(set.faults()...); err != nil {
		return err
	}
	s.Configured, s.loaded = configured, set
	return nil
}

// read reads those of the database. The caller holds the lock.
func (s *Services) read(ctx context.Context, configured []Service) (*serviceSet, error) {
	var stored []Service
	err := s.View(ctx, func(tx ServiceReader) (err error) {
		stored, err = tx.Services(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newServiceSet(s.Now(), configured, stored), nil
}

func newServiceSet(now time.Time, configured, stored []Service) *serviceSet {
	set := &serviceSet{at: now, byID: make(map[string]Service), byEntity: make(map[string][]string), origins: make(map[string]bool)}
	for _, service := range stored {
		set.byID[service.ID] = service
	}
	for _, service := range configured {
		if _, twice := set.byID[service.ID]; twice {
			set.twice = append(set.twice, service.ID)
		}
		set.byID[service.ID] = service
	}
	for _, service := range set.byID {
		if service.Protocol == SAML {
			set.addEntity(service)
		}
		for _, origin := range service.origins() {
			set.origins[origin] = !service.Disabled || set.origins[origin]
		}
	}
	return set
}

// origins are where scripts of the service come from: as registered, or from
// its return points if it lives in the browser.
func (s Service) origins() []string {
	if len(s.Origins) > 0 || s.Type != TypeSPA {
		return s.Origins
	}
	var origins []string
	for _, uri := range s.RedirectURIs {
		origins = append(origins, Origin(uri))
	}
	return origins
}
