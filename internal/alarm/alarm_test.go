package alarm_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/alarm"
	"warifu/internal/mail"
	"warifu/internal/secret"
	"warifu/internal/store"
	"warifu/internal/store/storetest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 10, 0, time.UTC)

// site is a database, and a clock that stands still until it is set forward.
type site struct {
	t   *testing.T
	db  *store.DB
	raw *sql.DB
	mu  sync.Mutex
	now time.Time
	log strings.Builder
}

func onEngines(t *testing.T, test func(t *testing.T, s *site)) {
	storetest.Each(t, func(t *testing.T, newURL func(t *testing.T) string) {
		url := newURL(t)
		s := &site{t: t, now: noon}
		var err error
		if s.db, err = store.Open(url); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.db.Close() })
		key, err := secret.NewMAC(1, map[int][]byte{1: make([]byte, secret.KeySize)})
		if err != nil {
			t.Fatal(err)
		}
		s.db.SetAuditKey(key)
		if err := s.db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		driver, address := "pgx", url
		if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
			driver, address = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
		}
		if s.raw, err = sql.Open(driver, address); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.raw.Close() })
		test(t, s)
	})
}

func (s *site) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// node is one of the nodes of the site.
func (s *site) node() *alarm.Watch {
	s.t.Helper()
	box, err := secret.NewBox(1, map[int][]byte{1: make([]byte, secret.KeySize)})
	if err != nil {
		s.t.Fatal(err)
	}
	composer, err := mail.NewComposer(mail.Site{}, mail.Site{}, time.UTC)
	if err != nil {
		s.t.Fatal(err)
	}
	return &alarm.Watch{InTx: store.In[alarm.Tx](s.db), Outbox: &mail.Outbox{Composer: composer, Box: box, Now: s.clock},
		To: []string{"admin1@miyako.example", "admin2@miyako.example"}, Trail: "https://sso.miyako.example/admin",
		Log: slog.New(slog.NewTextHandler(s, nil)), Now: s.clock}
}

func fail(w *alarm.Watch, n int) {
	for range n {
		w.Failed()
	}
}

func (s *site) check(w *alarm.Watch) {
	s.t.Helper()
	if err := w.Check(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// want counts the mails, the events of the trail and the lines of the log.
func (s *site) want(alarms int) {
	s.t.Helper()
	var mails, events int
	if err := s.raw.QueryRowContext(s.t.Context(), `SELECT (SELECT COUNT(*) FROM mail_outbox WHERE subscriber_id = ''),
		(SELECT COUNT(*) FROM audit_event WHERE name = 'alarm_raised')`).Scan(&mails, &events); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if lines := strings.Count(s.log.String(), "level=ERROR"); mails != 2*alarms || events != alarms || lines != alarms {
		s.t.Errorf("%d mails, %d events, %d lines, want those of %d alarms", mails, events, lines, alarms)
	}
}

// TestAlarm: more than 150 wrong codes in five minutes, once an hour. THR-7.
func TestAlarm(t *testing.T) {
	onEngines(t, func(t *testing.T, s *site) {
		w := s.node()
		fail(w, 100)
		s.check(w)
		s.pass(4 * time.Minute)
		fail(w, 50)
		s.check(w)
		s.want(0)
		if w.Last() != 150 || w.Ringing() != 0 {
			t.Errorf("%v, %v", w.Last(), w.Ringing())
		}
		fail(w, 1)
		s.check(w)
		s.want(1)
		if w.Last() != 151 || w.Ringing() != 1 {
			t.Errorf("%v, %v", w.Last(), w.Ringing())
		}
		s.pass(time.Minute) // the first minute is past
		s.check(w)
		if w.Last() != 51 || w.Ringing() != 0 {
			t.Errorf("%v, %v", w.Last(), w.Ringing())
		}
		fail(w, 200)
		s.pass(58*time.Minute + 59*time.Second)
		s.check(w)
		s.want(1)
		s.pass(time.Second)
		s.check(w)
		s.want(2)
	})
}

// TestNodes adds what all nodes have counted, and raises one alarm for all. THR-7.
func TestNodes(t *testing.T) {
	onEngines(t, func(t *testing.T, s *site) {
		var nodes []*alarm.Watch
		for range 16 {
			nodes = append(nodes, s.node())
			fail(nodes[len(nodes)-1], 10)
		}
		var wg sync.WaitGroup
		for _, w := range nodes {
			wg.Go(func() {
				if err := w.Check(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, w := range nodes {
			s.check(w)
			if w.Last() != 160 || w.Ringing() != 1 {
				t.Errorf("%v, %v", w.Last(), w.Ringing())
			}
		}
		s.want(1)
	})
}

// TestUnusual: five times as many as in the last week at this time of the day,
// and never fewer than 31; before a week was counted, nothing is known. THR-7.
func TestUnusual(t *testing.T) {
	for name, test := range map[string]struct {
		days, usual int // in five minutes, at this time of the day
		failures    int
		alarm       bool
	}{
		"quiet":           {7, 0, 30, false},
		"quiet, not now":  {7, 0, 31, true},
		"usual":           {7, 10, 50, false},
		"unusual":         {7, 10, 51, true},
		"always many":     {7, 100, 150, false},
		"even more":       {7, 100, 151, true},
		"not a week yet":  {6, 0, 150, false},
		"not a week, 151": {6, 0, 151, true},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, s *site) {
				w := s.node()
				minute := noon.Truncate(time.Minute)
				err := store.In[alarm.Tx](s.db)(t.Context(), func(tx alarm.Tx) error {
					for day := 1; day <= test.days; day++ {
						at := minute.Add(time.Duration(-day) * 24 * time.Hour)
						for i := -30; i < 30; i += 5 {
							if err := tx.AddFailures(t.Context(), at.Add(time.Duration(i)*time.Minute), int64(test.usual)); err != nil {
								return err
							}
						}
						if err := tx.AddFailures(t.Context(), at.Add(-6*time.Hour), 1000); err != nil { // another time of the day
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				fail(w, test.failures)
				s.check(w)
				if (w.Ringing() == 1) != test.alarm {
					t.Errorf("%v failures: ringing %v", w.Last(), w.Ringing())
				}
			})
		})
	}
}

// TestCountsAreKept adds later what could not be added now, and forgets what is
// older than a week and a day.
func TestCountsAreKept(t *testing.T) {
	onEngines(t, func(t *testing.T, s *site) {
		w := s.node()
		in, broken := w.InTx, errors.New("broken")
		w.InTx = func(context.Context, func(alarm.Tx) error) error { return broken }
		fail(w, 7)
		if err := w.Check(t.Context()); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
		w.InTx = in
		s.check(w)
		if w.Last() != 7 {
			t.Errorf("%v", w.Last())
		}
		s.pass(8*24*time.Hour + time.Minute)
		s.check(w)
		var rows int
		if err := s.raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM code_failure`).Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
}
