package store

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"warifu/internal/audit"
	"warifu/internal/authenticator/totp"
	"warifu/internal/directory"
	"warifu/internal/enrolment"
	"warifu/internal/flow"
	"warifu/internal/helpdesk"
	"warifu/internal/recovery"
	"warifu/internal/secret"
	"warifu/internal/signin"
	"warifu/internal/store/storetest"
	"warifu/internal/throttle"
)

// TestConformance holds every engine to the same behaviour.
func TestConformance(t *testing.T) { migrated.Each(t, conform) }

// conform runs every test on a database of its own.
func conform(t *testing.T, newURL func(t *testing.T) string) {
	for name, test := range map[string]func(t *testing.T, db *DB){
		"parameters are bound by number":               testParametersByNumber,
		"migrations go up, down and up":                testMigrations,
		"a newer schema is refused, and borne":         testNewerSchema,
		"a reader does not wait for a writer":          testReader,
		"a person is kept whole":                       testSubscriber,
		"a reader sees one moment":                     testMoment,
		"a failing transaction takes nothing with it":  testOneFails,
		"a panic is an error":                          testPanic,
		"a request that is given up does nothing half": testGivenUp,
		"64 writers lose nothing":                      testWriters,
		"attempts are counted one by one":              testAttempts,   // THR-1, THR-10
		"waits are those of the schedule":              testWaits,      // THR-3
		"only what had to wait is a refusal":           testRefusals,   // THR-5
		"a stop is never passed":                       testStop,       // THR-3
		"a time step is used once":                     testStep,       // TOTP-4, A5
		"a suspended authenticator is not used":        testSuspended,  // TOTP-13
		"a flow or a case moves once":                  testFlow,       // SES-5, HD-18
		"without an audit key nothing happens":         testNoAuditKey, // AUD-2
		"a closed database says so":                    testClosed,     // OPS-3
		"secrets move to a new key":                    testReseal,     // CRY-1
		"signing keys move to a new key":               testResealSigning,
		"what needs a key is counted":                  testKeyUse,
		"mails that a person asks for are bounded":     testMailRequests, // THR-9, A44
	} {
		t.Run(name, func(t *testing.T) {
			db, err := Open(newURL(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			key, err := secret.NewMAC(1, map[int][]byte{1: make([]byte, secret.KeySize)})
			if err != nil {
				t.Fatal(err)
			}
			db.SetAuditKey(key)
			test(t, db)
		})
	}
}

var testTime = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

func do(t *testing.T, db *DB, fn func(*Tx) error) {
	t.Helper()
	if err := db.inTx(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// race runs fn n times at once and returns how often it reported true.
func race(t *testing.T, n int, fn func() (bool, error)) int64 {
	t.Helper()
	var wins atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			won, err := fn()
			if err != nil {
				t.Error(err)
			}
			if won {
				wins.Add(1)
			}
		})
	}
	wg.Wait()
	return wins.Load()
}

func testParametersByNumber(t *testing.T, db *DB) {
	do(t, db, func(tx *Tx) error {
		var text string
		err := tx.queryRow(t.Context(), `SELECT CAST($2 AS TEXT) || CAST($1 AS TEXT) || CAST($2 AS TEXT)`, "a", "b").Scan(&text)
		if text != "bab" {
			t.Errorf("got %q, want bab", text)
		}
		return err
	})
}

func testMigrations(t *testing.T, db *DB) {
	provider, err := db.migrator()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func testNewerSchema(t *testing.T, db *DB) {
	do(t, db, func(tx *Tx) error {
		_, err := tx.exec(t.Context(), `INSERT INTO migration (version_id, is_applied) VALUES (9999, TRUE)`)
		return err
	})
	if err := db.Migrate(t.Context()); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("Migrate: %v, want ErrNewerSchema", err)
	}
	if err := db.CheckSchema(t.Context()); err != nil {
		t.Errorf("CheckSchema: %v", err)
	}
}

func testReader(t *testing.T, db *DB) {
	do(t, db, func(tx *Tx) error {
		_, err := tx.exec(t.Context(), `INSERT INTO throttle (account, counter, failures, wait_until, updated_at) VALUES ('a', 'b', 1, 0, 0)`)
		if err != nil {
			return err
		}
		return db.view(t.Context(), func(tx *Tx) error { // another connection, at the same time
			var n int
			err := tx.queryRow(t.Context(), `SELECT COUNT(*) FROM throttle`).Scan(&n)
			if n != 0 {
				t.Errorf("saw %d rows that are not committed", n)
			}
			return err
		})
	})
}

func testMoment(t *testing.T, db *DB) {
	err := db.view(t.Context(), func(tx *Tx) error {
		var before, after int
		if err := tx.queryRow(t.Context(), `SELECT COUNT(*) FROM throttle`).Scan(&before); err != nil {
			return err
		}
		do(t, db, insert(t.Context(), 0)) // by another connection
		if err := tx.queryRow(t.Context(), `SELECT COUNT(*) FROM throttle`).Scan(&after); err != nil {
			return err
		}
		if before != 0 || after != 0 {
			t.Errorf("saw %d rows, then %d", before, after)
		}
		return nil
	})
	if n := count(t, db); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}

var errWanted = errors.New("wanted")

func count(t *testing.T, db *DB) (n int) {
	t.Helper()
	err := db.view(t.Context(), func(tx *Tx) error { return tx.queryRow(t.Context(), `SELECT COUNT(*) FROM throttle`).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// insert adds a row, and fails afterwards if it is odd.
func insert(ctx context.Context, n int) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.exec(ctx, `INSERT INTO throttle (account, counter, failures, wait_until, updated_at) VALUES ($1, 'x', 1, 0, 0)`, fmt.Sprint(n))
		if err == nil && n%2 == 1 {
			err = errWanted
		}
		return err
	}
}

func testOneFails(t *testing.T, db *DB) {
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			if err := db.inTx(t.Context(), insert(t.Context(), n)); (n%2 == 1) != errors.Is(err, errWanted) {
				t.Errorf("%d: %v", n, err)
			}
		})
	}
	wg.Wait()
	if n := count(t, db); n != 32 {
		t.Errorf("%d rows, want 32", n)
	}
}

func testPanic(t *testing.T, db *DB) {
	if db.writer == nil {
		return // the caller's own goroutine panics, and web tells of it
	}
	err := db.inTx(t.Context(), func(*Tx) error { panic("broken") })
	if err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("%v", err)
	}
	do(t, db, insert(t.Context(), 0))
}

func testGivenUp(t *testing.T, db *DB) {
	ctx, cancel := context.WithCancel(t.Context())
	err := db.inTx(ctx, func(tx *Tx) error {
		if err := insert(ctx, 0)(tx); err != nil {
			return err
		}
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := db.inTx(ctx, insert(ctx, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows, want 0", n)
	}
}

func testWriters(t *testing.T, db *DB) {
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			for m := range 10 {
				if err := db.inTx(t.Context(), insert(t.Context(), 2*(100*n+m))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := count(t, db); n != 640 {
		t.Errorf("%d rows, want 640", n)
	}
}

func reserve(t *testing.T, db *DB, s throttle.Schedule, now time.Time) (r throttle.Reservation, err error) {
	err = db.inTx(t.Context(), func(tx *Tx) error {
		r, err = tx.ReserveAttempt(t.Context(), "a", throttle.Code, s, now)
		return err
	})
	return r, err
}

func testAttempts(t *testing.T, db *DB) {
	const free = 10
	won := race(t, 64, func() (bool, error) {
		r, err := reserve(t, db, throttle.Schedule{Free: free, Base: time.Minute, Cap: time.Hour}, testTime)
		return r.Allowed, err
	})
	if won != free {
		t.Errorf("%d attempts allowed at once, want %d", won, free)
	}
}

func testWaits(t *testing.T, db *DB) {
	s := throttle.Schedule{Free: 5, Base: 30 * time.Second, Cap: 15 * time.Minute}
	now := testTime
	for n := int64(1); n <= 40; n++ {
		r, err := reserve(t, db, s, now)
		if err != nil || !r.Allowed || r.Failures != n {
			t.Fatalf("attempt %d: %+v, %v", n, r, err)
		}
		wait := s.Wait(n)
		if wait > 0 {
			early, err := reserve(t, db, s, now.Add(wait-time.Millisecond))
			if err != nil || early.Allowed || !early.WaitUntil.Equal(now.Add(wait)) {
				t.Fatalf("after %d failures: %+v, %v, want a wait of %s", n, early, err, wait)
			}
		}
		now = now.Add(wait)
	}
}

// testRefusals counts what had to wait, and nothing that did not: who is told of the
// first refusal is to be told of the first. THR-5, NOT-1.
func testRefusals(t *testing.T, db *DB) {
	p := throttle.DefaultPolicy()
	for n := range int(p.CodeFree) + 3 {
		err := db.inTx(t.Context(), func(tx *Tx) error {
			r, refusals, err := p.ReserveCode(t.Context(), tx, "a", testTime)
			if want := int64(max(0, n+1-int(p.CodeFree))); r.Allowed != (want == 0) || refusals != want {
				t.Errorf("attempt %d: allowed %t, %d refusals, want %d", n+1, r.Allowed, refusals, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func testMailRequests(t *testing.T, db *DB) {
	person(t, db, totp.Active)
	p := throttle.DefaultPolicy()
	ask := func(now time.Time) (allowed bool, next time.Time, err error) {
		err = db.inTx(t.Context(), func(tx *Tx) error {
			allowed, next, err = p.ReserveMail(t.Context(), tx, "s", now)
			return err
		})
		return allowed, next, err
	}
	var n atomic.Int64
	won := race(t, 32, func() (bool, error) {
		allowed, _, err := ask(testTime.Add(time.Duration(n.Add(1)) * time.Millisecond))
		return allowed, err
	})
	if won != 1 {
		t.Errorf("%d mails at once, want 1", won)
	}
	sent := int64(0)
	for now := testTime.Add(time.Minute); now.Before(testTime.Add(23 * time.Hour)); {
		allowed, next, err := ask(now)
		if err != nil {
			t.Fatal(err)
		}
		if allowed {
			sent++
		} else if !next.After(now) {
			t.Fatalf("refused at %s until %s", now, next)
		}
		now = now.Add(time.Minute)
	}
	if sent != p.MailDay-1 {
		t.Errorf("%d mails more in a day, want %d", sent, p.MailDay-1)
	}
	if allowed, _, err := ask(testTime.Add(25 * time.Hour)); err != nil || !allowed {
		t.Errorf("after a day: %t, %v", allowed, err)
	}
}

func testStop(t *testing.T, db *DB) {
	s := throttle.Schedule{Limit: 7}
	won := race(t, 32, func() (bool, error) {
		r, err := reserve(t, db, s, testTime)
		return r.Allowed, err
	})
	if r, err := reserve(t, db, s, testTime.Add(1000*time.Hour)); won != 7 || err != nil || r.Allowed || !r.WaitUntil.IsZero() {
		t.Errorf("%d allowed, then %+v, %v", won, r, err)
	}
}

// person stores a subscriber with an authenticator.
func person(t *testing.T, db *DB, state totp.State) {
	t.Helper()
	do(t, db, func(tx *Tx) error {
		err := tx.CreateSubscriber(t.Context(), directory.Subscriber{ID: "s", PublicID: "p", SPSID: "sps", Status: directory.Active, Role: directory.RoleSubscriber})
		if err != nil {
			return err
		}
		return tx.CreateTOTP(t.Context(), totp.Authenticator{SubscriberID: "s", ID: "a", Secret: []byte{1}, State: state, CreatedAt: testTime})
	})
}

func useStep(t *testing.T, db *DB, step int64) (used bool, err error) {
	err = db.inTx(t.Context(), func(tx *Tx) error {
		used, err = tx.UseTOTPStep(t.Context(), "s", "a", step, testTime)
		return err
	})
	return used, err
}

func testStep(t *testing.T, db *DB) {
	person(t, db, totp.Active)
	if won := race(t, 64, func() (bool, error) { return useStep(t, db, 100) }); won != 1 {
		t.Errorf("used %d times, want once", won)
	}
	for step, want := range map[int64]bool{99: false, 100: false} {
		if used, err := useStep(t, db, step); err != nil || used != want {
			t.Errorf("step %d: %t, %v", step, used, err)
		}
	}
	if used, err := useStep(t, db, 101); err != nil || !used {
		t.Errorf("the next step: %t, %v", used, err)
	}
}

func testSuspended(t *testing.T, db *DB) {
	person(t, db, totp.Active)
	do(t, db, func(tx *Tx) error { return tx.SuspendTOTP(t.Context(), "s") })
	if used, err := useStep(t, db, 100); err != nil || used {
		t.Errorf("%t, %v", used, err)
	}
}

func testFlow(t *testing.T, db *DB) {
	person(t, db, totp.Active)
	key, ends := flow.Key{ID: "f", Browser: []byte("b")}, testTime.Add(time.Hour)
	signIn := signin.Flow{Key: key, SubscriberID: "s", State: signin.FactorRequired, ExpiresAt: ends}
	enrol := enrolment.Flow{Key: key, SubscriberID: "s", State: enrolment.ScanRequired, Until: ends, ExpiresAt: ends}
	recover := recovery.Flow{Key: key, SubscriberID: "s", State: recovery.DecisionRequired, ExpiresAt: ends}
	desk := helpdesk.Case{SubscriberID: "s", Kind: helpdesk.Initialise, State: helpdesk.Waiting, Number: "1234", Flow: key,
		OpenedAt: testTime, SeenAt: testTime, ExpiresAt: ends}
	for name, of := range map[string]struct {
		create, move func(tx *Tx) error
	}{
		"sign-in": {
			func(tx *Tx) error { return tx.CreateSigninFlow(t.Context(), signIn) },
			func(tx *Tx) error { return tx.UpdateSigninFlow(t.Context(), signIn) },
		},
		"enrolment": {
			func(tx *Tx) error { return tx.CreateEnrolmentFlow(t.Context(), enrol) },
			func(tx *Tx) error { return tx.UpdateEnrolmentFlow(t.Context(), enrol) },
		},
		"recovery": {
			func(tx *Tx) error { return tx.CreateRecoveryFlow(t.Context(), recover) },
			func(tx *Tx) error { return tx.UpdateRecoveryFlow(t.Context(), recover) },
		},
		"case": {
			func(tx *Tx) (err error) { desk.No, _, err = tx.CreateCase(t.Context(), desk); return err },
			func(tx *Tx) error { return tx.UpdateCase(t.Context(), desk) },
		},
	} {
		do(t, db, of.create)
		won := race(t, 16, func() (bool, error) {
			err := db.inTx(t.Context(), of.move)
			if errors.Is(err, flow.ErrConflict) {
				return false, nil
			}
			return err == nil, err
		})
		if won != 1 {
			t.Errorf("%s: moved %d times, want once", name, won)
		}
	}
	for _, key := range []flow.Key{{ID: "f"}, {ID: "f", Browser: []byte("x")}, {Browser: []byte("b")}} {
		err := db.view(t.Context(), func(tx *Tx) error {
			_, err := tx.SigninFlow(t.Context(), key)
			return err
		})
		if !errors.Is(err, flow.ErrNotFound) {
			t.Errorf("%+v: %v, want ErrNotFound", key, err)
		}
	}
}

func testNoAuditKey(t *testing.T, db *DB) {
	db.SetAuditKey(nil)
	err := db.inTx(t.Context(), func(tx *Tx) error {
		if err := insert(t.Context(), 0)(tx); err != nil {
			return err
		}
		return tx.AppendAudit(t.Context(), audit.Event{At: testTime})
	})
	if n := count(t, db); !errors.Is(err, errNoAuditKey) || n != 0 {
		t.Errorf("%v, %d rows", err, n)
	}
}

func testClosed(t *testing.T, db *DB) {
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"write": db.inTx(t.Context(), insert(t.Context(), 0)),
		"read":  db.view(t.Context(), func(*Tx) error { return nil }),
		"ping":  db.Ping(t.Context()),
	} {
		if gone, ok := errors.AsType[*UnavailableError](err); !ok || !gone.Unavailable() {
			t.Errorf("%s: %v, want an UnavailableError", name, err)
		}
	}
}

// TestCloseWhileWriting closes the database while 64 writers work and wait: what
// was told to be done is there afterwards, and nothing else. OPS-3.
func TestCloseWhileWriting(t *testing.T) {
	migrated.Each(t, func(t *testing.T, newURL func(t *testing.T) string) {
		url := newURL(t)
		db, err := Open(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		var done atomic.Int64
		var wg sync.WaitGroup
		busy := make(chan struct{}, 64)
		for n := range 64 {
			wg.Go(func() {
				for m := 0; ; m++ {
					err := db.inTx(t.Context(), insert(t.Context(), 2*(1_000_000*n+m)))
					if err == nil {
						done.Add(1)
					} else if _, ok := errors.AsType[*UnavailableError](err); !ok {
						t.Errorf("%v, want an UnavailableError", err)
					}
					if m == 0 {
						busy <- struct{}{}
					}
					if err != nil {
						return
					}
				}
			})
		}
		for range 64 {
			<-busy
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		again, err := Open(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { again.Close() })
		if n := int64(count(t, again)); n != done.Load() {
			t.Errorf("%d rows, %d were told to be done", n, done.Load())
		}
	})
}

// TestRetry tries a transaction again when the database asks for it. PostgreSQL
// alone does.
func TestRetry(t *testing.T) {
	if err := fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: "40001"}); !isSerializationFailure(err) || !isPostgresTrouble(err) {
		t.Error("40001 is a serialization failure")
	}
	if isSerializationFailure(&pgconn.PgError{Code: "23505"}) || isPostgresTrouble(&pgconn.PgError{Code: "23505"}) {
		t.Error("23505 is a mistake of the caller")
	}
	db, err := Open(storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	tries := 0
	err = db.inTx(t.Context(), func(*Tx) error {
		if tries++; tries < 3 {
			return &pgconn.PgError{Code: "40001"}
		}
		return nil
	})
	if err != nil || tries != 3 {
		t.Errorf("%d tries, %v", tries, err)
	}
}

// TestFileGone refuses to write to a file that a restart would not find. OPS-3.
func TestFileGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := Open("sqlite:" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"write": db.inTx(t.Context(), insert(t.Context(), 0)), "ping": db.Ping(t.Context())} {
		if _, ok := errors.AsType[*UnavailableError](err); !ok {
			t.Errorf("%s: %v, want an UnavailableError", name, err)
		}
	}
}

// jobs are files whose statements belong to jobs and commands, which may read
// a whole table.
var jobs = map[string]bool{"expiry.go": true, "audit_block.go": true, "append_only.go": true, "append_only_postgres.go": true, "service.go": true, "signing_key.go": true, "mail_outbox.go": true, "clock.go": true, "key_version.go": true, "stopped.go": true, "reminder.go": true, "announce_postgres.go": true}

// bounded are indexes of what is open now: never more than some thousand rows, all
// of which are wanted.
var bounded = regexp.MustCompile(` (desk_case_open|desk_entry_stopped)$`)

// TestEveryQueryHasAnIndex asks SQLite how it would run every statement of a
// request: none reads a whole table.
func TestEveryQueryHasAnIndex(t *testing.T) {
	db, err := Open("sqlite:" + filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for file, statements := range statementsOf(t) {
		for _, statement := range statements {
			asked++
			for _, step := range plan(t, db, statement) {
				if strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, "CONSTANT ROW") && !bounded.MatchString(step) {
					t.Errorf("%s: %s\n%s", file, step, statement)
				}
			}
		}
	}
	if asked < 30 {
		t.Errorf("only %d statements were found", asked)
	}
}

// statementsOf returns the statements that the sources hold, by file.
func statementsOf(t *testing.T) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || jobs[file] {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if text, ok := constantText(n); ok {
				for _, verb := range []string{"SELECT ", "UPDATE ", "DELETE "} {
					if strings.HasPrefix(text, verb) && strings.Contains(text, " ") && len(text) > 20 {
						all[file] = append(all[file], text)
					}
				}
				return false
			}
			return true
		})
	}
	return all
}

// constantText returns the text of a literal, or of a concatenation of literals
// and the one constant of columns.
func constantText(n ast.Node) (string, bool) {
	switch e := n.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		return subscriberColumns, e.Name == "subscriberColumns"
	case *ast.BinaryExpr:
		left, ok := constantText(e.X)
		right, also := constantText(e.Y)
		return left + right, ok && also && e.Op == token.ADD
	}
	return "", false
}

func plan(t *testing.T, db *DB, statement string) (steps []string) {
	t.Helper()
	args := make([]any, strings.Count(statement, "$"))
	for i := range args {
		args[i] = 1
	}
	rows, err := db.pool.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
