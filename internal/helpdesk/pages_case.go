package helpdesk

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"warifu/internal/directory"
	"warifu/internal/flow"
	"warifu/internal/history"
	"warifu/internal/i18n"
	"warifu/internal/mailotp"
	"warifu/internal/session"
	"warifu/internal/web"
)

const caseStep = "desk/case" // the name of the page, too

// CasePage is the page "desk/case".
type CasePage struct {
	web.Hidden
	MeansPart
	No          int64
	Kind        string // in words
	Verified    string // who has confirmed the identity, in words; empty if nobody has yet
	Name        string
	Kana        string
	SPSID       string
	Dept        string
	Status      string
	Phone       string // masked, or whole once it was asked for
	Masked      bool
	LastLogin   string
	Recent      string
	Caller      CallerPart
	Flags       []string
	Rivals      []RivalRow
	Strong      []ItemRow
	Facts       []ItemRow
	Need        int
	Reason      string
	ReasonMin   int
	MayReset    bool // a new password can be asked for, too
	PasswordToo bool
	Blocks      []string
	Act         string // key of the words of the approval
	Second      bool   // another agent is needed, and this one asks
	FirstBy     string // who has asked for a second agent, in words; empty if nobody
	ReadOnly    bool   // the record is another agent's, or the case is over
	Over        string // how the case has ended, or what was done, in words; empty while it is open
	Say         string // what to say to the caller then
	Lapsed      bool   // it has ended because its time was over
	MayAgain    bool   // another OTP can be made
	MayUndo     bool   // what a report is about can be turned back
	Waits       bool   // for the second agent
	Until       string // until when, in words
	Error       string
	Closed      bool // outside of the opening hours
}

// ItemRow is one line of the checklist.
type ItemRow struct {
	Item  Item
	Text  string
	Match Match
	Fixed bool // marked by the first agent, or the case is over
}

// RivalRow is another open case of the person.
type RivalRow struct {
	No   int64
	Text string
}

// CallerPart tells of the caller's page.
type CallerPart struct {
	No     int64
	Device string
	State  string // in words
}

func caseNo(r *http.Request) (int64, error) {
	no, err := strconv.ParseInt(r.PathValue("no"), 10, 64)
	if err != nil {
		return 0, ErrNoCase
	}
	return no, nil
}

// at returns the agent at a page of a case, and the case's sheet.
func (p *Pages) at(w http.ResponseWriter, r *http.Request, demand session.Demand, query string) (*Agent, Sheet, error) {
	no, err := caseNo(r)
	if err != nil {
		return nil, Sheet{}, p.problem(err)
	}
	a, err := p.enter(w, r, demand, casePath(no)+query)
	if a == nil {
		return nil, Sheet{}, err
	}
	s, err := p.Desk.Sheet(r.Context(), *a, no)
	if err != nil {
		return nil, Sheet{}, p.problem(err)
	}
	return a, s, nil
}

func (p *Pages) showCase(w http.ResponseWriter, r *http.Request) error {
	confirm := web.Query(r, "confirm")
	if _, known := confirmations[confirm]; known {
		return p.askConfirmation(w, r, confirm)
	}
	a, s, err := p.at(w, r, session.Factor, "")
	if a == nil {
		return err
	}
	return p.renderCase(w, r, http.StatusOK, *a, s, "")
}

func (p *Pages) renderCase(w http.ResponseWriter, r *http.Request, status int, a Agent, s Sheet, fault string) (err error) {
	page := p.casePage(r, a, s)
	page.Error = fault
	if page.Hidden, err = p.Site.Hidden(w, r, caseStep, number(s.Case.No)); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, caseStep, page)
}

func (p *Pages) casePage(r *http.Request, a Agent, s Sheet) CasePage {
	c, who, japanese := s.Case, s.Person, p.Site.Lang(r) == i18n.Japanese
	text := func(key string, args ...any) string { return p.Site.Text(r, key, args...) }
	page := CasePage{MeansPart: p.meansPart(r, s.Means), No: c.No, Kind: text(kindNames[c.Kind]), Name: who.Name(japanese), Kana: strings.TrimSpace(who.Kana.Family + " " + who.Kana.Given),
		SPSID: who.SPSID, Dept: who.Department.English, Status: text(statusNames[who.Status]),
		Phone: who.Telephone, Recent: text("case.recent", "days", int(history.For.Hours()/24), "n", s.Flags.Recoveries),
		Caller: p.callerOf(r, c, s.SetUp), Flags: p.flagTexts(r, s.Flags), Need: p.Desk.Policy.Need, Reason: c.Work.Reason, ReasonMin: MinReason,
		MayReset: c.Kind == Initialise, MayUndo: s.Undo.Possible() && c.State == Working && !s.Demand.Second, PasswordToo: c.Work.PasswordToo, Act: approvals[c.Kind], Closed: !p.Site.DeskState(r).Open}
	if japanese {
		page.Dept = who.Department.Japanese
	}
	if !c.Work.PhoneShown && page.Phone != "" {
		page.Phone, page.Masked = maskPhone(page.Phone), true
	}
	if !s.Flags.LastSignIn.IsZero() {
		page.LastLogin = p.Site.Clock(r, s.Flags.LastSignIn)
	}
	masked := cmp.Or(page.Phone, text("common.none"))
	for _, item := range p.Desk.Policy.Items {
		row := ItemRow{Item: item, Text: text(itemNames[item], "masked", masked), Match: c.Work.Checks[item], Fixed: c.Seen(p.Desk.Now()) != Working || c.State == Second}
		if item.Strong() {
			page.Strong = append(page.Strong, row)
		} else {
			page.Facts = append(page.Facts, row)
		}
	}
	for _, o := range s.Rivals {
		page.Rivals = append(page.Rivals, RivalRow{No: o.No, Text: text("case.frozen_other", "kind", text(kindNames[o.Kind]),
			"device", p.Site.DeviceName(r, o.Caller.Device), "place", p.place(r, o.Caller), "time", p.Site.Clock(r, o.OpenedAt))})
	}
	if c.Work.Checks.Confirms(p.Desk.Policy.Need) {
		by, at := a.Subscriber, c.Work.TouchedAt
		if c.First.AgentID != "" {
			by, at = s.First, c.First.At
		}
		page.Verified = text("case.verified", "agent", by.Name(japanese), "time", p.Site.Clock(r, at))
	}
	for _, b := range s.Blocks {
		page.Blocks = append(page.Blocks, text(blockNames[b]))
	}
	p.secondPart(r, &page, a, s, japanese)
	p.overPart(r, &page, s)
	return page
}

// secondPart says what a second agent has to do with the case.
func (p *Pages) secondPart(r *http.Request, page *CasePage, a Agent, s Sheet, japanese bool) {
	c := s.Case
	page.Second = c.State == Working && s.Demand.Second
	if c.State != Second {
		return
	}
	page.ReadOnly = true
	page.FirstBy = p.Site.Text(r, "case.second_by", "agent", s.First.Name(japanese), "time", p.Site.Clock(r, c.First.At))
	page.Until = p.Site.Text(r, "case.second_until", "time", p.Site.Clock(r, c.First.At.Add(secondWithin)))
	page.Waits = c.First.AgentID == a.Subscriber.ID
	page.Act = "case.second_approve"
}

// overPart says what has become of a case that is decided.
func (p *Pages) overPart(r *http.Request, page *CasePage, s Sheet) {
	c := s.Case
	state := c.Seen(p.Desk.Now())
	if state.Open() {
		return
	}
	page.ReadOnly = true
	page.Over = p.Site.Text(r, "case.done_refused")
	switch {
	case p.otpOver(c):
		page.Over, page.MayAgain, page.Lapsed = p.Site.Text(r, "case.otp_over"), true, true
	case state == Approved && c.Kind == SignIn:
		page.Over, page.MayAgain = p.Site.Text(r, "case.done_signin"), true
	case state == Approved:
		page.Over = p.Site.Text(r, "case.done_wait")
	case s.SetUp:
		page.Over = p.Site.Text(r, "case.done_signin")
	case state == Used && c.Kind != SignIn && c.Kind != Report:
		page.Over, page.Say = p.Site.Text(r, "case.done_init"), p.Site.Text(r, "case.say_init")
	case state == Used:
		page.Over = p.Site.Text(r, "case.done_signin")
	case state == Refused:
		page.Say = p.Site.Text(r, "case.say_refused")
	case state == Expired:
		page.Over, page.Say, page.Lapsed = p.Site.Text(r, "case.done_expired"), p.Site.Text(r, "case.say_expired"), true
	}
}

// otpOver reports whether the OTP that was read out has lapsed; the case lives on,
// and another one can be made.
func (p *Pages) otpOver(c Case) bool {
	now := p.Desk.Now()
	return c.Kind == SignIn && c.Seen(now) == Approved && !now.Before(c.Decided.At.Add(p.Desk.OTPs.Lifetime))
}

// callerOf tells of the caller's page in words, and of what the caller has done.
func (p *Pages) callerOf(r *http.Request, c Case, setUp bool) CallerPart {
	now := p.Desk.Now()
	device := p.Site.DeviceName(r, c.Caller.Device)
	if device == "" {
		device = p.Site.Text(r, "common.unknown")
	}
	part := CallerPart{No: c.No, Device: p.Site.Text(r, "case.device_place", "device", device, "place", p.place(r, c.Caller))}
	key := "case.caller_waiting"
	switch state := c.Seen(now); {
	case state == Used && c.Kind == SignIn:
		key = "case.caller_in"
	case setUp:
		key = "case.caller_done"
	case state == Used && c.Kind != Report:
		key = "case.caller_qr"
	case state == Cancelled:
		key = "case.caller_cancelled"
	case state.Ended():
		key = "case.caller_ended"
	case p.otpOver(c):
		key = "case.otp_over"
	case c.Dormant(now):
		part.State = p.Site.Text(r, "case.caller_dormant", "min", int(dormantAfter.Minutes()))
		return part
	case now.Sub(c.SeenAt) >= present:
		key = "case.caller_lost"
	}
	part.State = p.Site.Text(r, key)
	return part
}

// callerLine is what the case's page tells of the caller; nothing once the case is
// in other hands.
func (p *Pages) callerLine(r *http.Request, a Agent, no int64) (string, error) {
	c, done, err := p.Desk.Progress(r.Context(), a, no)
	if errors.Is(err, ErrNoCase) {
		return "", nil
	}
	return p.callerOf(r, c, done).State, err
}

func (p *Pages) callerPart(w http.ResponseWriter, r *http.Request) error {
	a, err := p.watching(r)
	if err != nil {
		return err
	}
	no, err := caseNo(r)
	if err != nil {
		return p.problem(err)
	}
	s, err := p.Desk.Sheet(r.Context(), *a, no)
	if errors.Is(err, ErrNoCase) { // in other hands by now
		return p.Site.Nothing(w)
	}
	if err != nil {
		return err
	}
	return p.Site.RenderPart(w, r, caseStep, "caller", p.casePage(r, *a, s))
}

func (p *Pages) flagTexts(r *http.Request, f Flags) (all []string) {
	add := func(raised bool, key string, args ...any) {
		if raised {
			all = append(all, p.Site.Text(r, key, args...))
		}
	}
	add(f.Privileged, "case.flag_privileged")
	add(f.Report, "case.flag_report")
	add(f.Refused, "case.flag_refused")
	add(f.Network, "case.flag_network")
	add(f.Cases > 1, "case.flag_many", "days", int(month.Hours()/24), "n", f.Cases)
	add(!f.Password.IsZero(), "case.flag_password", "time", p.Site.Clock(r, f.Password))
	add(!f.Address.IsZero(), "case.flag_address", "time", p.Site.Clock(r, f.Address))
	return all
}

// maskPhone shows the beginning and the end of a telephone number.
func maskPhone(number string) string {
	runes := []rune(number)
	if len(runes) < 6 {
		return "•••"
	}
	return string(runes[:3]) + "-•••-" + string(runes[len(runes)-2:])
}

// Names in the catalogue.
var (
	itemNames = map[Item]string{CallBack: "case.item_callback", InPerson: "case.item_inperson", Video: "case.item_video", Supervisor: "case.item_supervisor",
		Affiliated: "case.item_dept", OwnNumber: "case.item_number"}
	blockNames = map[Block]string{NoIdentity: "case.blocked_identity", Frozen: "case.blocked_frozen", IsDormant: "case.blocked_dormant",
		IsSuspended: "case.blocked_suspended", NoReason: "case.blocked_reason"}
	approvals     = map[Kind]string{SignIn: "case.approve_signin", Initialise: "case.approve_init", First: "case.approve_first", Report: "case.report_keep"}
	statusNames   = map[directory.Status]string{directory.Active: "person.state_active", directory.Suspended: "person.state_suspended"}
	questions     = map[Kind]string{SignIn: "case.ask_signin", Initialise: "case.ask_init", First: "case.ask_first", Report: "case.ask_keep"}
	confirmations = map[string]session.Demand{"approve": session.Fresh, "undo": session.Fresh, "refuse": session.Factor, "other": session.Factor}
	whyNames      = map[Why]string{Unconfirmed: "case.refuse_identity", HungUp: "case.refuse_ended", Suspicious: "case.refuse_suspicious", Mistake: "case.refuse_mistake"}
)

// workOnCase keeps what the agent has marked, and leads on to what is decided.
func (p *Pages) workOnCase(w http.ResponseWriter, r *http.Request) error {
	names := []string{"reason", "password", "act"}
	for _, item := range p.Desk.Policy.Items {
		names = append(names, "check_"+string(item))
	}
	form, err := p.Site.Form(w, r, caseStep, names...)
	if err != nil {
		return err
	}
	a, s, err := p.at(w, r, session.Factor, "")
	if a == nil {
		return err
	}
	act := form["act"]
	if s.Case.State == Working {
		work := Work{Checks: Checks{}, Reason: strings.TrimSpace(form["reason"]), PasswordToo: form["password"] != "", PhoneShown: act == "phone"}
		for _, item := range p.Desk.Policy.Items {
			if m := Match(form["check_"+string(item)]); m == Matched || m == NotMatched {
				work.Checks[item] = m
			}
		}
		err := p.Desk.Note(r.Context(), *a, s.Case.No, work)
		if blocked, ok := errors.AsType[*BlockedError](err); ok { // what was typed is still there
			s.Case.Work.Checks, s.Case.Work.Reason, s.Case.Work.PasswordToo = work.Checks, work.Reason, work.PasswordToo
			return p.renderCase(w, r, http.StatusUnprocessableEntity, *a, s, p.fault(r, blocked.Blocks))
		}
		if err != nil {
			return p.problem(err)
		}
		if s, err = p.Desk.Sheet(r.Context(), *a, s.Case.No); err != nil {
			return p.problem(err)
		}
	}
	switch act {
	case "leave":
		return p.Site.Redirect(w, r, "/desk")
	case "approve", "undo":
		if fault := p.fault(r, s.Blocks); fault != "" {
			return p.renderCase(w, r, http.StatusUnprocessableEntity, *a, s, fault)
		}
	default:
		other, isOther := strings.CutPrefix(act, "other:")
		if act != "refuse" && !isOther {
			return p.Site.Redirect(w, r, casePath(s.Case.No))
		}
		if slices.Contains(s.Blocks, NoReason) {
			return p.renderCase(w, r, http.StatusUnprocessableEntity, *a, s, p.fault(r, []Block{NoReason}))
		}
		if isOther {
			act = "other&no=" + url.QueryEscape(other)
		}
	}
	return p.Site.Redirect(w, r, casePath(s.Case.No)+"?confirm="+act)
}

// fault says what the agent has to do first.
func (p *Pages) fault(r *http.Request, blocks []Block) string {
	switch {
	case len(blocks) == 0:
		return ""
	case slices.Contains(blocks, NoIdentity):
		return p.Site.Text(r, "err.case_identity")
	case slices.Contains(blocks, NoReason):
		return p.Site.Text(r, "err.case_reason", "n", MinReason)
	case slices.Contains(blocks, LongReason):
		return p.Site.Text(r, "err.case_reason_long", "n", maxReason)
	}
	return p.Site.Text(r, blockNames[blocks[0]])
}

const confirmStep = "desk/confirm" // the name of the page, too

// ConfirmPage is the page "desk/confirm".
type ConfirmPage struct {
	web.Hidden
	No       int64
	Act      string // approve, undo, refuse or other
	Question string
	Button   string // key of its words
	Whys     []WhyRow
	Other    int64
}

// WhyRow is one reason of a refusal.
type WhyRow struct {
	Why  Why
	Text string
}

// askConfirmation names the person and the act. Whoever approves proves here once
// more who it is, unless that was just done.
func (p *Pages) askConfirmation(w http.ResponseWriter, r *http.Request, act string) error {
	demand, query := confirmations[act], "?confirm="+act
	if act == "other" {
		query += "&no=" + web.Query(r, "no")
	}
	a, s, err := p.at(w, r, demand, query)
	if a == nil {
		return err
	}
	page := ConfirmPage{No: s.Case.No, Act: act}
	switch act {
	case "approve":
		page.Question = p.Site.Text(r, questions[s.Case.Kind], "name", s.Person.Name(p.Site.Lang(r) == i18n.Japanese), "id", s.Person.SPSID)
		page.Button = approvals[s.Case.Kind]
		if s.Case.State == Second {
			page.Button = "case.second_approve"
		} else if s.Demand.Second {
			page.Button = "case.second_ask"
		}
	case "undo":
		none := p.Site.Text(r, "common.none")
		page.Question = p.Site.Text(r, "case.ask_undo", "new", cmp.Or(masked(s.Undo.New), none), "old", cmp.Or(masked(s.Undo.Old), none))
		page.Button = "case.report_undo"
	case "refuse":
		page.Question, page.Button = p.Site.Text(r, "case.refuse_ask"), "case.refuse"
		for _, why := range whys {
			page.Whys = append(page.Whys, WhyRow{Why: why, Text: p.Site.Text(r, whyNames[why])})
		}
	case "other":
		page.Question, page.Button = p.Site.Text(r, "case.frozen_ask"), "case.frozen_refuse"
		page.Other, _ = strconv.ParseInt(web.Query(r, "no"), 10, 64) // zero is the number of no case
	}
	if page.Hidden, err = p.Site.Hidden(w, r, confirmStep, number(s.Case.No)+"."+number(s.Case.Version)); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, confirmStep, page)
}

// confirmedForm returns the form of a confirmation, and what it confirms: of the
// case that the address names, and of no other.
func (p *Pages) confirmedForm(w http.ResponseWriter, r *http.Request, names ...string) (f Confirmed, form map[string]string, err error) {
	if form, err = p.Site.Form(w, r, confirmStep, names...); err != nil {
		return f, nil, err
	}
	no, version, _ := strings.Cut(form["flow"], ".")
	if no != r.PathValue("no") { //guard:SES-5
		return f, nil, p.problem(ErrNoCase)
	}
	f.No, err = caseNo(r)
	if err == nil {
		f.Version, err = strconv.ParseInt(version, 10, 64)
	}
	return f, form, err
}

// decided answers a decision that came to nothing.
func (p *Pages) decided(w http.ResponseWriter, r *http.Request, a Agent, s Sheet, err error) error {
	blocked, isBlocked := errors.AsType[*BlockedError](err)
	switch {
	case isBlocked:
		return p.renderCase(w, r, http.StatusUnprocessableEntity, a, s, p.fault(r, blocked.Blocks))
	case errors.Is(err, flow.ErrConflict): // sent twice, or the record has changed: the page says how it stands
		return p.Site.Redirect(w, r, casePath(s.Case.No))
	}
	return p.problem(err)
}

const otpStep = "desk/otp" // the name of the page, too

// OTPPage is the page "desk/otp": shown once (HD-8).
type OTPPage struct {
	No      int64
	Groups  []string
	Reading []string // digit by digit, as it is read
	Until   string
	Digits  int
	Seconds int // after which a page with script hides it
}

func (p *Pages) approve(w http.ResponseWriter, r *http.Request) error {
	f, _, err := p.confirmedForm(w, r)
	if err != nil {
		return err
	}
	query, do := "?confirm=approve", p.Desk.Approve
	if strings.HasSuffix(r.URL.Path, "/undo") {
		query, do = "?confirm=undo", p.Desk.ApproveUndo
	}
	a, s, err := p.at(w, r, session.Fresh, query)
	if a == nil {
		return err
	}
	v, err := do(r.Context(), *a, f)
	if err != nil {
		return p.decided(w, r, *a, s, err)
	}
	if v.OTP == "" {
		return p.Site.Redirect(w, r, casePath(s.Case.No))
	}
	page := OTPPage{No: s.Case.No, Groups: []string{v.OTP[:mailotp.Digits/2], v.OTP[mailotp.Digits/2:]}, Digits: mailotp.Digits / 2, Seconds: int(otpShownFor.Seconds()),
		Until: p.Site.Clock(r, v.Case.Decided.At.Add(p.Desk.OTPs.Lifetime))}
	words := strings.Fields(p.Site.Text(r, "case.digits"))
	for _, digit := range v.OTP {
		page.Reading = append(page.Reading, words[digit-'0'])
	}
	return p.Site.Render(w, r, http.StatusOK, otpStep, page)
}

func (p *Pages) refuse(w http.ResponseWriter, r *http.Request) error {
	f, form, err := p.confirmedForm(w, r, "why")
	if err != nil {
		return err
	}
	a, s, err := p.at(w, r, session.Factor, "?confirm=refuse")
	if a == nil {
		return err
	}
	if err := p.Desk.Refuse(r.Context(), *a, f, Why(form["why"])); err != nil {
		return p.decided(w, r, *a, s, err)
	}
	return p.Site.Redirect(w, r, casePath(s.Case.No))
}

func (p *Pages) refuseOther(w http.ResponseWriter, r *http.Request) error {
	f, form, err := p.confirmedForm(w, r, "other")
	if err != nil {
		return err
	}
	other, err := strconv.ParseInt(form["other"], 10, 64)
	if err != nil {
		return p.problem(ErrNoCase)
	}
	a, s, err := p.at(w, r, session.Factor, "?confirm=other&no="+form["other"])
	if a == nil {
		return err
	}
	if err := p.Desk.RefuseOther(r.Context(), *a, f, other); err != nil {
		return p.decided(w, r, *a, s, err)
	}
	return p.Site.Redirect(w, r, casePath(s.Case.No))
}

// otpShownFor is after how long the page hides an OTP.
const otpShownFor = 60 * time.Second
