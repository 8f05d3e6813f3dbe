package local_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"warifu/internal/audit"
	"warifu/internal/directory"
	"warifu/internal/directory/local"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/secret"
	"warifu/internal/session"
	"warifu/internal/store"
	"warifu/internal/store/storetest"
	"warifu/internal/throttle"
)

// world is a directory on a database of its own.
type world struct {
	*local.Service
	t   testing.TB
	db  *store.DB
	raw *sql.DB // what the tables hold, whatever the services say
}

var now = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// onBothEngines runs a test on SQLite and on PostgreSQL.
func onBothEngines(t *testing.T, test func(t *testing.T, w *world)) {
	storetest.Each(t, func(t *testing.T, newURL func(t *testing.T) string) { test(t, newWorld(t, newURL(t))) })
}

// open opens the database past the store, whose drivers it uses.
func open(t testing.TB, address string) *sql.DB {
	t.Helper()
	driver := "pgx"
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, address = "sqlite", "file:"+path
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func key(n byte) map[int][]byte {
	k := make([]byte, secret.KeySize)
	k[0] = n
	return map[int][]byte{1: k}
}

func newWorld(t testing.TB, address string) *world {
	t.Helper()
	db, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	trail, err1 := secret.NewMAC(1, key(1))
	codes, err2 := secret.NewMAC(1, key(2))
	box, err3 := secret.NewBox(1, key(3))
	composer, err4 := mail.NewComposer(mail.Site{IDLabel: "SPS-ID"}, mail.Site{IDLabel: "SPS-ID"}, time.UTC)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	db.SetAuditKey(trail)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return now }
	return &world{t: t, db: db, raw: open(t, address), Service: &local.Service{
		InTx: store.In[local.Tx](db), View: store.View[local.Reader](db), Codes: codes, Domains: []string{"miyako.example"},
		Notices: &notice.Service{Outbox: &mail.Outbox{Composer: composer, Box: box, Now: clock}}, Random: rand.Reader, Now: clock,
	}}
}

// read returns the lines of a file without faults.
func read(t testing.TB, file string) []directory.ImportLine {
	t.Helper()
	importer := directory.Importer{Domains: []string{"miyako.example"}, CheckHash: func(string) error { return nil }}
	lines, faults := importer.Read([]byte(file))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return lines
}

// add imports a file and wants this report.
func (w *world) add(file string, want local.Report) {
	w.t.Helper()
	got, err := w.Import(w.t.Context(), read(w.t, file), false)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
}

// count returns the one number that a query asks for.
func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.raw.QueryRowContext(w.t.Context(), query, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) mails() int    { return w.count(`SELECT COUNT(*) FROM mail_outbox`) }
func (w *world) sessions() int { return w.count(`SELECT COUNT(*) FROM session`) }

// trail returns the names of all events, in any order.
func (w *world) trail() (names []string) {
	w.t.Helper()
	rows, err := w.raw.QueryContext(w.t.Context(), `SELECT name FROM audit_event ORDER BY name`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			w.t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return names
}

func (w *world) wantTrail(want ...audit.Name) {
	w.t.Helper()
	var all []string
	for _, name := range want {
		all = append(all, string(name))
	}
	slices.Sort(all)
	if got := w.trail(); !slices.Equal(got, all) {
		w.t.Errorf("trail %v, want %v", got, all)
	}
}

func (w *world) show(id string) directory.Subscriber {
	w.t.Helper()
	who, err := w.Show(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return who
}

// signIn gives a person a session.
func (w *world) signIn(id string) {
	w.t.Helper()
	s := session.Session{ID: rand.Text(), SubscriberID: w.show(id).ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour), IdleLimit: time.Hour}
	err := store.In[session.Tx](w.db)(w.t.Context(), func(tx session.Tx) error {
		return tx.CreateSession(w.t.Context(), s, []byte(s.ID), 20)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

const one = "sps_id,display,mailbox\ns1,One,s1@miyako.example\n"

// TestImport adds people, changes what a later file says of them, and leaves
// the rest.
func TestImport(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add("sps_id,display,groups,password_hash\ns1,One,a;b,$1\ns2,Two,,\n", local.Report{Added: 2})
		w.add("sps_id,display,groups,password_hash\ns1,One,b;a,$2\ns2,Two,,\n", local.Report{Unchanged: 2})
		w.add("sps_id,display,password_hash\ns1,Other,$3\ns2,Two,$4\ns3,Three,\n", local.Report{Added: 1, Changed: 2})
		if who := w.show("S1@miyako.example"); who.Display != "Other" || !slices.Equal(who.Groups, []string{"a", "b"}) || who.Status != directory.Active {
			t.Errorf("%+v", who)
		}
		if n := w.count(`SELECT COUNT(*) FROM password WHERE hash IN ('$1', '$4')`); n != 2 { // a password that is there stays
			t.Errorf("%d passwords as brought along first, want 2", n)
		}
		w.wantTrail(audit.SubscriberAdded, audit.SubscriberAdded, audit.SubscriberAdded, audit.SubscriberEdited, audit.SubscriberEdited)
		if n := w.mails(); n != 0 {
			t.Errorf("%d mails", n)
		}
	})
}

// TestImportStatus keeps a suspension that a file does not speak of, and does
// with a person whom it suspends or resumes what the commands do. SES-9, NOT-1.
func TestImportStatus(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(one, local.Report{Added: 1})
		w.signIn("s1")
		w.add("sps_id,display,status\ns1,One,suspended\n", local.Report{Changed: 1, Suspended: 1})
		if w.sessions() != 0 || w.mails() != 1 || w.show("s1").Status != directory.Suspended {
			t.Errorf("%d sessions, %d mails, %+v", w.sessions(), w.mails(), w.show("s1"))
		}
		w.add("sps_id,display,affiliation\ns1,One,staff\n", local.Report{Changed: 1})
		w.add("sps_id,display,status\ns1,One,\n", local.Report{Unchanged: 1})
		if who := w.show("s1"); who.Status != directory.Suspended || who.Affiliation != "staff" {
			t.Errorf("%+v", who)
		}
		w.add("sps_id,display,status\ns1,One,active\n", local.Report{Changed: 1})
		if w.show("s1").Status != directory.Active || w.mails() != 2 {
			t.Errorf("%+v, %d mails", w.show("s1"), w.mails())
		}
		w.wantTrail(audit.SubscriberAdded, audit.Suspend, audit.SubscriberEdited, audit.Resume)
	})
}

// TestImportAllOrNone leaves nothing of a file of which one line cannot be
// taken, and nothing of a trial. Nobody gets the ID of a person who was deleted.
func TestImportAllOrNone(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(one, local.Report{Added: 1})
		if _, err := w.raw.ExecContext(t.Context(), `UPDATE subscriber SET status = 'deleted'`); err != nil {
			t.Fatal(err)
		}
		file := "sps_id,display\ns0,Zero\ns1,Somebody else\ns2,Two\n"
		w.add(file, local.Report{Added: 2, Faults: []directory.LineFault{{Line: 3, Column: "sps_id", Text: "belonged to a person who was deleted"}}})
		if r, err := w.Import(t.Context(), read(t, "sps_id,display\ns8,Eight\n"), true); err != nil || r.Added != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		if n := w.count(`SELECT COUNT(*) FROM subscriber`); n != 1 {
			t.Errorf("%d people, want 1", n)
		}
		w.wantTrail(audit.SubscriberAdded)
		if err := w.Suspend(t.Context(), "s1", ""); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("a deleted person: %v", err)
		}
	})
}

// TestSuspend ends all sessions, tells the person once, and is taken back. SES-9.
func TestSuspend(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(one+"s2,Two,\n", local.Report{Added: 2})
		w.signIn("s1")
		w.signIn("s1")
		w.signIn("s2")
		for range 2 {
			if err := w.Suspend(t.Context(), "s1", "left"); err != nil {
				t.Fatal(err)
			}
		}
		if w.sessions() != 1 || w.mails() != 1 || w.show("s1").Status != directory.Suspended || w.show("s2").Status != directory.Active {
			t.Errorf("%d sessions, %d mails", w.sessions(), w.mails())
		}
		for range 2 {
			if err := w.Resume(t.Context(), "s1", ""); err != nil {
				t.Fatal(err)
			}
		}
		if w.mails() != 2 || w.show("s1").Status != directory.Active {
			t.Errorf("%d mails, %+v", w.mails(), w.show("s1"))
		}
		w.wantTrail(audit.SubscriberAdded, audit.SubscriberAdded, audit.Suspend, audit.Suspend, audit.Resume, audit.Resume)
	})
}

// TestNothingHalf does not suspend a person where it cannot be recorded. AUD-2.
func TestNothingHalf(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(one, local.Report{Added: 1})
		w.signIn("s1")
		w.db.SetAuditKey(nil)
		if err := w.Suspend(t.Context(), "s1", ""); err == nil {
			t.Error("suspended without a trail")
		}
		if w.sessions() != 1 || w.mails() != 0 || w.show("s1").Status != directory.Active {
			t.Errorf("%d sessions, %d mails, %+v", w.sessions(), w.mails(), w.show("s1"))
		}
	})
}

// TestUnlock lifts every wait and stop, of one person alone. THR-3.
func TestUnlock(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(one+"s2,Two,\n", local.Report{Added: 2})
		counters := []throttle.Counter{throttle.Password, throttle.Code, throttle.CodeKnown, throttle.FactorUnknown, throttle.Factor}
		for _, id := range []string{"s1", "s2"} {
			for _, c := range counters {
				err := store.In[throttle.Tx](w.db)(t.Context(), func(tx throttle.Tx) error {
					_, err := tx.ReserveAttempt(t.Context(), w.show(id).ID, c, throttle.Schedule{Limit: 1}, now)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Unlock(t.Context(), "s1", "called"); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]int{"s1": 0, "s2": len(counters)} {
			if n := w.count(`SELECT COUNT(*) FROM throttle WHERE account = $1`, w.show(id).ID); n != want {
				t.Errorf("%s: %d counters, want %d", id, n, want)
			}
		}
	})
}

// TestUnlockFrozen lifts what a report has stopped: with a reason, which the
// trail has, and of one person alone. ADR-5, AUD-3.
func TestUnlockFrozen(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(one+"s2,Two,\n", local.Report{Added: 2})
		if _, err := w.raw.ExecContext(t.Context(), `UPDATE subscriber SET frozen_at = 5`); err != nil {
			t.Fatal(err)
		}
		for _, reason := range []string{"", " "} {
			if err := w.Unlock(t.Context(), "s1", reason); !errors.Is(err, local.ErrReason) || !w.show("s1").Frozen() {
				t.Errorf("%q: %v", reason, err)
			}
		}
		if err := w.Unlock(t.Context(), "s1", "came with a passport"); err != nil || w.show("s1").Frozen() || !w.show("s2").Frozen() {
			t.Errorf("%v, %t, %t", err, w.show("s1").Frozen(), w.show("s2").Frozen())
		}
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE name = 'subscriber.unfrozen' AND body LIKE '%came with a passport%'`); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

// TestActivationCode stores a digest of each code in place of the last, bound to
// the person, for 30 days. ENR-1, A26.
func TestActivationCode(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(one+"s2,Two,\n", local.Report{Added: 2})
		last := ""
		for range 3 {
			code, until, err := w.ActivationCode(t.Context(), "s1", "")
			plain := strings.ReplaceAll(code, "-", "")
			if err != nil || len(code) != 19 || strings.Trim(plain, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" || plain == last || !until.Equal(now.AddDate(0, 0, 30)) {
				t.Fatalf("%q, %s, %v", code, until, err)
			}
			last = plain
		}
		var digest []byte
		var expires int64
		if err := w.raw.QueryRowContext(t.Context(), `SELECT digest, expires_at FROM activation_code`).Scan(&digest, &expires); err != nil {
			t.Fatal(err)
		}
		verifies := func(id, code string) bool {
			return w.Codes.Verify("activation", digest, []byte(w.show(id).ID), []byte(code))
		}
		if expires != now.AddDate(0, 0, 30).UnixMilli() || !verifies("s1", last) || verifies("s2", last) || verifies("s1", last[1:]) {
			t.Errorf("stored %x until %d", digest, expires)
		}
		w.Random = strings.NewReader("short")
		if code, _, err := w.ActivationCode(t.Context(), "s1", ""); err == nil || code != "" {
			t.Errorf("%q without randomness", code)
		}
		w.Random = rand.Reader
		if code, _, err := w.ActivationCode(t.Context(), "nobody", ""); !errors.Is(err, directory.ErrNotFound) || code != "" {
			t.Errorf("%q, %v", code, err)
		}
		w.wantTrail(audit.SubscriberAdded, audit.SubscriberAdded, audit.ActivationCode, audit.ActivationCode, audit.ActivationCode)
	})
}

// TestSetRole ends the sessions that were opened with another role.
func TestSetRole(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(one, local.Report{Added: 1})
		for _, step := range []struct {
			role     directory.Role
			sessions int
		}{{directory.RoleSubscriber, 1}, {directory.RoleAgent, 0}, {directory.RoleAuditor, 0}, {directory.RoleAdministrator, 0}} {
			w.signIn("s1")
			if err := w.SetRole(t.Context(), "s1", step.role, ""); err != nil {
				t.Fatal(err)
			}
			if w.sessions() != step.sessions || w.show("s1").Role != step.role {
				t.Errorf("%s: %d sessions, %+v", step.role, w.sessions(), w.show("s1"))
			}
		}
		if err := w.SetRole(t.Context(), "s1", "king", ""); err == nil {
			t.Error("there is no king")
		}
	})
}

// TestSetPrivileged marks a person, and takes the mark away. HD-6.
func TestSetPrivileged(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(one, local.Report{Added: 1})
		for _, on := range []bool{true, false} {
			if err := w.SetPrivileged(t.Context(), "s1", on, "rector"); err != nil || w.show("s1").IsPrivileged() != on {
				t.Errorf("%v: %+v, %v", on, w.show("s1"), err)
			}
		}
		w.wantTrail(audit.SubscriberAdded, audit.PrivilegeChanged, audit.PrivilegeChanged)
	})
}

// BenchmarkImport imports 30,000 people with hashes brought along, and the same
// again.
func BenchmarkImport(b *testing.B) {
	var text strings.Builder
	text.WriteString("sps_id,family,given,family_ja,given_ja,groups,mailbox,password_hash\n")
	for n := range 30_000 {
		fmt.Fprintf(&text, "s%06d,Miyako,Hanako,都,花子,student,s%06d@miyako.example,\"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$%043d\"\n", n, n, n)
	}
	lines := read(b, text.String())
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b, "sqlite:"+filepath.Join(b.TempDir(), "test.db"))
		b.StartTimer()
		for _, want := range []local.Report{{Added: 30_000}, {Unchanged: 30_000}} {
			if r, err := w.Import(b.Context(), lines, false); err != nil || r.Added != want.Added || r.Unchanged != want.Unchanged {
				b.Fatalf("%+v, %v", r, err)
			}
		}
	}
}
