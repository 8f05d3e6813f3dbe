package federation

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// knownBy is the entityID by which a request finds the service; empty if none does.
// One that is switched off leaves its entityID to another: so an operator says
// which of two counts.
func (s Service) knownBy() string {
	if s.Protocol != SAML || s.Disabled {
		return ""
	}
	return s.EntityID
}

// CheckEntityID returns a fault if one of other services is known by the same
// entityID: nobody could say which of the two counts.
func (s Service) CheckEntityID(others []Service) error {
	entityID := s.knownBy()
	for _, other := range others {
		if entityID != "" && other.knownBy() == entityID && other.ID != s.ID {
			return fmt.Errorf("service %q: the entityID %q is that of the service %q already; only one that has it may be switched on", s.ID, entityID, other.ID)
		}
	}
	return nil
}

// Double is an entityID that several services have. None of them is known by it.
type Double struct {
	EntityID string
	Services []string // ids
}

func (d Double) Error() string {
	return fmt.Sprintf("%q is the entityID of several services: %s", d.EntityID, strings.Join(d.Services, ", "))
}

// Doubled returns the entityIDs that several services have: of the configuration and
// the database, which nobody compares when the file is written, or of a database
// from before they were compared.
func (s *Services) Doubled(ctx context.Context) (all []Double, err error) {
	set, err := s.set(ctx)
	if err != nil {
		return nil, err
	}
	for entityID, ids := range set.byEntity {
		if len(ids) > 1 {
			all = append(all, Double{EntityID: entityID, Services: ids})
		}
	}
	slices.SortFunc(all, func(a, b Double) int { return strings.Compare(a.EntityID, b.EntityID) })
	return all, nil
}

// addEntity makes a service known by its entityID. One that is switched off is
// not, but hides that of a feed.
func (set *serviceSet) addEntity(service Service) {
	ids := set.byEntity[service.EntityID]
	if service.knownBy() != "" {
		ids = append(ids, service.ID)
		slices.Sort(ids)
	}
	set.byEntity[service.EntityID] = ids
}
