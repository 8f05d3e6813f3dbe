// Package directory knows the people: who they are, whether they may come in,
// and by which names. The people themselves are kept by a sub-package (local)
// or elsewhere (LDAP), behind one interface.
package directory

import (
	"cmp"
	"errors"
	"strings"
	"time"
)

// ErrNotFound means that the directory has no such subscriber.
var ErrNotFound = errors.New("directory: no such subscriber")

// Status says whether a subscriber may come in.
type Status string

// The states. A deleted subscriber leaves a tombstone, so that no identifier is
// ever given to another person.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
	Deleted   Status = "deleted"
)

// Role is what a subscriber may do besides signing in.
type Role string

// The roles. An auditor reads the audit trail and reports, and changes nothing.
const (
	RoleSubscriber    Role = "subscriber"
	RoleAgent         Role = "agent"
	RoleAdministrator Role = "administrator"
	RoleAuditor       Role = "auditor"
)

// Name is a person's name in one script.
type Name struct {
	Family string `json:"family,omitempty"`
	Given  string `json:"given,omitempty"`
}

// Subscriber is a person known to the system.
type Subscriber struct {
	ID          string     `json:"id"`        // internal: of rows and of the audit trail; random, never reassigned, on no page
	PublicID    string     `json:"public_id"` // 26 base32 characters for services; never reassigned
	SPSID       string     `json:"sps_id"`    // folded by [FoldID]
	Display     string     `json:"display"`   // one display name; used where the parts are not known
	Latin       Name       `json:"name"`
	Japanese    Name       `json:"name_ja"`
	Kana        Name       `json:"name_kana"`
	Affiliation string     `json:"affiliation"` // student, faculty, staff, employee, member, affiliate, alum
	Department  Department `json:"department"`
	Groups      []string   `json:"groups"` // sorted
	Academic    Academic   `json:"academic,omitzero"`
	Status      Status     `json:"status"`
	Role        Role       `json:"role"`
	Privileged  bool       `json:"privileged"` // let back in by two agents or an activation code only
	// PrivilegedGroup is a group of the person whose members all are, by the
	// configuration; empty if there is none.
	PrivilegedGroup string    `json:"privileged_group,omitempty"`
	Telephone       string    `json:"telephone,omitempty"`   // for a call back by the help desk
	Mailbox         string    `json:"mailbox"`               // the university mailbox: notices only
	Language        string    `json:"language"`              // "ja", "en", or empty if not chosen
	HadFactor       bool      `json:"had_factor"`            // an authenticator was bound once: the first-time window is closed for good (ENR-1)
	RecoveredAt     time.Time `json:"recovered_at,omitzero"` // when the person last came back in without the authenticators (ADR-8)
	FrozenAt        time.Time `json:"frozen_at,omitzero"`    // when a change was reported as not the person's own; settings and recovery by mail stop (ADR-5)
	CreatedAt       time.Time `json:"created_at"`
	UpdatedAt       time.Time `json:"updated_at"`
}

// Academic is what services of other institutions ask of members of a university.
type Academic struct {
	ORCID        string   `json:"orcid,omitempty"`        // 0000-0002-1825-0097
	PersonCode   string   `json:"person_code,omitempty"`  // a number with what it is of: student:12345, faculty:12345, staff:12345
	Entitlements []string `json:"entitlements,omitempty"` // URIs (eduPersonEntitlement); sorted
	Assurance    []string `json:"assurance,omitempty"`    // URIs of how the identity was proofed (eduPersonAssurance); sorted
	UniqueCodes  []string `json:"unique_codes,omitempty"` // URNs with a number that an institution has given (schacPersonalUniqueCode); sorted
}

// Department is where a person belongs, in both languages.
type Department struct {
	English  string `json:"en,omitempty"`
	Japanese string `json:"ja,omitempty"`
}

// Name is the department's in a language; where there is none, in the other.
func (d Department) Name(japanese bool) string {
	if japanese {
		return cmp.Or(d.Japanese, d.English)
	}
	return cmp.Or(d.English, d.Japanese)
}

// Name is how pages call the person: family name first, in English with the
// family name in capitals.
func (s Subscriber) Name(japanese bool) string {
	if japanese && s.Japanese.Family != "" {
		return s.Japanese.Family + " " + s.Japanese.Given
	}
	if s.Latin.Family == "" {
		return s.Display
	}
	return strings.ToUpper(s.Latin.Family) + " " + s.Latin.Given
}

// IsStaff reports whether the person works at the console.
func (s Subscriber) IsStaff() bool { return s.Role != RoleSubscriber }

// IsAgent reports whether the person works at the help desk.
func (s Subscriber) IsAgent() bool { return s.Role == RoleAgent || s.Role == RoleAdministrator }

// IsPrivileged reports whether no mail may ever let the person back in, and one
// agent neither (decisions §3.5): agents, administrators, and those who are marked
// so, or a group of theirs.
func (s Subscriber) IsPrivileged() bool {
	return s.Privileged || s.PrivilegedGroup != "" || s.IsAgent()
}

// Frozen reports whether settings and recovery by mail have stopped, because a
// change was reported that the person had not made. Only people lift it.
func (s Subscriber) Frozen() bool { return !s.FrozenAt.IsZero() }

// hold is how long after a recovery no notification address may be changed
// (ADR-8): whoever came in by a way back should not be able to stay.
const hold = 24 * time.Hour

// HoldUntil returns until when the person's addresses stay as they are; zero if
// there was no recovery.
func (s Subscriber) HoldUntil() time.Time {
	if s.RecoveredAt.IsZero() {
		return time.Time{}
	}
	return s.RecoveredAt.Add(hold)
}
