package helpdesk

import (
	"errors"
	"net/netip"
	"slices"
)

// Item is one way to confirm who is calling.
type Item string

// The items. The first four are strong; the others are facts, which many may
// know, and never suffice alone (decisions §3.5).
const (
	CallBack   Item = "callback"   // on the registered number
	InPerson   Item = "inperson"   // a photo ID at the counter
	Video      Item = "video"      // a photo ID by video
	Supervisor Item = "supervisor" // vouched
	Affiliated Item = "dept"       // affiliation and position
	OwnNumber  Item = "number"     // student or staff number
)

var (
	strong = []Item{CallBack, InPerson, Video, Supervisor}
	facts  = []Item{Affiliated, OwnNumber}
)

// Strong reports whether the item can confirm an identity.
func (i Item) Strong() bool { return slices.Contains(strong, i) }

// Match is how an item turned out. What the caller said is kept nowhere.
type Match string

// The matches.
const (
	NotAsked   Match = ""
	Matched    Match = "yes"
	NotMatched Match = "no"
)

// Checks are the items that were asked, with what came of them.
type Checks map[Item]Match

// Confirms reports whether enough strong items match, and none of all is wrong.
func (c Checks) Confirms(need int) bool {
	matched := 0
	for item, m := range c {
		switch {
		case m == NotMatched: //guard:HD-4
			return false
		case m == Matched && item.Strong():
			matched++
		}
	}
	return matched >= need //guard:HD-4
}

// Why is the kind of reason of a refusal.
type Why string

// The reasons.
const (
	Unconfirmed Why = "identity"
	HungUp      Why = "ended"
	Suspicious  Why = "suspicious"
	Mistake     Why = "mistake"
)

var whys = []Why{Unconfirmed, HungUp, Suspicious, Mistake}

// Policy is what an institution decides about the help desk's work.
type Policy struct {
	// Items are the checklist: callback, inperson, video, supervisor, dept, number.
	Items []Item `yaml:"items"`
	// Need is how many of the first four must match, 1 to 3 (HD-4).
	Need int `yaml:"need"`
	// TwoAgents has two agents approve every initialization (HD-7).
	TwoAgents bool `yaml:"two_agents"`
	// AlarmAt and StopAt are approvals of one agent on one day (HD-13).
	AlarmAt int64 `yaml:"alarm_at"`
	StopAt  int64 `yaml:"stop_at"`
	// PerMonth is how many approvals a person may have in 30 days before an administrator must approve, too (HD-13).
	PerMonth int64 `yaml:"per_month"`
	// WrongEntries is how many wrong entries in ten minutes stop an agent (HD-2).
	WrongEntries int64 `yaml:"wrong_entries"`
	// OutsideHours says who may approve while the desk is closed: mark (everybody, marked in the report) or duty (those of the list) (HD-15).
	OutsideHours string `yaml:"outside_hours"`
	// Duty are the SPS-IDs of the agents on the duty list.
	Duty []string `yaml:"duty"`
	// Networks are those that the console may be used from; empty for all (HD-5).
	Networks []netip.Prefix `yaml:"networks"`
	// AnyFactor lets agents work without a passkey: in the demonstration.
	AnyFactor bool `yaml:"-"`
}

// DefaultPolicy is what holds where nothing is configured.
func DefaultPolicy() Policy {
	return Policy{Items: []Item{CallBack, InPerson, Video, Supervisor, Affiliated, OwnNumber}, Need: 1,
		AlarmAt: 30, StopAt: 100, PerMonth: 3, WrongEntries: 10, OutsideHours: "mark"}
}

// Validate returns all faults of the policy.
func (p Policy) Validate() (faults []error) {
	able := 0
	for _, item := range p.Items {
		switch {
		case item.Strong():
			able++
		case !slices.Contains(facts, item):
			faults = append(faults, errors.New("items: unknown item "+string(item)))
		}
	}
	if p.Need < 1 || p.Need > 3 || p.Need > able {
		faults = append(faults, errors.New("need must be from 1 to 3, and at most as many as there are strong items"))
	}
	if p.AlarmAt < 1 || p.StopAt < p.AlarmAt || p.StopAt > 10000 {
		faults = append(faults, errors.New("alarm_at must be at least 1, and stop_at from alarm_at to 10000"))
	}
	if p.PerMonth < 1 || p.PerMonth > 10 {
		faults = append(faults, errors.New("per_month must be from 1 to 10"))
	}
	if p.WrongEntries < 3 || p.WrongEntries > 10 {
		faults = append(faults, errors.New("wrong_entries must be from 3 to 10"))
	}
	if !slices.Contains([]string{"mark", "duty"}, p.OutsideHours) {
		faults = append(faults, errors.New("outside_hours must be mark or duty"))
	}
	return faults
}
