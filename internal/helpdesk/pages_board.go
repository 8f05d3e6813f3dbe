package helpdesk

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"warifu/internal/i18n"
	"warifu/internal/secret"
	"warifu/internal/session"
	"warifu/internal/web"
)

const boardStep = "desk/board" // the name of the page, too

// BoardPage is the page "desk/board".
type BoardPage struct {
	web.Hidden
	Desk     web.Desk
	SPSID    string
	Number   string
	IDError  string
	Error    string
	Left     int64  // entries left, if so few that it matters; else 0
	Taken    string // who is at work on the case, in words; empty if nobody else is
	Digits   int
	Waiting  int // cases without an agent or with one
	Seconds  int // cases that wait for a second agent
	Rows     []BoardRow
	Mine     []BoardRow
	Newest   string // kind of the newest row, for the live region
	NewestNo string // says when there is a newer one; not the number of a case
}

// BoardRow is one case on the board, in the language of the page: without a
// person (HD-19).
type BoardRow struct {
	No      int64 // only of the agent's own
	Kind    string
	Wait    string
	Age     string // class of its mark; empty while it is young
	Browser string
	Place   string
	Present bool
	State   string // key of its words
}

const (
	waitWarn = 3 * time.Minute
	waitLate = 10 * time.Minute
)

func (p *Pages) showBoard(w http.ResponseWriter, r *http.Request) error {
	a, err := p.enter(w, r, session.Factor, "/desk")
	if a == nil {
		return err
	}
	return p.renderBoard(w, r, http.StatusOK, *a, BoardPage{})
}

func (p *Pages) renderBoard(w http.ResponseWriter, r *http.Request, status int, a Agent, page BoardPage) (err error) {
	if page, err = p.board(r, a, page); err != nil {
		return err
	}
	if page.Hidden, err = p.Site.Hidden(w, r, boardStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, status, boardStep, page)
}

// board fills in what is open now.
func (p *Pages) board(r *http.Request, a Agent, page BoardPage) (BoardPage, error) {
	rows, err := p.Desk.Board(r.Context(), a)
	if err != nil {
		return page, err
	}
	now := p.Desk.Now()
	page.Desk, page.Digits = p.Site.DeskState(r), numberLen
	var newest time.Time
	for _, row := range rows {
		line := p.boardRow(r, row, now)
		if row.Mine {
			line.No = row.Case.No
			page.Mine = append(page.Mine, line)
		}
		if !row.Case.State.Open() {
			continue
		}
		if row.Case.State == Second {
			page.Seconds++
		} else {
			page.Waiting++
		}
		if row.Case.State == Waiting && row.Case.OpenedAt.After(newest) {
			newest, page.Newest = row.Case.OpenedAt, line.Kind
			page.NewestNo = strconv.FormatInt(newest.UnixMilli(), 36)
		}
		line.No = 0
		page.Rows = append(page.Rows, line)
	}
	return page, nil
}

// stateNames are the words of the states on the board.
var stateNames = map[State]string{Waiting: "desk.state_new", Working: "desk.state_working", Second: "desk.state_second"}

func (p *Pages) boardRow(r *http.Request, row Row, now time.Time) BoardRow {
	age := now.Sub(row.Case.OpenedAt)
	line := BoardRow{Kind: p.Site.Text(r, kindNames[row.Case.Kind]), Browser: p.Site.DeviceName(r, row.Case.Caller.Device), Present: row.Present,
		Wait: p.Site.Text(r, "desk.wait_value", "min", int(age.Minutes()), "sec", int(age.Seconds())%60), State: stateNames[row.Case.State],
		Place: p.place(r, row.Case.Caller)}
	if line.Browser == "" {
		line.Browser = p.Site.Text(r, "common.unknown")
	}
	switch {
	case age >= waitLate:
		line.Age = "late-age"
	case age >= waitWarn:
		line.Age = "warn-age"
	}
	return line
}

func (p *Pages) place(r *http.Request, c Caller) string {
	if c.Campus {
		return p.Site.Text(r, "common.place_campus")
	}
	return p.Site.Text(r, "common.place_outside")
}

// openCase opens the case that SPS-ID and number name.
func (p *Pages) openCase(w http.ResponseWriter, r *http.Request) error {
	a, err := p.enter(w, r, session.Factor, "/desk")
	if a == nil {
		return err
	}
	form, err := p.Site.Form(w, r, boardStep, "id", "number", "take")
	if err != nil {
		return err
	}
	page := BoardPage{SPSID: form["id"], Number: form["number"]}
	number, ok := secret.ParseDigits(form["number"])
	switch {
	case strings.TrimSpace(form["id"]) == "":
		page.IDError = p.Site.Text(r, "err.id_empty")
	case !ok || len(number) != numberLen: // a slip, not an entry
		page.Error = p.Site.Text(r, "err.otp_format", "n", numberLen)
	}
	if page.IDError != "" || page.Error != "" {
		return p.renderBoard(w, r, http.StatusUnprocessableEntity, *a, page)
	}
	e, err := p.Desk.Enter(r.Context(), *a, form["id"], number, form["take"] != "")
	if taken, ok := errors.AsType[*TakenError](err); ok {
		page.Taken = p.Site.Text(r, "stop.case_taken_text", "agent", taken.Agent.Name(p.Site.Lang(r) == i18n.Japanese), "time", p.Site.Clock(r, taken.At))
		return p.renderBoard(w, r, http.StatusConflict, *a, page)
	}
	switch {
	case err != nil:
		return p.problem(err)
	case e.Stopped:
		return &web.Problem{Status: http.StatusConflict, Stop: "stop.desk_stopped", Args: []any{"n", p.Desk.Policy.WrongEntries}, Err: errStopped}
	case e.No == 0:
		page.Error = p.Site.Text(r, "err.case_nomatch")
		if e.Left <= showLeft {
			page.Left = e.Left
		}
		return p.renderBoard(w, r, http.StatusUnprocessableEntity, *a, page)
	}
	return p.Site.Redirect(w, r, casePath(e.No))
}

const showLeft = 3 // entries left, from which on it is told (THR-8)

var errStopped = errors.New("helpdesk: the agent has made too many wrong entries")

const casesPath = "/desk/cases/"

func casePath(no int64) string { return casesPath + strconv.FormatInt(no, 10) }

// AtCase reports whether a page of ours, by its path, is one of a case.
func AtCase(path string) bool { return strings.HasPrefix(path, casesPath) }

// checkEvery is how long a stream may outlive the session of its agent (SSE-3).
const checkEvery = 5 * time.Second

// events tells a console that something has changed, and how many cases wait;
// the page asks for the rest (SSE-2).
func (p *Pages) events(w http.ResponseWriter, r *http.Request) error {
	a, err := p.watching(r)
	if err != nil {
		return err
	}
	topic, line := BoardTopic, func() (string, error) { return "", nil }
	if no, err := strconv.ParseInt(web.Query(r, "case"), 10, 64); err == nil {
		_, err := p.Desk.Sheet(r.Context(), *a, no)
		if errors.Is(err, ErrNoCase) { //guard:A32
			return p.Site.Nothing(w)
		}
		if err != nil {
			return err
		}
		topic, line = Case{No: no}.Topic(), func() (string, error) { return p.callerLine(r, *a, no) }
	}
	return p.Site.Stream(w, r, "desk:"+a.Subscriber.ID+topic, func(ctx context.Context, stream *web.Stream) error {
		wake, end := p.Wait.Watch.Hub.Subscribe(topic)
		defer end()
		beat := time.NewTicker(checkEvery) // whether the session still lives, too
		defer beat.Stop()
		changed, told := true, ""
		for {
			if _, err := p.watching(r); err != nil { //guard:SSE-3
				return err
			}
			now, err := line() // of what the caller does after the case is over nothing is announced
			if err != nil {
				return err
			}
			changed, told = changed || now != told, now
			err = stream.Beat()
			if changed {
				err = stream.Send("changed", strconv.FormatInt(p.Wait.Watch.waiting.Load(), 10))
			}
			if err != nil {
				return err
			}
			select {
			case <-wake:
				changed = true
			case <-beat.C:
				changed = false
			case <-ctx.Done():
				return nil
			}
		}
	})
}

// boardPart is the board alone, for the script of its page.
func (p *Pages) boardPart(w http.ResponseWriter, r *http.Request) error {
	a, err := p.watching(r)
	if err != nil {
		return err
	}
	page, err := p.board(r, *a, BoardPage{})
	if err != nil {
		return err
	}
	return p.Site.RenderPart(w, r, boardStep, "board", page)
}
