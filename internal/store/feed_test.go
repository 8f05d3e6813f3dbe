package store

import (
	"fmt"
	"testing"
	"time"

	"warifu/internal/federation/saml"
)

// claimFeed claims the feed "f", as one of many nodes may.
func claimFeed(t *testing.T, db *DB, now time.Time) (s saml.FeedState, mine bool, err error) {
	t.Helper()
	err = db.inTx(t.Context(), func(tx *Tx) (err error) {
		s, mine, err = tx.ClaimFeed(t.Context(), "f", now, now.Add(time.Minute))
		return err
	})
	return s, mine, err
}

func testFeedClaimed(t *testing.T, db *DB) {
	wins := race(t, 64, func() (bool, error) {
		_, mine, err := claimFeed(t, db, fedNow)
		return mine, err
	})
	if wins != 1 {
		t.Fatalf("%d nodes have it", wins)
	}
	first, mine, err := claimFeed(t, db, fedNow.Add(time.Second))
	if err != nil || mine || first.Claimed != 1 {
		t.Errorf("%+v, %v, %v", first, mine, err)
	}
	second, mine, err := claimFeed(t, db, fedNow.Add(time.Minute))
	if err != nil || !mine || second.Claimed != 2 || second.Generation != 0 {
		t.Errorf("after the node has died: %+v, %v, %v", second, mine, err)
	}
	put := func(s saml.FeedState) (mine bool) {
		federationTx(t, db, func(tx *Tx) (err error) {
			mine, err = tx.PutFeed(t.Context(), s)
			return err
		})
		return mine
	}
	first.Generation = 1
	if put(first) {
		t.Error("by the node that has lost it")
	}
	second.Generation, second.Services, second.LeftOut, second.Signer, second.Source, second.ETag, second.LastModified = 2, 10, 1, "key", "https://x", `"e"`, "then"
	second.ValidUntil, second.Since, second.CheckedAt, second.NextAt = fedNow.Add(time.Hour), fedNow, fedNow.Add(time.Second), fedNow.Add(time.Minute)
	second.Failures, second.Fault, second.Shrunk = 3, "fault", 7
	if !put(second) || put(second) {
		t.Error("the node that has it stores it once")
	}
	hurry := func(id string) (there bool) {
		federationTx(t, db, func(tx *Tx) (err error) {
			there, err = tx.HurryFeed(t.Context(), id, 7)
			return err
		})
		return there
	}
	if !hurry("f") || hurry("g") {
		t.Error("a feed that is not there was made due")
	}
	third, mine, err := claimFeed(t, db, fedNow.Add(time.Second))
	second.Claimed, second.LockedUntil, second.NextAt, second.Accepted = 3, fedNow.Add(time.Second+time.Minute), time.Time{}, 7
	if err != nil || !mine || third != second {
		t.Errorf("%+v, want\n%+v, %v", third, second, err)
	}
	if put(third); stateOf(t, db).Accepted != 7 {
		t.Error("what was accepted is lost by a fetch that took nothing")
	}
	third, _, _ = claimFeed(t, db, fedNow.Add(time.Hour))
	third.Generation = third.Claimed
	if put(third); stateOf(t, db).Accepted != 0 {
		t.Error("what was accepted is not used up")
	}
}

func stateOf(t *testing.T, db *DB) (s saml.FeedState) {
	t.Helper()
	federationTx(t, db, func(tx *Tx) error {
		all, err := tx.FeedStates(t.Context())
		if len(all) == 1 {
			s = all[0]
		}
		return err
	})
	return s
}

func testAnswers(t *testing.T, db *DB) {
	answer := func(entity, record string, until time.Time) {
		federationTx(t, db, func(tx *Tx) error {
			return tx.PutAnswer(t.Context(), saml.Stored{Feed: "f", EntityID: entity, Record: []byte(record), Signer: "key", ValidUntil: until, FreshUntil: fedNow}, 2, fedNow)
		})
	}
	stored := func(entity string) (record string) {
		federationTx(t, db, func(tx *Tx) error {
			all, err := tx.FeedEntity(t.Context(), entity)
			byID, _ := tx.FeedService(t.Context(), saml.RecordID(entity))
			for _, s := range all {
				record += string(s.Record)
			}
			if len(all) != len(byID) || len(all) == 1 && (all[0].Signer != "key" || !all[0].FreshUntil.Equal(fedNow)) {
				t.Errorf("%+v, by id %+v", all, byID)
			}
			return err
		})
		return record
	}
	answer("a", "1", fedNow.Add(time.Hour))
	answer("a", "2", fedNow)
	if got := stored("a"); got != "2" {
		t.Errorf("replaced: %q", got)
	}
	answer("b", "3", fedNow.Add(time.Hour))
	if stored("a") != "" || stored("b") != "3" {
		t.Error("what has run out is there")
	}
	answer("c", "4", fedNow.Add(time.Hour))
	answer("d", "5", fedNow.Add(time.Hour))
	if stored("c") != "4" || stored("d") != "" {
		t.Error("more are stored than may be")
	}
}

func testFeedServicesRemoved(t *testing.T, db *DB) {
	const many = removedAtOnce + 10
	for generation := range int64(3) {
		all := make([]saml.Stored, 0, many)
		for i := range many {
			all = append(all, saml.Stored{Feed: "f", Generation: generation, EntityID: fmt.Sprint(i), Record: []byte("{}")})
		}
		federationTx(t, db, func(tx *Tx) error { return tx.AddFeedServices(t.Context(), all) })
	}
	for more := true; more; {
		federationTx(t, db, func(tx *Tx) (err error) {
			more, err = tx.RemoveFeedServices(t.Context(), "f", 1, 1)
			return err
		})
	}
	for generation, want := range []int{many, 0, many} {
		federationTx(t, db, func(tx *Tx) error {
			all, err := tx.FeedServices(t.Context(), "f", int64(generation))
			if len(all) != want {
				t.Errorf("generation %d: %d services, want %d", generation, len(all), want)
			}
			return err
		})
	}
}
