package store

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"warifu/internal/directory"
	"warifu/internal/federation"
	"warifu/internal/federation/oidc"
	"warifu/internal/session"
)

// TestFederation holds both engines to the same behaviour.
func TestFederation(t *testing.T) {
	migrated.Each(t, func(t *testing.T, newURL func(t *testing.T) string) {
		for name, test := range map[string]func(t *testing.T, db *DB){
			"a grant comes back as it was stored":            testGrantRoundTrip,
			"a code is redeemed once, in its time":           testGrantRedeemed,
			"the end of a session ends its grants":           testGrantEnds,   // SES-4, A25
			"a refresh token outlives the session's time":    testGrantDetach, // OIDC-6
			"the end of a session makes a participation due": testParticipationDue,
			"a pairwise value is one person's for ever":      testPairwise, // OIDC-9
			"a pushed request is taken once":                 testPushed,
			"services change one after another":              testServicesLocked,
			"what has expired is deleted":                    testFederationExpiry,
			"every query has an index":                       testFederationIndexes,
			"a feed is claimed by one node at a time":        testFeedClaimed,
			"answers are replaced, and bounded":              testAnswers,
			"services of generations are deleted":            testFeedServicesRemoved,
		} {
			t.Run(name, func(t *testing.T) {
				db, err := Open(newURL(t))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { db.Close() })
				federationTx(t, db, func(tx *Tx) error { return seedFederation(t, tx) })
				test(t, db)
			})
		}
	})
}

var fedNow = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func federationTx(t *testing.T, db *DB, fn func(*Tx) error) {
	t.Helper()
	if err := db.inTx(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// seedFederation stores two people with a session each.
func seedFederation(t *testing.T, tx *Tx) error {
	for _, id := range []string{"u1", "u2"} {
		s := directory.Subscriber{ID: id, PublicID: "p" + id, SPSID: "s" + id, Status: directory.Active, Role: directory.RoleSubscriber}
		if err := tx.CreateSubscriber(t.Context(), s); err != nil {
			return err
		}
		e := session.Session{ID: "e" + id, SubscriberID: id, CreatedAt: fedNow, SeenAt: fedNow, ExpiresAt: fedNow.Add(12 * time.Hour), IdleLimit: time.Hour}
		if err := tx.CreateSession(t.Context(), e, []byte(rand.Text()), 20); err != nil {
			return err
		}
	}
	return nil
}

// testServicesLocked changes services from 16 sides at once, each by what it finds:
// no change is lost, and only one finds that its entityID is free.
func testServicesLocked(t *testing.T, db *DB) {
	federationTx(t, db, func(tx *Tx) error { return tx.PutService(t.Context(), federation.Service{ID: "lms"}, fedNow) })
	changed := race(t, 16, func() (bool, error) {
		return true, db.inTx(t.Context(), func(tx *Tx) error {
			found, err := tx.LockedServices(t.Context())
			if err != nil {
				return err
			}
			found[0].Groups = append(found[0].Groups, rand.Text())
			return tx.PutService(t.Context(), found[0], fedNow)
		})
	})
	added := race(t, 16, func() (free bool, err error) {
		sp := federation.Service{ID: rand.Text(), Protocol: federation.SAML, ServiceProvider: federation.ServiceProvider{EntityID: "urn:sp"}}
		err = db.inTx(t.Context(), func(tx *Tx) error {
			found, err := tx.LockedServices(t.Context())
			if free = err == nil && sp.CheckEntityID(found) == nil; !free {
				return err
			}
			return tx.PutService(t.Context(), sp, fedNow)
		})
		return free, err
	})
	federationTx(t, db, func(tx *Tx) error {
		found, err := tx.Services(t.Context())
		lms := slices.IndexFunc(found, func(s federation.Service) bool { return s.ID == "lms" })
		if changed != 16 || len(found[lms].Groups) != 16 {
			t.Errorf("%d of 16 changes are left", len(found[lms].Groups))
		}
		if added != 1 || len(found) != 2 {
			t.Errorf("%d were added: %v", added, found)
		}
		return err
	})
}

func grant(id string) oidc.Grant {
	return oidc.Grant{SubscriberID: "u1", ID: id, SessionID: "eu1", Service: "lms", Subject: "sub", SID: "sid", Scopes: []string{"openid", "email"},
		Claims: federation.Claims{IDToken: []string{"name"}}, ACR: "acr", AMR: []string{"pwd", "otp"}, AuthTime: fedNow.Add(-time.Minute),
		Code:      oidc.Code{Digest: []byte("code" + id), RedirectURI: "https://lms.example/cb", Challenge: "c", Nonce: "n", ExpiresAt: fedNow.Add(time.Minute)},
		CreatedAt: fedNow, ExpiresAt: fedNow.Add(time.Minute)}
}

func testGrantRoundTrip(t *testing.T, db *DB) {
	want := grant("g")
	federationTx(t, db, func(tx *Tx) error {
		if err := tx.CreateGrant(t.Context(), want); err != nil {
			return err
		}
		got, err := tx.Grant(t.Context(), "u1", "g")
		if err != nil || got.Code.RedirectURI != want.Code.RedirectURI || !got.Code.RedeemedAt.IsZero() || len(got.Refresh) != 0 ||
			!got.AuthTime.Equal(want.AuthTime) || strings.Join(got.AMR, " ") != "pwd otp" || got.Claims.IDToken[0] != "name" || len(got.Scopes) != 2 {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := tx.Grant(t.Context(), "u2", "g"); !errors.Is(err, oidc.ErrNoGrant) {
			t.Errorf("of another person: %v", err)
		}
		return nil
	})
	want.ID, want.SessionID = "g2", "ended"
	err := db.inTx(t.Context(), func(tx *Tx) error { return tx.CreateGrant(t.Context(), want) })
	if !errors.Is(err, federation.ErrSessionEnded) {
		t.Errorf("without a session: %v", err)
	}
}

func testGrantRedeemed(t *testing.T, db *DB) {
	late, other := grant("late"), grant("other")
	federationTx(t, db, func(tx *Tx) error {
		g := grant("g")
		for _, one := range []oidc.Grant{g, late, other} {
			if err := tx.CreateGrant(t.Context(), one); err != nil {
				return err
			}
		}
		g.Code.RedeemedAt, g.Refresh, g.ExpiresAt = fedNow, []byte("r1"), fedNow.Add(time.Hour)
		late.Code.RedeemedAt, other.Code.RedeemedAt, other.Code.Digest = late.Code.ExpiresAt, fedNow, []byte("another")
		for name, step := range map[string]struct {
			g    oidc.Grant
			want bool
		}{"too late": {late, false}, "another code": {other, false}} {
			if got, err := tx.RedeemGrant(t.Context(), step.g); err != nil || got != step.want {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		for i, want := range []bool{true, false} {
			if got, err := tx.RedeemGrant(t.Context(), g); err != nil || got != want {
				t.Errorf("%d: %v, %v", i, got, err)
			}
		}
		g.Refresh = []byte("r2")
		for i, want := range []bool{true, false} {
			if got, err := tx.RotateGrant(t.Context(), g, []byte("r1")); err != nil || got != want {
				t.Errorf("rotation %d: %v, %v", i, got, err)
			}
		}
		return nil
	})
}

func exists(t *testing.T, db *DB, id string) bool {
	t.Helper()
	var err error
	federationTx(t, db, func(tx *Tx) error {
		_, err = tx.Grant(t.Context(), "u1", id)
		return nil
	})
	return !errors.Is(err, oidc.ErrNoGrant)
}

func testGrantEnds(t *testing.T, db *DB) {
	federationTx(t, db, func(tx *Tx) error { return tx.CreateGrant(t.Context(), grant("g")) })
	federationTx(t, db, func(tx *Tx) error { return tx.EndSession(t.Context(), session.Session{SubscriberID: "u2", ID: "eu1"}) })
	if !exists(t, db, "g") {
		t.Fatal("ended by another person's session")
	}
	federationTx(t, db, func(tx *Tx) error { return tx.EndSession(t.Context(), session.Session{SubscriberID: "u1", ID: "eu1"}) })
	if exists(t, db, "g") {
		t.Error("the grant lives")
	}
}

func testGrantDetach(t *testing.T, db *DB) {
	federationTx(t, db, func(tx *Tx) error {
		for _, id := range []string{"offline", "online"} {
			g := grant(id)
			if err := tx.CreateGrant(t.Context(), g); err != nil {
				return err
			}
			g.Code.RedeemedAt, g.ExpiresAt = fedNow, fedNow.Add(24*time.Hour)
			if id == "offline" {
				g.Refresh = []byte("r")
			}
			if _, err := tx.RedeemGrant(t.Context(), g); err != nil {
				return err
			}
		}
		return tx.DetachGrants(t.Context(), fedNow.Add(time.Hour-time.Millisecond)) // it lives still
	})
	session1 := session.Session{SubscriberID: "u1", ID: "eu1"}
	federationTx(t, db, func(tx *Tx) error {
		g, err := tx.Grant(t.Context(), "u1", "offline")
		if err != nil || g.SessionID != "eu1" {
			t.Errorf("too early: %+v, %v", g, err)
		}
		if err := tx.DetachGrants(t.Context(), fedNow.Add(time.Hour)); err != nil {
			return err
		}
		return tx.EndSession(t.Context(), session1)
	})
	if !exists(t, db, "offline") || exists(t, db, "online") {
		t.Error("the one with a refresh token must live, and the other not")
	}
	federationTx(t, db, func(tx *Tx) error { return tx.DeleteGrantsOf(t.Context(), "u1") })
	if exists(t, db, "offline") {
		t.Error("it lives after a recovery")
	}
}

func testParticipationDue(t *testing.T, db *DB) {
	part := federation.Participation{SubscriberID: "u1", SessionID: "eu1", Service: "lms", Subject: "sub", SID: "sid1", Since: fedNow}
	claim := func(now time.Time) (due []oidc.Logout) {
		t.Helper()
		federationTx(t, db, func(tx *Tx) (err error) {
			due, err = tx.ClaimLogouts(t.Context(), now, now.Add(time.Minute), 10)
			return err
		})
		return due
	}
	federationTx(t, db, func(tx *Tx) error {
		again := part
		again.SID = "sid2"
		for _, p := range []federation.Participation{part, again} {
			if got, err := tx.Participate(t.Context(), p); err != nil || got.SID != "sid1" {
				t.Errorf("%+v, %v", got, err)
			}
		}
		all, err := tx.Participations(t.Context(), "u1", "eu1")
		if len(all) != 1 || all[0].Service != "lms" {
			t.Errorf("%+v", all)
		}
		return err
	})
	if due := claim(fedNow); len(due) != 0 {
		t.Fatalf("due while the session lives: %+v", due)
	}
	federationTx(t, db, func(tx *Tx) error { return tx.EndSession(t.Context(), session.Session{SubscriberID: "u1", ID: "eu1"}) })
	due := claim(fedNow)
	if len(due) != 1 || due[0].SID != "sid1" || due[0].Tries != 1 || !due[0].FirstTry.Equal(fedNow) {
		t.Fatalf("%+v", due)
	}
	if again := claim(fedNow.Add(time.Minute - time.Millisecond)); len(again) != 0 {
		t.Errorf("claimed while locked: %+v", again)
	}
	if again := claim(fedNow.Add(time.Minute)); len(again) != 1 || again[0].Tries != 2 || !again[0].FirstTry.Equal(fedNow) {
		t.Errorf("after the lock: %+v", again)
	}
	federationTx(t, db, func(tx *Tx) error { return tx.DeferLogout(t.Context(), due[0], fedNow.Add(time.Hour)) })
	if again := claim(fedNow.Add(time.Hour - time.Second)); len(again) != 0 {
		t.Errorf("too early: %+v", again)
	}
	federationTx(t, db, func(tx *Tx) error { return tx.DeleteParticipation(t.Context(), "u1", "sid1") })
	if again := claim(fedNow.Add(time.Hour)); len(again) != 0 {
		t.Errorf("forgotten: %+v", again)
	}
}

func testPairwise(t *testing.T, db *DB) {
	federationTx(t, db, func(tx *Tx) error {
		if got, err := tx.PairwiseSubject(t.Context(), "lms", "u1"); got != "" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		for _, value := range []string{"v1", "v2"} {
			if got, err := tx.CreatePairwiseSubject(t.Context(), "lms", "u1", value, fedNow); got != "v1" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		return nil
	})
	err := db.inTx(t.Context(), func(tx *Tx) error {
		_, err := tx.CreatePairwiseSubject(t.Context(), "lms", "u2", "v1", fedNow)
		return err
	})
	if err == nil {
		t.Error("one value for two people")
	}
}

func testPushed(t *testing.T, db *DB) {
	p := oidc.PushedRequest{Service: "lms", Digest: []byte("d"), Query: "a=b", ExpiresAt: fedNow.Add(time.Minute)}
	federationTx(t, db, func(tx *Tx) error {
		if err := tx.PushRequest(t.Context(), p); err != nil {
			return err
		}
		if _, err := tx.TakeRequest(t.Context(), "other", p.Digest, fedNow); !errors.Is(err, oidc.ErrNoRequest) {
			t.Errorf("another client: %v", err)
		}
		if _, err := tx.TakeRequest(t.Context(), "lms", p.Digest, p.ExpiresAt); !errors.Is(err, oidc.ErrNoRequest) {
			t.Errorf("too late: %v", err)
		}
		if got, err := tx.TakeRequest(t.Context(), "lms", p.Digest, fedNow); err != nil || got.Query != "a=b" {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := tx.TakeRequest(t.Context(), "lms", p.Digest, fedNow); !errors.Is(err, oidc.ErrNoRequest) {
			t.Errorf("twice: %v", err)
		}
		return nil
	})
}

func testFederationExpiry(t *testing.T, db *DB) {
	count := func() (n int) {
		t.Helper()
		federationTx(t, db, func(tx *Tx) error {
			return tx.queryRow(t.Context(), `SELECT (SELECT COUNT(*) FROM oidc_grant) + (SELECT COUNT(*) FROM client_assertion)
				+ (SELECT COUNT(*) FROM pushed_request)`).Scan(&n)
		})
		return n
	}
	federationTx(t, db, func(tx *Tx) error {
		if _, err := tx.SpendAssertion(t.Context(), "lms", []byte("d"), fedNow.Add(time.Minute)); err != nil {
			return err
		}
		if err := tx.PushRequest(t.Context(), oidc.PushedRequest{Service: "lms", Digest: []byte("d"), ExpiresAt: fedNow.Add(time.Minute)}); err != nil {
			return err
		}
		return tx.CreateGrant(t.Context(), grant("g"))
	})
	for _, step := range []struct {
		at   time.Duration
		want int
	}{{time.Minute - time.Millisecond, 3}, {time.Minute, 0}} {
		federationTx(t, db, func(tx *Tx) error { return tx.DeleteExpiredGrants(t.Context(), fedNow.Add(step.at)) })
		if n := count(); n != step.want {
			t.Errorf("after %v: %d rows", step.at, n)
		}
	}
}

// testFederationIndexes wants no query of a request to read a table as a whole.
func testFederationIndexes(t *testing.T, db *DB) {
	for _, query := range []string{
		`SELECT sid FROM oidc_grant WHERE subscriber_id = 'u' AND id = 'g'`,
		`UPDATE oidc_grant SET redeemed_at = 1 WHERE subscriber_id = 'u' AND id = 'g' AND redeemed_at = 0`,
		`DELETE FROM oidc_grant WHERE subscriber_id = 'u' AND session_id = 'e'`, // by the end of the session
		`DELETE FROM oidc_grant WHERE expires_at <= 1`,
		`SELECT sid FROM participation WHERE session_subscriber = 'u' AND session_id = 'e' AND service_id = 's'`,
		`UPDATE participation SET session_id = NULL WHERE session_subscriber = 'u' AND session_id = 'e'`, // likewise
		`SELECT sid FROM participation WHERE session_id IS NULL AND next_try_at <= 1 ORDER BY next_try_at LIMIT 20`,
		`SELECT value FROM pairwise_subject WHERE subscriber_id = 'u' AND sector = 's'`,
		`DELETE FROM pushed_request WHERE service_id = 's' AND digest = 'd'`,
		`DELETE FROM client_assertion WHERE expires_at <= 1`,
		`SELECT record FROM feed_service WHERE entity_id = 'e'`,
		`SELECT record FROM feed_service WHERE service_id = 's'`,
		`SELECT record FROM feed_service WHERE feed = 'f' AND generation = 1 ORDER BY entity_id`,
		`DELETE FROM feed_service WHERE feed = 'f' AND generation >= 1 AND generation <= 2 AND entity_id IN
			(SELECT entity_id FROM feed_service WHERE feed = 'f' AND generation >= 1 AND generation <= 2 LIMIT 500)`,
		`DELETE FROM feed_service WHERE feed = 'f' AND generation = 0 AND valid_until <= 1`,
	} {
		if plan := queryPlan(t, db, query); strings.Contains(plan, "SCAN ") && !strings.Contains(plan, "USING INDEX") || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s\n%s", query, plan)
		}
	}
}

func queryPlan(t *testing.T, db *DB, query string) string {
	t.Helper()
	var plan strings.Builder
	federationTx(t, db, func(tx *Tx) error {
		if db.writer != nil {
			return tx.query(t.Context(), func(r row) error {
				var id, parent, unused int64
				var line string
				err := r.Scan(&id, &parent, &unused, &line)
				plan.WriteString(line + "\n")
				return err
			}, "EXPLAIN QUERY PLAN "+query)
		}
		// The planner would read an empty table as a whole.
		if _, err := tx.exec(t.Context(), `SET LOCAL enable_seqscan = off`); err != nil {
			return err
		}
		return tx.query(t.Context(), func(r row) error {
			var line string
			err := r.Scan(&line)
			plan.WriteString(line + "\n")
			return err
		}, "EXPLAIN "+query)
	})
	return plan.String()
}
