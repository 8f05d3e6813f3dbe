package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"warifu/internal/app"
	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/store"
)

type clientTestCommand struct {
	withConfig
	ID     string `arg:"" help:"The client_id, or the entityID of a service that speaks SAML."`
	Person string `arg:"" help:"The SPS-ID of the person."`
	JSON   bool   `help:"Print JSON."`
}

// sending is what a service would be told of a person, and why.
type sending struct {
	Service  string        `json:"service"`
	Person   string        `json:"sps_id"`
	Comes    bool          `json:"comes"`             // the person may use the service, and nothing required is missing
	Why      string        `json:"why,omitempty"`     // if not
	Require  string        `json:"require"`           // of every session
	Consent  string        `json:"consent"`           // when the person is asked
	Fallback bool          `json:"accept_fallback"`   // a temporary login will do
	Missing  []string      `json:"missing,omitempty"` // required, and the person has no value
	Told     []sentDetails `json:"told"`
}

// sentDetails is one attribute.
type sentDetails struct {
	Attribute string   `json:"attribute"`
	Values    []string `json:"values"`
	Required  bool     `json:"required"`
}

// personReader finds the person.
type personReader interface {
	SubscriberBySPSID(ctx context.Context, spsID string) (directory.Subscriber, string, error)
}

// Run prints what the service would be told of the person. Nothing is recorded, and
// no value is made: a pairwise one that there is not yet is the one that would be.
func (c clientTestCommand) Run(env *Env) error {
	return c.do(env, func(a *app.App) error {
		service, err := c.service(env, a)
		if err != nil {
			return err
		}
		var who directory.Subscriber
		err = store.View[personReader](a.DB)(env.Context, func(tx personReader) error {
			who, _, err = tx.SubscriberBySPSID(env.Context, directory.FoldID(c.Person, a.Config.Institution.MailDomains))
			return err
		})
		if err != nil {
			return err
		}
		s, err := c.send(env, a, service, who)
		if err != nil {
			return err
		}
		if c.JSON {
			return env.JSON(s)
		}
		return s.print(env)
	})
}

func (c clientTestCommand) service(env *Env, a *app.App) (federation.Service, error) {
	service, err := a.Services.Find(env.Context, c.ID)
	if errors.Is(err, federation.ErrNoService) {
		service, err = a.Services.FindEntity(env.Context, c.ID)
	}
	if err == nil && service.Protocol == federation.SAML { // all that a request says
		service, err = a.Services.FindEntity(env.Context, service.EntityID)
	}
	return service, err
}

func (c clientTestCommand) send(env *Env, a *app.App, service federation.Service, who directory.Subscriber) (sending, error) {
	s := sending{Service: service.ID, Person: who.SPSID, Comes: true, Require: string(service.Require), Consent: string(service.Consent), Fallback: service.AcceptFallback}
	if s.Require == "" {
		s.Require = string(federation.RequireAny)
	}
	if s.Consent == "" {
		s.Consent = string(federation.ConsentNone)
	}
	told, missing, err := a.Told(env.Context, service, who)
	if err != nil {
		return s, err
	}
	for _, d := range told {
		s.Told = append(s.Told, sentDetails{Attribute: d.Attribute, Values: d.Values, Required: d.Required})
	}
	s.Missing = missing
	switch {
	case who.Status != directory.Active:
		s.Comes, s.Why = false, "the person is "+string(who.Status)
	case !service.Admits(who):
		s.Comes, s.Why = false, "the service is for the groups "+strings.Join(service.Groups, ", ")+" alone"
	case len(missing) > 0:
		s.Comes, s.Why = false, "a page says that a required attribute is missing"
	}
	return s, nil
}

func (s sending) print(env *Env) error {
	lines := []string{fmt.Sprintf("%s at %s", s.Person, s.Service), "comes in: yes"}
	if !s.Comes {
		lines[1] = "comes in: no, " + s.Why
	}
	lines = append(lines, fmt.Sprintf("every session: %s; temporary login: %t; consent: %s", s.Require, s.Fallback, s.Consent))
	for _, d := range s.Told {
		why := "optional"
		if d.Required {
			why = "required"
		}
		lines = append(lines, fmt.Sprintf("%-20s %-9s %s", d.Attribute, why, strings.Join(d.Values, " · ")))
	}
	for _, attribute := range slices.Sorted(slices.Values(s.Missing)) {
		lines = append(lines, fmt.Sprintf("%-20s %-9s (no value)", attribute, "required"))
	}
	return env.Printf("%s\n", strings.Join(lines, "\n"))
}
