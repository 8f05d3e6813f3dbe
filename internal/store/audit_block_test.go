package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"warifu/internal/audit"
	"warifu/internal/secret"
	"warifu/internal/store/storetest"
)

// trail is an audit trail on a database of its own, with a clock of its own.
type trail struct {
	t   *testing.T
	db  *DB
	url string
	key *secret.MAC
	now time.Time
}

// onTrails runs a test with an empty trail on every engine.
func onTrails(t *testing.T, test func(t *testing.T, tr *trail)) {
	migrated.Each(t, func(t *testing.T, newURL func(t *testing.T) string) {
		tr := &trail{t: t, url: newURL(t), now: testTime}
		var err error
		if tr.key, err = secret.NewMAC(1, map[int][]byte{1: make([]byte, secret.KeySize)}); err != nil {
			t.Fatal(err)
		}
		if tr.db, err = Open(tr.url); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { tr.db.Close() })
		tr.db.SetAuditKey(tr.key)
		test(t, tr)
	})
}

// append adds n events of one time.
func (tr *trail) append(n int, at time.Time) {
	tr.t.Helper()
	do(tr.t, tr.db, func(tx *Tx) error {
		for i := range n {
			e := audit.Event{At: at, Name: audit.SignIn, Subscriber: fmt.Sprint("s", i%7), Outcome: "rejected"}
			if err := tx.AppendAudit(tr.t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (tr *trail) sealer() *audit.Sealer {
	return &audit.Sealer{InTx: In[audit.SealTx](tr.db), Key: tr.key, Now: func() time.Time { return tr.now }}
}

func (tr *trail) seal() {
	tr.t.Helper()
	if err := tr.sealer().Seal(tr.t.Context()); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *trail) verifier() *audit.Verifier {
	return &audit.Verifier{View: View[audit.TrailReader](tr.db), Key: tr.key, Now: func() time.Time { return tr.now }}
}

func (tr *trail) verify(kept *audit.Head) audit.Report {
	tr.t.Helper()
	r, err := tr.verifier().Verify(tr.t.Context(), kept)
	if err != nil {
		tr.t.Fatal(err)
	}
	return r
}

// whole wants a trail without fault, of so many blocks and rows.
func (tr *trail) whole(blocks, events, open int64) {
	tr.t.Helper()
	if r := tr.verify(nil); len(r.Faults) > 0 || r.Blocks != blocks || r.Events != events || r.Open != open {
		tr.t.Errorf("%d blocks, %d events, %d open, faults %v; want %d, %d, %d and no fault",
			r.Blocks, r.Events, r.Open, r.Faults, blocks, events, open)
	}
}

// unprotect takes away what the database refuses by itself, as its owner can.
func (tr *trail) unprotect() {
	tr.t.Helper()
	for _, table := range appendOnly {
		for _, act := range []string{"update", "delete"} {
			statement := fmt.Sprintf(`DROP TRIGGER %s_no_%s`, table, act)
			if tr.db.writer == nil {
				statement += " ON " + table
			}
			tr.run(statement)
		}
	}
}

func (tr *trail) run(statement string, args ...any) {
	tr.t.Helper()
	do(tr.t, tr.db, func(tx *Tx) error {
		_, err := tx.exec(tr.t.Context(), statement, args...)
		return err
	})
}

// TestSealBacklog seals everything, however long nothing was sealed: rows of
// two hours and of more than one block. AUD-1.
func TestSealBacklog(t *testing.T) {
	onTrails(t, func(t *testing.T, tr *trail) {
		tr.append(1500, tr.now)
		tr.now = tr.now.Add(2 * time.Hour)
		tr.append(1500, tr.now)
		tr.now = tr.now.Add(24 * time.Hour)
		tr.seal()
		tr.whole(3, 3000, 0)
	})
}

// TestSealBacklogInSteps is not thrown off by a sealer that ends between two blocks. AUD-1.
func TestSealBacklogInSteps(t *testing.T) {
	onTrails(t, func(t *testing.T, tr *trail) {
		tr.append(2500, tr.now)
		tr.now = tr.now.Add(3 * time.Hour)
		for blocks := int64(1); blocks <= 3; blocks++ {
			ctx, cancel := context.WithCancel(t.Context())
			in := In[audit.SealTx](tr.db)
			s := tr.sealer()
			s.InTx = func(_ context.Context, fn func(audit.SealTx) error) error {
				err := in(t.Context(), fn)
				if cancel(); err != nil {
					return err
				}
				return ctx.Err()
			}
			if err := s.Seal(ctx); err == nil {
				t.Fatal("the sealer went on")
			}
			if r := tr.verify(nil); r.Blocks != blocks {
				t.Fatalf("%d blocks, want %d", r.Blocks, blocks)
			}
		}
		tr.whole(3, 2500, 0)
	})
}

// TestSealLateRows puts rows that were committed after a block whose time is
// later into the next one. AUD-1.
func TestSealLateRows(t *testing.T) {
	onTrails(t, func(t *testing.T, tr *trail) {
		tr.append(3, tr.now)
		tr.seal()
		tr.append(2, tr.now.Add(-50*time.Minute))
		tr.seal()
		tr.whole(2, 5, 0)
		tr.append(1, tr.now.Add(-59*time.Minute)) // earlier than all of the last block
		tr.seal()
		tr.whole(3, 6, 0)
	})
}

// TestSealAfterWrongClock seals what comes after a clock that had jumped ahead
// was mended. AUD-1, OPS-4.
func TestSealAfterWrongClock(t *testing.T) {
	onTrails(t, func(t *testing.T, tr *trail) {
		tr.append(3, tr.now)
		tr.now = tr.now.Add(72 * time.Hour)
		tr.append(3, tr.now)
		tr.seal()
		tr.now = testTime.Add(time.Minute)
		tr.append(3, tr.now)
		tr.seal()
		tr.whole(2, 9, 0)
	})
}

// TestVerifyWhileSealing finds no fault in a trail that grows while it is read. AUD-1.
func TestVerifyWhileSealing(t *testing.T) {
	onTrails(t, func(t *testing.T, tr *trail) {
		tr.append(3, tr.now)
		tr.seal()
		view := View[audit.TrailReader](tr.db)
		v := tr.verifier()
		v.View = func(ctx context.Context, fn func(audit.TrailReader) error) error {
			err := view(ctx, fn)
			tr.append(2, tr.now) // after the head was read, after each block, after the rest
			tr.seal()
			return err
		}
		r, err := v.Verify(t.Context(), nil)
		if err != nil || len(r.Faults) > 0 || r.Blocks != 1 || r.Open != 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestSealersRaceOverBlocks lets sixteen sealers at several blocks: no gap, no
// row in two blocks. AUD-1.
func TestSealersRaceOverBlocks(t *testing.T) {
	onTrails(t, func(t *testing.T, tr *trail) {
		for range 5 {
			tr.append(900, tr.now)
		}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if err := tr.sealer().Seal(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		tr.seal() // whoever lost left the rest to the winner
		tr.whole(5, 4500, 0)
	})
}

// counted notes how much a sealer and a verification hold at once.
type counted struct {
	audit.SealTx
	audit.TrailReader
	most *int
}

func (c counted) note(rows []audit.Row, err error) ([]audit.Row, error) {
	*c.most = max(*c.most, len(rows))
	return rows, err
}

func (c counted) LastBlock(ctx context.Context) (audit.Block, error) {
	if c.SealTx != nil {
		return c.SealTx.LastBlock(ctx)
	}
	return c.TrailReader.LastBlock(ctx)
}

func (c counted) OldestUnsealed(ctx context.Context, since time.Time, most int) ([]audit.Row, error) {
	return c.note(c.SealTx.OldestUnsealed(ctx, since, most))
}

func (c counted) SealedAudit(ctx context.Context, block int64) ([]audit.Row, error) {
	return c.note(c.TrailReader.SealedAudit(ctx, block))
}

func (c counted) UnsealedAudit(ctx context.Context, after string, most int) ([]audit.Row, error) {
	return c.note(c.TrailReader.UnsealedAudit(ctx, after, most))
}

// TestManyRows holds a thousand rows at once, however many there are: 100,000 in
// the thorough run. AUD-1.
func TestManyRows(t *testing.T) {
	blocks := 4
	if os.Getenv("TEST_THOROUGH") != "" {
		blocks = 100
	}
	onTrails(t, func(t *testing.T, tr *trail) {
		for range blocks {
			tr.append(1000, tr.now)
			tr.now = tr.now.Add(time.Second)
		}
		most, steps := 0, 0
		s, v := tr.sealer(), tr.verifier()
		in, view := s.InTx, v.View
		s.InTx = func(ctx context.Context, fn func(audit.SealTx) error) error {
			steps++
			return in(ctx, func(tx audit.SealTx) error { return fn(counted{SealTx: tx, most: &most}) })
		}
		v.View = func(ctx context.Context, fn func(audit.TrailReader) error) error {
			return view(ctx, func(tx audit.TrailReader) error { return fn(counted{TrailReader: tx, most: &most}) })
		}
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := v.Verify(t.Context(), nil)
		if err != nil || len(r.Faults) > 0 || r.Events != int64(1000*blocks) || r.Open != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		if most != 1000 || steps != blocks+1 {
			t.Errorf("held %d rows at once in %d transactions, want 1000 in %d", most, steps, blocks+1)
		}
	})
}

// TestAuditHead compares with a head that was kept, and refuses what is only
// nearly one. AUD-1.
func TestAuditHead(t *testing.T) {
	onTrails(t, func(t *testing.T, tr *trail) {
		var kept []audit.Head
		for range 3 { // the first head is that of an empty trail
			head, err := audit.ParseHead(tr.verify(nil).Head)
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, head)
			tr.append(2, tr.now)
			tr.seal()
		}
		for _, head := range kept {
			if r := tr.verify(&head); len(r.Faults) > 0 {
				t.Errorf("head %s: %v", head, r.Faults)
			}
		}
		other := audit.Head{No: 2, MAC: kept[1].MAC}
		if r := tr.verify(&other); len(r.Faults) != 1 || r.Faults[0].Block != 2 {
			t.Errorf("another head: %v", r.Faults)
		}
	})
	for _, text := range []string{"", "1", "1:", ":ab", "-5:ab", "0:ab", "1:abzz", "1:ab junk", "x:ab", "99999999999999999999:ab"} {
		if h, err := audit.ParseHead(text); err == nil {
			t.Errorf("%q is read as %v", text, h)
		}
	}
}

// TestAuditExportNeutral lets nothing through that a terminal obeys. AUD-3.
func TestAuditExportNeutral(t *testing.T) {
	const smuggled = "a\r\nb\x1b[31mc\u009b31md\u0085e\x7ff 割符"
	onTrails(t, func(t *testing.T, tr *trail) {
		do(t, tr.db, func(tx *Tx) error {
			return tx.AppendAudit(t.Context(), audit.Event{At: tr.now, Name: audit.SignIn, Target: smuggled})
		})
		var out bytes.Buffer
		x := &audit.Exporter{InTx: In[audit.ExportTx](tr.db), Now: func() time.Time { return tr.now }}
		if err := x.Export(t.Context(), &out, audit.Filter{Name: audit.SignIn}, "auditor"); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f }) {
			t.Errorf("%q", line)
		}
		var event audit.Event
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.Target != smuggled {
			t.Errorf("%v, %q", err, event.Target)
		}
	})
}

// TestMigrateAtOnce lets sixteen nodes put the triggers in place at the same
// time, as the ends of their migrations do, on the engine that nodes share.
func TestMigrateAtOnce(t *testing.T) {
	url := storetest.Postgres(t)
	var nodes []*DB
	for range 16 {
		db, err := Open(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		nodes = append(nodes, db)
	}
	if err := nodes[0].Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, db := range nodes {
		wg.Go(func() {
			if err := db.inTurn(context.WithoutCancel(t.Context()), db.refuseChanges); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestMigrateNewFile lets eight processes open and migrate one new file at the
// same time, as a command and a server that begin together do: each migration is
// done once.
func TestMigrateNewFile(t *testing.T) {
	for range 8 {
		url := storetest.SQLite(t)
		nodes := make([]*DB, 8)
		var wg sync.WaitGroup
		for i := range nodes {
			wg.Go(func() {
				var err error
				if nodes[i], err = Open(url); err != nil {
					t.Error(err)
					return
				}
				if err := nodes[i].Migrate(t.Context()); err != nil {
					t.Error(err)
				}
				if err := nodes[i].CheckSchema(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var all, different int
		err := nodes[0].view(t.Context(), func(tx *Tx) error {
			return tx.queryRow(t.Context(), `SELECT COUNT(*), COUNT(DISTINCT version_id) FROM migration`).Scan(&all, &different)
		})
		if err != nil || all != different || all < 2 {
			t.Errorf("%d rows of %d migrations, %v", all, different, err)
		}
		for _, db := range nodes {
			if db != nil {
				db.Close()
			}
		}
	}
}

// sealed is a row and the block that seals it; 0 if none does.
type sealed struct {
	id    string
	block int64
}

func (tr *trail) rows() (all []sealed) {
	tr.t.Helper()
	err := tr.db.view(tr.t.Context(), func(tx *Tx) error {
		return tx.query(tr.t.Context(), func(r row) error {
			var s sealed
			err := r.Scan(&s.id, &s.block)
			all = append(all, s)
			return err
		}, `SELECT e.id, COALESCE(s.block, 0) FROM audit_event e LEFT JOIN audit_seal s ON s.event_id = e.id ORDER BY e.id`)
	})
	if err != nil {
		tr.t.Fatal(err)
	}
	return all
}

// place is where a change was made; one of the faults has to name it.
type place struct {
	block int64  // or 0
	event string // or empty
}

func (p place) named(r audit.Report) bool {
	return slices.ContainsFunc(r.Faults, func(f audit.Fault) bool {
		return (p.block == 0 || f.Block == p.block) && (p.event == "" || f.Event == p.event)
	})
}

// drawn is where a trail is changed: at one row or two, at one block or two.
type drawn struct {
	row, other sealed
	block      int64
	next       int64 // another block
	last       int64 // the number of blocks
}

// tamperings change the trail once, as the owner of the database, and say where.
var tamperings = map[string]func(tr *trail, d drawn) place{
	"body": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_event SET body = REPLACE(body, 'rejected', 'accepted') WHERE id = $1`, d.row.id)
		return place{event: d.row.id, block: d.row.block}
	},
	"name": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_event SET name = 'signout' WHERE id = $1`, d.row.id)
		return place{event: d.row.id, block: d.row.block}
	},
	"time": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_event SET at = at + 1 WHERE id = $1`, d.row.id)
		return place{event: d.row.id, block: d.row.block}
	},
	"subscriber": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_event SET subscriber = 'x' WHERE id = $1`, d.row.id)
		return place{event: d.row.id, block: d.row.block}
	},
	"mac": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_event SET mac = $2 WHERE id = $1`, d.row.id, make([]byte, secret.SumSize))
		return place{event: d.row.id, block: d.row.block}
	},
	"row deleted": func(tr *trail, d drawn) place {
		d.row = d.row.orSealed(tr)
		tr.run(`DELETE FROM audit_event WHERE id = $1`, d.row.id)
		return place{event: d.row.id, block: d.row.block}
	},
	"seal deleted": func(tr *trail, d drawn) place {
		d.row = d.row.orSealed(tr)
		tr.run(`DELETE FROM audit_seal WHERE event_id = $1`, d.row.id)
		return place{block: d.row.block}
	},
	"row and seal deleted": func(tr *trail, d drawn) place {
		d.row = d.row.orSealed(tr)
		tr.run(`DELETE FROM audit_seal WHERE event_id = $1`, d.row.id)
		tr.run(`DELETE FROM audit_event WHERE id = $1`, d.row.id)
		return place{block: d.row.block}
	},
	"row inserted": func(tr *trail, d drawn) place {
		tr.copyRow(d.row.id)
		return place{event: "COPY"}
	},
	"row inserted into a block": func(tr *trail, d drawn) place {
		tr.copyRow(d.row.id)
		tr.run(`INSERT INTO audit_seal (event_id, block) VALUES ('COPY', $1)`, d.block)
		return place{event: "COPY", block: d.block}
	},
	"row inserted before the first block": func(tr *trail, d drawn) place {
		tr.copyRow(d.row.id)
		tr.run(`INSERT INTO audit_seal (event_id, block) VALUES ('COPY', $1)`, 1-d.block)
		return place{event: "COPY"}
	},
	"row inserted after the last block": func(tr *trail, d drawn) place {
		tr.copyRow(d.row.id)
		tr.run(`INSERT INTO audit_seal (event_id, block) VALUES ('COPY', $1)`, d.last+d.block)
		return place{event: "COPY", block: d.last + d.block}
	},
	"two rows swapped": func(tr *trail, d drawn) place {
		for _, step := range [][2]string{{"SWAP", d.row.id}, {d.row.id, d.other.id}, {d.other.id, "SWAP"}} {
			tr.run(`UPDATE audit_event SET id = $1 WHERE id = $2`, step[0], step[1])
		}
		return place{event: d.row.id}
	},
	"row moved to another block": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_seal SET block = $1 WHERE event_id = (SELECT MIN(event_id) FROM audit_seal WHERE block = $2)`, d.next, d.block)
		return place{block: d.block}
	},
	"two rows exchanged between blocks": func(tr *trail, d drawn) place { // each is genuine, and the counts stay
		rows := tr.rows()
		in := func(block int64) string {
			return rows[slices.IndexFunc(rows, func(r sealed) bool { return r.block == block })].id
		}
		first, second := in(d.block), in(d.next)
		tr.run(`UPDATE audit_seal SET block = $1 WHERE event_id = $2`, d.next, first)
		tr.run(`UPDATE audit_seal SET block = $1 WHERE event_id = $2`, d.block, second)
		return place{block: d.block}
	},
	"block's count": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_block SET events = events + 1 WHERE no = $1`, d.block)
		return place{block: d.block}
	},
	"block's time": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_block SET sealed_at = sealed_at - 1 WHERE no = $1`, d.block)
		return place{block: d.block}
	},
	"block's digest": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_block SET digest = $2 WHERE no = $1`, d.block, make([]byte, 32))
		return place{block: d.block}
	},
	"block's mac": func(tr *trail, d drawn) place {
		tr.run(`UPDATE audit_block SET mac = (SELECT mac FROM audit_block WHERE no = $2) WHERE no = $1`, d.block, d.next)
		return place{block: d.block}
	},
	"block deleted": func(tr *trail, d drawn) place {
		tr.run(`DELETE FROM audit_block WHERE no = $1`, d.block)
		return place{block: d.block}
	},
	"two blocks swapped": func(tr *trail, d drawn) place {
		for _, table := range []string{"audit_block SET no = $1 WHERE no = $2", "audit_seal SET block = $1 WHERE block = $2"} {
			for _, step := range [][2]int64{{1 << 40, d.block}, {d.block, d.next}, {d.next, 1 << 40}} {
				tr.run(`UPDATE `+table, step[0], step[1])
			}
		}
		return place{block: d.block}
	},
	"end cut off": func(tr *trail, d drawn) place {
		tr.run(`DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_seal WHERE block >= $1)`, d.block)
		tr.run(`DELETE FROM audit_seal WHERE block >= $1`, d.block)
		tr.run(`DELETE FROM audit_block WHERE no >= $1`, d.block)
		return place{block: d.last} // which the kept head names
	},
}

// orSealed returns the row, or the first sealed one if no block seals it: that
// somebody took away what was never sealed leaves no trace.
func (s sealed) orSealed(tr *trail) sealed {
	if s.block > 0 {
		return s
	}
	rows := tr.rows()
	return rows[slices.IndexFunc(rows, func(r sealed) bool { return r.block > 0 })]
}

// copyRow inserts a row with the content and the MAC of another.
func (tr *trail) copyRow(id string) {
	tr.t.Helper()
	tr.run(`INSERT INTO audit_event (id, at, name, subscriber, body, mac)
		SELECT 'COPY', at, name, subscriber, body, mac FROM audit_event WHERE id = $1`, id)
}

// shape is a trail, and a place in it.
type shape struct {
	blocks []int // rows of each
	open   int   // rows that are not sealed
	row    int   // counted by id
	block  int64
}

// TestEveryTampering changes a trail in every way: every single change is
// found, and its place is named. AUD-1.
func TestEveryTampering(t *testing.T) {
	onTrails(t, func(t *testing.T, tr *trail) {
		tr.unprotect()
		for name, change := range tamperings {
			for _, row := range []int{0, 4, 9} {
				if fault := tr.tamper(shape{blocks: []int{3, 2, 4}, open: 1, row: row, block: 2}, change); fault != "" {
					t.Errorf("%s: %s", name, fault)
				}
			}
		}
	})
}

// TestRandomTampering does so at random places of random trails. AUD-1.
func TestRandomTampering(t *testing.T) {
	names := slices.Sorted(maps.Keys(tamperings))
	onTrails(t, func(t *testing.T, tr *trail) {
		tr.unprotect()
		rapid.Check(t, func(r *rapid.T) {
			name := rapid.SampledFrom(names).Draw(r, "tampering")
			s := shape{
				blocks: rapid.SliceOfN(rapid.IntRange(1, 4), 2, 4).Draw(r, "blocks"),
				open:   rapid.IntRange(0, 3).Draw(r, "open"),
				row:    rapid.IntRange(0, 18).Draw(r, "row"),
			}
			s.block = rapid.Int64Range(1, int64(len(s.blocks))).Draw(r, "block")
			if fault := tr.tamper(s, tamperings[name]); fault != "" {
				r.Fatalf("%s: %s", name, fault)
			}
		})
	})
}

// tamper makes a trail anew, changes it once, and says what is wrong if the
// verification does not name the place.
func (tr *trail) tamper(s shape, change func(*trail, drawn) place) string {
	tr.t.Helper()
	for _, table := range appendOnly {
		tr.run(`DELETE FROM ` + table)
	}
	for _, rows := range s.blocks {
		tr.append(rows, tr.now)
		tr.seal()
	}
	tr.append(s.open, tr.now)
	before := tr.verify(nil)
	head, err := audit.ParseHead(before.Head)
	last := int64(len(s.blocks))
	if err != nil || len(before.Faults) > 0 || before.Blocks != last {
		return fmt.Sprintf("before the change: %+v, %v", before, err)
	}
	rows := tr.rows()
	at := change(tr, drawn{row: rows[s.row%len(rows)], other: rows[(s.row+1)%len(rows)], block: s.block, next: s.block%last + 1, last: last})
	if after := tr.verify(&head); !at.named(after) {
		return fmt.Sprintf("%+v is not named: %v", at, after.Faults)
	}
	return ""
}
