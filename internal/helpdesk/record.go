package helpdesk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"warifu/internal/audit"
)

// event is what is recorded of a step that the caller takes, or time. The
// comparison number is not.
func (c Case) event(actor string, o Outcome, now time.Time) audit.Event {
	return audit.Event{At: now, Name: audit.DeskCase, Actor: actor, Subscriber: c.SubscriberID, Target: strconv.FormatInt(c.No, 10), Outcome: string(o),
		Address: c.Caller.Address, Detail: map[string]string{"kind": string(c.Kind), audit.DetailDevice: c.Caller.Device}}
}

// acted is what is recorded of an agent's step: from where it was taken, and for
// which caller.
func (c Case) acted(a Agent, o Outcome, now time.Time) audit.Event {
	e := c.event(a.Subscriber.ID, o, now)
	e.Address, e.AgentHash = a.Address.String(), audit.HashAgent(a.Agent)
	e.Detail[audit.DetailCaller] = c.Caller.Address
	return e
}

// judged is what is recorded of an agent's decision: what it rests on, too, since
// the case itself is not append-only.
func (c Case) judged(a Agent, o Outcome, now time.Time) audit.Event {
	e := c.acted(a, o, now)
	e.Reason = c.Work.Reason
	for key, value := range map[string]string{"checks": c.Work.Checks.String(), "first": c.First.AgentID, "why": string(c.Why)} {
		if value != "" {
			e.Detail[key] = value
		}
	}
	if c.Work.PasswordToo {
		e.Detail["password"] = "yes"
	}
	if c.Marks.OutsideHours {
		e.Detail["outside_hours"] = "yes"
	}
	return e
}

// String returns what was marked, item by item, in the order of the alphabet.
func (c Checks) String() string {
	var all []string
	for item, m := range c {
		all = append(all, string(item)+"="+string(m))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
