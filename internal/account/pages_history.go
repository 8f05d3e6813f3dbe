package account

import (
	"net/http"
	"strconv"

	"warifu/internal/history"
	"warifu/internal/session"
	"warifu/internal/web"
)

const historyPage = 50 // entries on one page

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
	Report                                            string // address of the page that reports it; empty where that makes no sense
}

func (p *Pages) showHistory(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	all, err := p.History.Of(r.Context(), v.Subscriber.ID)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(web.Query(r, "page"))
	if err != nil || n < 1 || (n-1)*historyPage >= len(all) {
		n = 1
	}
	page := HistoryPage{Days: int(history.For.Hours() / 24)}
	if n > 1 {
		page.Newer = strconv.Itoa(n - 1)
	}
	if n*historyPage < len(all) {
		page.Older = strconv.Itoa(n + 1)
	}
	shown := all[(n-1)*historyPage : min(len(all), n*historyPage)]
	ids := make([]string, 0, len(shown))
	for _, e := range shown {
		ids = append(ids, e.Service)
	}
	names, err := p.serviceNames(r, ids)
	if err != nil {
		return err
	}
	for _, e := range shown {
		page.List = append(page.List, p.historyRow(r, e, names))
	}
	return p.Site.Render(w, r, http.StatusOK, "account/history", page)
}

func (p *Pages) historyRow(r *http.Request, e history.Entry, names map[string]string) HistoryRow {
	text := func(key string, args ...any) string {
		if key == "" {
			return ""
		}
		return p.Site.Text(r, key, args...)
	}
	row := HistoryRow{Time: p.Site.Clock(r, e.At), Why: text(e.Why, "min", e.DriftMinutes()), Method: text(e.Method), Service: names[e.Service], Device: p.Site.DeviceName(r, e.Device)}
	if e.Address != "" {
		row.Place = p.place(r, e.Address)
	}
	row.Result = e.Words(text)
	if e.Reportable() {
		row.Report = "/not-me?id=" + entryPrefix + e.ID
	}
	if row.Place != "" && row.Place != p.Site.Text(r, "common.unknown") {
		row.Address = e.Address
	}
	return row
}

// serviceNames are the names of services by their ids.
func (p *Pages) serviceNames(r *http.Request, ids []string) (map[string]string, error) {
	names := make(map[string]string)
	for _, id := range ids {
		if _, known := names[id]; known || id == "" {
			continue
		}
		name, err := p.Services.Name(r.Context(), id)
		if err != nil {
			return nil, err
		}
		names[id] = name.In(string(p.Site.Lang(r)))
	}
	return names, nil
}
