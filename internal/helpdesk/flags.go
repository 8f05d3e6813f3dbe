package helpdesk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/history"
	"warifu/internal/throttle"
)

// Flags are what an agent should know before an approval.
type Flags struct {
	Network    bool      // nothing of this person has come from this network before
	Cases      int       // of the last 30 days, this one included
	Approvals  int64     // of the last 30 days
	Recoveries int       // of the last 90 days
	Refused    bool      // a case was refused in the last 24 hours
	Password   time.Time // when it was changed, if lately
	Address    time.Time // when a notification address was changed, if lately
	Report     bool      // the person has reported a change
	Privileged bool
	LastSignIn time.Time // with a second factor

	fresh bool // password or address were changed in the last 24 hours
}

const (
	lately = 7 * 24 * time.Hour
	most   = 2000 // events that are read
)

// strong reports whether two agents are needed: a change of the last day may be
// an impostor's preparation (HD-6, HD-12).
func (f Flags) strong() bool { return f.Report || f.Refused || f.fresh }

// flags returns those of the person of a case.
func (d *Desk) flags(ctx context.Context, tx DeskReader, who directory.Subscriber, c Case) (f Flags, err error) {
	now := d.Now()
	f = Flags{Network: true, Report: who.Frozen(), Privileged: who.IsPrivileged()}
	cases, err := tx.CasesOf(ctx, who.ID, now.Add(-month))
	if err != nil {
		return f, err
	}
	for _, o := range cases {
		f.Cases++
		if o.Decided.AgentID != "" && o.State != Refused && o.No != c.No {
			f.Approvals++
		}
		if o.State == Refused && o.No != c.No && o.Why != Mistake && now.Sub(o.EndedAt) < redial {
			f.Refused = true
		}
	}
	rows, err := tx.AuditOf(ctx, who.ID, now.Add(-history.For), most)
	if err != nil {
		return f, err
	}
	for _, row := range rows { // newest first
		var e audit.Event
		if err := json.Unmarshal(row.Body, &e); err != nil {
			return f, fmt.Errorf("helpdesk: audit event %s: %w", row.ID, err)
		}
		f.add(e, c, now)
	}
	return f, nil
}

// add notes what an event of the person says.
func (f *Flags) add(e audit.Event, c Case, now time.Time) {
	meaning := meanings[e.Name][e.Outcome]
	if meaning == signedIn && e.At.Before(c.OpenedAt) && networkOf(e.Address) == networkOf(c.Caller.Address) {
		f.Network = false
	}
	recent := now.Sub(e.At) < lately
	switch {
	case meaning == signedIn && f.LastSignIn.IsZero():
		f.LastSignIn = e.At
	case meaning == recovered:
		f.Recoveries++
	case meaning == passwordChanged && recent && f.Password.IsZero():
		f.Password = e.At
	case meaning == addressChanged && recent && f.Address.IsZero():
		f.Address = e.At
	}
	if (meaning == passwordChanged || meaning == addressChanged) && now.Sub(e.At) < redial {
		f.fresh = true
	}
}

// networkOf returns the part of an address in a row that is compared; what is no
// address is one network of its own.
func networkOf(address string) string {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	return throttle.Network(parsed)
}

// meaning is what an event says to the help desk.
type meaning int

const (
	nothing meaning = iota
	signedIn
	recovered
	passwordChanged
	addressChanged
)

// meanings of the events, by name and outcome.
var meanings = map[audit.Name]map[string]meaning{
	audit.SignIn:            {"TOTP accepted": signedIn, "passkey accepted": signedIn, "recovery code accepted": recovered, "OTP accepted": recovered},
	audit.RecoveryLink:      {"initialized": recovered},
	audit.Recovery:          {"activation code accepted": recovered, "case used": recovered},
	audit.PasswordForgotten: {"password chosen": passwordChanged},
	audit.PasswordChanged:   {"changed": passwordChanged},
	audit.Address:           {"added": addressChanged, "replaced": addressChanged, "removed": addressChanged},
}
