package abuse

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/config"
)

// remind makes a round on each of two nodes at once, and returns to whom something
// new was written, as "address subject".
func (w *world) remind(nodes ...func() error) (written []string) {
	w.t.Helper()
	before := len(w.letters())
	var wg sync.WaitGroup
	for _, run := range nodes {
		wg.Go(func() {
			if err := run(); err != nil {
				w.t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, l := range w.letters()[before:] {
		written = append(written, l.To+" "+l.Subject)
	}
	return written
}

// TestReminders tells of the day from which a second factor is needed at 30, 14, 7, 3
// and 1 days, once each however many nodes there are and whatever they have missed;
// asks who has no notification address every 90 days to register one, and the owner of
// an address every year whether it is still read. ADR-10, ENR-2.
func TestReminders(t *testing.T) {
	day := begin.Truncate(24*time.Hour).AddDate(0, 0, 40)
	onEngines(t, func(t *testing.T, w *world) {
		w.exec(`UPDATE subscriber SET status = 'suspended' WHERE sps_id NOT IN ('` + newcomer + `', 'seed0000001', 'seed0000002')`)
		w.exec(`DELETE FROM notification_address WHERE subscriber_id IN (SELECT id FROM subscriber WHERE sps_id = 'seed0000001')`)
		w.exec(fmt.Sprintf(`UPDATE notification_address SET confirmed_at = %d`, begin.AddDate(0, 0, -300).UnixMilli()))
		w.exec(fmt.Sprintf(`UPDATE subscriber SET created_at = %d WHERE sps_id <> '%s'`, begin.AddDate(0, 0, -80).UnixMilli(), newcomer))
		w.exec(`UPDATE subscriber SET had_factor = TRUE WHERE sps_id <> '` + newcomer + `'`)
		other := w.node()
		at := func(when time.Time) []string {
			w.pass(when.Sub(w.Now()))
			return w.remind(func() error { return w.app.Reminders.Run(t.Context()) }, func() error { return other.Reminders.Run(t.Context()) })
		}
		want := func(when time.Time, subjects ...string) {
			t.Helper()
			got := at(when)
			if len(got) != len(subjects) {
				t.Fatalf("%s: %v, want %v", when.Format(time.DateOnly), got, subjects)
			}
			for i, subject := range subjects {
				if !strings.HasSuffix(got[i], subject) {
					t.Errorf("%s: %v, want %v", when.Format(time.DateOnly), got, subjects)
				}
			}
		}
		const needed = "ワンタイムパスワード設定のお願い"
		want(begin)
		want(day.AddDate(0, 0, -30).Add(-time.Minute))
		want(day.AddDate(0, 0, -30), needed)
		want(day.AddDate(0, 0, -29), "通知用メールアドレスの登録のお願い") // 90 days after the account was made
		want(day.AddDate(0, 0, -20))
		want(day.AddDate(0, 0, -4), needed) // of two occasions that were missed, one
		want(day.AddDate(0, 0, -3), needed)
		want(day.AddDate(0, 0, -1), needed)
		want(day)
		want(begin.AddDate(0, 0, 70), "メールアドレスの確認のお願い")
		want(begin.AddDate(0, 0, 71))
		for _, l := range w.letters() {
			if strings.Contains(l.Subject, needed) && !strings.Contains(l.Body, "2027年1月3日（日）") {
				t.Errorf("%s", l.Body)
			}
		}
	}, func(c *config.Config) {
		c.SignIn.RequireTOTPFrom = map[string]time.Time{"faculty": day}
	})
}

// TestNoReminders writes nothing where the institution wants none.
func TestNoReminders(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.exec(`UPDATE notification_address SET confirmed_at = 1`)
		w.exec(`UPDATE subscriber SET created_at = 1, had_factor = TRUE`)
		if got := w.remind(func() error { return w.app.Reminders.Run(t.Context()) }); len(got) > 0 {
			t.Errorf("%v", got)
		}
	}, func(c *config.Config) { c.Reminders.Address, c.Reminders.Check = 0, 0 })
}

// TestRemindersGoOn reminds everybody else where one letter cannot be queued.
func TestRemindersGoOn(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.exec(`UPDATE subscriber SET had_factor = FALSE, groups = '["rollout"]', status = 'active'`)
		w.exec(`INSERT INTO notification_address (subscriber_id, address, confirmed_at, bounced_at)
			SELECT MIN(id), 'no address', 1, 0 FROM subscriber`)
		persons := w.count(`SELECT COUNT(*) FROM subscriber`)
		if err := w.app.Reminders.Run(t.Context()); err == nil {
			t.Error("nobody is told of the letter that cannot be queued")
		}
		if got := w.count(`SELECT COUNT(*) FROM reminder WHERE kind = 'factor'`); got != persons-1 {
			t.Errorf("%d of %d are reminded", got, persons)
		}
	}, func(c *config.Config) {
		c.Reminders.Address, c.Reminders.Check = 0, 0
		c.SignIn.RequireTOTPFrom = map[string]time.Time{"rollout": begin.AddDate(0, 0, 20)}
	})
}
