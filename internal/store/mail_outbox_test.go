package store

import (
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/mail"
)

var outboxNow = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// TestMailOutbox holds both engines to the same behaviour.
func TestMailOutbox(t *testing.T) {
	migrated.Each(t, func(t *testing.T, newURL func(t *testing.T) string) {
		for name, test := range map[string]func(t *testing.T, db *DB){
			"a mail is claimed once under contention":      testMailClaimedOnce,
			"a mail is due at its time and while unlocked": testMailDue,
			"a final mail has no content":                  testMailFinished,
			"a lost lock changes nothing":                  testMailLostLock,
			"final rows are pruned":                        testMailPruned,
			"a bounce is remembered":                       testMailBounced,
			"due mail is found by its index":               testMailIndex,
		} {
			t.Run(name, func(t *testing.T) {
				db, err := Open(newURL(t))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { db.Close() })
				test(t, db)
			})
		}
	})
}

func outboxTx(t *testing.T, db *DB, fn func(*Tx) error) {
	t.Helper()
	if err := db.inTx(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func enqueue(t *testing.T, db *DB, ids ...string) {
	t.Helper()
	outboxTx(t, db, func(tx *Tx) error {
		for _, id := range ids {
			row := mail.OutboxRow{
				SubscriberID: "s1", ID: id, CreatedAt: outboxNow, NextTryAt: outboxNow,
				ExpiresAt: outboxNow.Add(mail.Lifetime), State: mail.Queued, Sealed: []byte("sealed " + id),
			}
			if err := tx.EnqueueMail(t.Context(), row); err != nil {
				return err
			}
		}
		return nil
	})
}

// claim claims at a time for a minute; the row is empty if none was due.
func claim(t *testing.T, db *DB, at time.Time) (row mail.OutboxRow) {
	t.Helper()
	outboxTx(t, db, func(tx *Tx) error {
		got, found, err := tx.ClaimMail(t.Context(), at, at.Add(time.Minute))
		row = got
		if found != (row.ID != "") {
			t.Errorf("found %t, %+v", found, row)
		}
		return err
	})
	return row
}

func backlog(t *testing.T, db *DB) (b mail.Backlog) {
	t.Helper()
	err := db.view(t.Context(), func(tx *Tx) (err error) {
		b, err = tx.MailBacklog(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testMailClaimedOnce(t *testing.T, db *DB) {
	enqueue(t, db, "a", "b", "c", "d")
	var wg sync.WaitGroup
	var mu sync.Mutex
	claimed := make(map[string]int)
	for range 16 {
		wg.Go(func() {
			row := claim(t, db, outboxNow)
			mu.Lock()
			claimed[row.ID]++
			mu.Unlock()
		})
	}
	wg.Wait()
	for _, id := range []string{"a", "b", "c", "d"} {
		if claimed[id] != 1 {
			t.Errorf("claimed %v, want each once", claimed)
		}
	}
}

func testMailDue(t *testing.T, db *DB) {
	enqueue(t, db, "a")
	if row := claim(t, db, outboxNow.Add(-time.Millisecond)); row.ID != "" {
		t.Errorf("before its time: %+v", row)
	}
	row := claim(t, db, outboxNow)
	if row.ID != "a" || row.SubscriberID != "s1" || row.Tries != 1 || string(row.Sealed) != "sealed a" ||
		!row.LockedUntil.Equal(outboxNow.Add(time.Minute)) || !row.ExpiresAt.Equal(outboxNow.Add(mail.Lifetime)) {
		t.Errorf("%+v", row)
	}
	if row := claim(t, db, outboxNow.Add(time.Minute-time.Millisecond)); row.ID != "" {
		t.Errorf("while it is locked: %+v", row)
	}
	if row := claim(t, db, outboxNow.Add(time.Minute)); row.Tries != 2 {
		t.Errorf("after a dispatcher died with it: %+v", row)
	}
}

func testMailFinished(t *testing.T, db *DB) {
	enqueue(t, db, "a", "b")
	if b := backlog(t, db); b.Queued != 2 || !b.Oldest.Equal(outboxNow) {
		t.Errorf("%+v, want 2 queued", b)
	}
	for _, state := range []mail.State{mail.Sent, mail.Abandoned} {
		row := claim(t, db, outboxNow)
		outboxTx(t, db, func(tx *Tx) error {
			if err := tx.FinishMail(t.Context(), row, state, outboxNow); err != nil {
				return err
			}
			var stored string
			var empty bool
			err := tx.queryRow(t.Context(), `SELECT state, sealed IS NULL FROM mail_outbox WHERE id = $1`, row.ID).Scan(&stored, &empty)
			if stored != string(state) || !empty {
				t.Errorf("%s: state %s, empty %t", state, stored, empty)
			}
			return err
		})
	}
	if row := claim(t, db, outboxNow.Add(time.Hour)); row.ID != "" {
		t.Errorf("claimed again: %+v", row)
	}
	if b := backlog(t, db); b.Queued != 0 || !b.Oldest.IsZero() {
		t.Errorf("%+v, want none queued", b)
	}
}

func testMailLostLock(t *testing.T, db *DB) {
	enqueue(t, db, "a")
	slow := claim(t, db, outboxNow)
	fast := claim(t, db, outboxNow.Add(time.Minute))
	outboxTx(t, db, func(tx *Tx) error {
		if err := tx.FinishMail(t.Context(), slow, mail.Abandoned, outboxNow); err != nil {
			return err
		}
		return tx.RetryMail(t.Context(), slow, outboxNow)
	})
	if row := claim(t, db, outboxNow.Add(time.Minute)); row.ID != "" {
		t.Fatalf("unlocked by another: %+v", row)
	}
	outboxTx(t, db, func(tx *Tx) error { return tx.RetryMail(t.Context(), fast, outboxNow.Add(2*time.Minute)) })
	if row := claim(t, db, outboxNow.Add(2*time.Minute)); row.Tries != 3 {
		t.Errorf("third try: %+v", row)
	}
	outboxTx(t, db, func(tx *Tx) error { return tx.FinishMail(t.Context(), slow, mail.Sent, outboxNow) })
	if b := backlog(t, db); b.Queued != 0 {
		t.Error("sent is true whoever holds the lock")
	}
}

func testMailPruned(t *testing.T, db *DB) {
	enqueue(t, db, "a", "b", "c")
	for range 2 {
		row := claim(t, db, outboxNow)
		outboxTx(t, db, func(tx *Tx) error { return tx.FinishMail(t.Context(), row, mail.Sent, outboxNow) })
	}
	for _, test := range []struct {
		before time.Time
		want   int64
	}{{outboxNow, 0}, {outboxNow.Add(time.Hour), 1}, {outboxNow.Add(time.Hour), 1}, {outboxNow.Add(time.Hour), 0}} {
		outboxTx(t, db, func(tx *Tx) error {
			n, err := tx.PruneMail(t.Context(), test.before, 1)
			if n != test.want {
				t.Errorf("pruned %d, want %d", n, test.want)
			}
			return err
		})
	}
	if b := backlog(t, db); b.Queued != 1 {
		t.Errorf("%+v, want the queued one left", b)
	}
}

func testMailBounced(t *testing.T, db *DB) {
	outboxTx(t, db, func(tx *Tx) error {
		_, err := tx.exec(t.Context(),
			`INSERT INTO subscriber (id, public_id, sps_id, display, family, given, family_ja, given_ja, family_kana, given_kana,
			     affiliation, department, department_ja, groups, status, role, privileged, mailbox, language, had_factor, created_at, updated_at)
			 VALUES ('s1', 'p1', 'sps00001', '', '', '', '', '', '', '', '', '', '', '', 'active', 'subscriber', FALSE, '', '', FALSE, 0, 0)`)
		if err != nil {
			return err
		}
		_, err = tx.exec(t.Context(),
			`INSERT INTO notification_address (subscriber_id, address, confirmed_at, bounced_at)
			 VALUES ('s1', 'a@b.example', 1, 0), ('s1', 'c@d.example', 1, 0)`)
		if err != nil {
			return err
		}
		return tx.MarkBounced(t.Context(), "s1", "a@b.example", outboxNow)
	})
	outboxTx(t, db, func(tx *Tx) error {
		var bounced string
		err := tx.queryRow(t.Context(), `SELECT address FROM notification_address WHERE bounced_at = $1`, millis(outboxNow)).Scan(&bounced)
		if bounced != "a@b.example" {
			t.Errorf("bounced: %q", bounced)
		}
		return err
	})
	outboxTx(t, db, func(tx *Tx) error {
		if err := tx.ClearBounced(t.Context(), "s1", "c@d.example"); err != nil {
			return err
		}
		var left, none int
		err := tx.queryRow(t.Context(), `SELECT COUNT(*) FROM notification_address WHERE bounced_at > 0`).Scan(&left)
		if err == nil {
			err = tx.ClearBounced(t.Context(), "s1", "a@b.example")
		}
		if err == nil {
			err = tx.queryRow(t.Context(), `SELECT COUNT(*) FROM notification_address WHERE bounced_at > 0`).Scan(&none)
		}
		if left != 1 || none != 0 {
			t.Errorf("bounced after the other's success: %d, after its own: %d", left, none)
		}
		return err
	})
}

func testMailIndex(t *testing.T, db *DB) {
	enqueue(t, db, "a")
	explain := "EXPLAIN QUERY PLAN "
	if db.writer == nil {
		explain = "EXPLAIN "
	}
	outboxTx(t, db, func(tx *Tx) error {
		if db.writer == nil { // the planner would read a table of one row as a whole
			if _, err := tx.exec(t.Context(), `SET LOCAL enable_seqscan = off`); err != nil {
				return err
			}
		}
		var plan strings.Builder
		err := tx.query(t.Context(), func(r row) error {
			var id, parent, unused int64
			var line string
			err := r.Scan(&line)
			if db.writer != nil {
				err = r.Scan(&id, &parent, &unused, &line)
			}
			plan.WriteString(line + "\n")
			return err
		}, explain+`SELECT id FROM mail_outbox WHERE state = 'queued' AND next_try_at <= 5 AND locked_until <= 5 ORDER BY next_try_at LIMIT 16`)
		if !strings.Contains(plan.String(), "mail_outbox_due") {
			t.Errorf("plan: %s", plan.String())
		}
		return err
	})
}
