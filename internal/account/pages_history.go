package account

import (
	"net/http"
	"strconv"

	"warifu/internal/session"
)

// HistoryPage is the page "account/history".
type HistoryPage struct {
	Days         int
	List         []HistoryRow
	Newer, Older string // numbers of pages; empty if there is none
}

// HistoryRow is one entry, in the language of the page.
type HistoryRow struct {
	Time, Result, Why, Method, Service, Device, Place string
	Address                                           string
}

func (p *Pages) showHistory(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	all, err := p.History.Of(r.Context(), NewActor(v, p.Site.Client(r)))
	if err != nil {
		return err
	}
	names, err := p.serviceNames(r)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n < 1 || (n-1)*historyPage >= len(all) {
		n = 1
	}
	page := HistoryPage{Days: int(historyFor.Hours() / 24)}
	if n > 1 {
		page.Newer = strconv.Itoa(n - 1)
	}
	if n*historyPage < len(all) {
		page.Older = strconv.Itoa(n + 1)
	}
	for _, e := range all[(n-1)*historyPage : min(len(all), n*historyPage)] {
		page.List = append(page.List, p.historyRow(r, e, names))
	}
	return p.Site.Render(w, r, http.StatusOK, "account/history", page)
}

func (p *Pages) historyRow(r *http.Request, e Entry, names map[string]string) HistoryRow {
	text := func(key string, args ...any) string {
		if key == "" {
			return ""
		}
		return p.Site.Text(r, key, args...)
	}
	row := HistoryRow{Time: p.Site.Clock(r, e.At), Why: text(e.Why), Method: text(e.Method), Service: names[e.Service], Device: e.Device}
	if e.Address != "" {
		row.Place = p.place(r, e.Address)
	}
	switch e.Result {
	case SignedIn:
		row.Result = text("history.ok")
	case Failed:
		row.Result = text("history.fail")
	case Stopped:
		row.Result = text("history.stopped")
	default:
		row.Result = text("history.changed", "what", text(e.What))
	}
	if row.Place != "" && row.Place != p.Site.Text(r, "common.unknown") {
		row.Address = e.Address
	}
	return row
}

// serviceNames are the names of all services by their ids.
func (p *Pages) serviceNames(r *http.Request) (map[string]string, error) {
	all, err := p.Services.All(r.Context())
	names := make(map[string]string, len(all))
	for _, s := range all {
		names[s.ID] = s.Name.In(string(p.Site.Lang(r)))
	}
	return names, err
}
