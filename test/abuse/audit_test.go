package abuse

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"warifu/internal/audit"
	"warifu/internal/keyring"
	"warifu/internal/store"
)

func (w *world) sealer() *audit.Sealer {
	return &audit.Sealer{InTx: store.In[audit.SealTx](w.app.DB), Key: w.app.Ring.MAC(keyring.Audit), Now: w.Now}
}

func (w *world) verify(kept *audit.Head) audit.Report {
	w.t.Helper()
	r, err := w.app.Trail().Verify(w.t.Context(), kept)
	w.must(err)
	return r
}

// unprotect takes away what the database refuses by itself, as its owner can.
func (w *world) unprotect() {
	for _, table := range []string{"audit_event", "audit_block", "audit_seal"} {
		for _, act := range []string{"update", "delete"} {
			if w.postgres {
				w.exec(fmt.Sprintf(`DROP TRIGGER %[1]s_no_%[2]s ON %[1]s`, table, act))
			} else {
				w.exec(fmt.Sprintf(`DROP TRIGGER %s_no_%s`, table, act))
			}
		}
	}
}

// blocks makes three sealed blocks and a row that is not sealed yet.
func (w *world) blocks() {
	for n := range 3 {
		for range 4 {
			w.newBrowser().password(seeded(1+n).id, "guess")
		}
		w.pass(time.Minute)
		w.must(w.sealer().Seal(w.t.Context()))
	}
	w.newBrowser().password("nobody", "guess")
}

// TestAuditTampering changes the trail in every way, as the owner of the
// database, and the verification names the place. AUD-1.
func TestAuditTampering(t *testing.T) {
	const some = `(SELECT event_id FROM audit_seal WHERE block = 2 ORDER BY event_id LIMIT 1)`
	for name, test := range map[string]struct {
		statements []string
		want       string // in the first fault
	}{
		"nothing":            {nil, ""},
		"body changed":       {[]string{`UPDATE audit_event SET body = REPLACE(body, 'rejected', 'accepted') WHERE id = ` + some}, "block 2: event "},
		"name changed":       {[]string{`UPDATE audit_event SET name = 'signout' WHERE id = ` + some}, "block 2: event "},
		"time changed":       {[]string{`UPDATE audit_event SET at = at - 1000 WHERE id = ` + some}, "block 2: event "},
		"subscriber changed": {[]string{`UPDATE audit_event SET subscriber = 'x' WHERE id = ` + some}, "block 2: event "},
		"row deleted":        {[]string{`DELETE FROM audit_event WHERE id = ` + some}, "block 2: event "},
		"row and seal deleted": {[]string{`DELETE FROM audit_event WHERE id = ` + some,
			`DELETE FROM audit_seal WHERE block = 2 AND event_id NOT IN (SELECT id FROM audit_event)`}, "block 2: does not seal the rows"},
		"two rows swapped": {[]string{`UPDATE audit_event SET id = 'x' WHERE id = ` + some,
			`UPDATE audit_event SET id = ` + some + ` WHERE id = (SELECT event_id FROM audit_seal WHERE block = 2 ORDER BY event_id DESC LIMIT 1)`,
			`UPDATE audit_event SET id = (SELECT event_id FROM audit_seal WHERE block = 2 ORDER BY event_id DESC LIMIT 1) WHERE id = 'x'`}, "block 2: event "},
		"row inserted": {[]string{`INSERT INTO audit_event (id, at, name, subscriber, body, mac) SELECT 'AAAA', at, name, subscriber, body, mac FROM audit_event WHERE id = ` + some,
			`INSERT INTO audit_seal (event_id, block) VALUES ('AAAA', 2)`}, "block 2: event AAAA"},
		"row inserted unsealed":  {[]string{`INSERT INTO audit_event (id, at, name, subscriber, body, mac) SELECT 'AAAA', at, name, subscriber, body, mac FROM audit_event WHERE id = ` + some}, "event AAAA"},
		"moved to another block": {[]string{`UPDATE audit_seal SET block = 3 WHERE event_id = ` + some}, "block 2: does not seal"},
		"block changed":          {[]string{`UPDATE audit_block SET events = 3 WHERE no = 2`}, "block 2: was changed"},
		"block deleted":          {[]string{`DELETE FROM audit_block WHERE no = 2`}, "block 2: is missing"},
		"last block deleted":     {[]string{`DELETE FROM audit_block WHERE no = 3`}, "block 3: "},
		"end of the trail cut off": {[]string{`DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_seal WHERE block = 3)`,
			`DELETE FROM audit_seal WHERE block = 3`, `DELETE FROM audit_block WHERE no = 3`}, "block 3: the block that was kept is gone"},
		"unsealed row changed": {[]string{`UPDATE audit_event SET body = REPLACE(body, 'rejected', 'accepted') WHERE id NOT IN (SELECT event_id FROM audit_seal)`}, "event "},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, w *world) {
				w.blocks()
				head, err := audit.ParseHead(w.verify(nil).Head)
				w.must(err)
				w.unprotect()
				for _, statement := range test.statements {
					w.exec(statement)
				}
				r := w.verify(&head)
				if test.want == "" {
					if len(r.Faults) > 0 || r.Blocks != 3 || r.Events != 13 || r.Open != 1 {
						t.Errorf("%+v", r)
					}
					return
				}
				if len(r.Faults) == 0 || !strings.HasPrefix(r.Faults[0].String(), test.want) {
					t.Errorf("faults %v, want %q", r.Faults, test.want)
				}
			})
		})
	}
}

// TestAuditOnlyGrows has the database itself refuse to change the trail. AUD-1.
func TestAuditOnlyGrows(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.blocks()
		statements := []string{
			`UPDATE audit_event SET name = 'x'`, `DELETE FROM audit_event`, `UPDATE audit_block SET events = 0`,
			`DELETE FROM audit_block`, `UPDATE audit_seal SET block = 9`, `DELETE FROM audit_seal`,
		}
		if w.postgres {
			statements = append(statements, `TRUNCATE audit_event`, `TRUNCATE audit_block`, `TRUNCATE audit_seal`)
		} else { // deletes without asking the triggers of a deletion
			statements = append(statements, `INSERT OR REPLACE INTO audit_event SELECT id, at, 'x', subscriber, body, mac FROM audit_event`,
				`INSERT OR REPLACE INTO audit_seal SELECT event_id, 9 FROM audit_seal`)
			w.exec(`INSERT OR REPLACE INTO audit_block SELECT no, 1, 1, digest, mac FROM audit_block`) // passed over
		}
		for _, statement := range statements {
			if _, err := w.raw.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "only grows") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		if r := w.verify(nil); len(r.Faults) > 0 {
			t.Errorf("afterwards: %v", r.Faults)
		}
	})
}

// TestAuditNotSealed finds that nothing seals. AUD-1.
func TestAuditNotSealed(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		w.must(w.sealer().Seal(t.Context())) // the first signing keys are in the trail
		w.newBrowser().password("nobody", "guess")
		w.pass(11 * time.Minute)
		if r := w.verify(nil); len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Text, "has not been sealed in time") {
			t.Errorf("%v", r.Faults)
		}
	})
}

// TestSealersRace lets sixteen sealers work at once: one chain, no gap, no row
// in two blocks.
func TestSealersRace(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		for range 3 {
			for range 5 {
				w.newBrowser().password("nobody", "guess")
			}
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					if err := w.sealer().Seal(context.WithoutCancel(t.Context())); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		r := w.verify(nil)
		if n := w.count(`SELECT COUNT(*) FROM audit_event`); len(r.Faults) > 0 || r.Open != 0 || int64(n) != r.Events {
			t.Errorf("%d events, %+v", n, r)
		}
	})
}

// TestAuditExport writes JSON lines, filtered, and records that somebody read
// them. AUD-3, AUD-4.
func TestAuditExport(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		b := w.newBrowser()
		b.signIn(hanako)
		b.password("nobody", "guess")
		export := func(f audit.Filter) (lines []map[string]any) {
			var out bytes.Buffer
			x := &audit.Exporter{InTx: store.In[audit.ExportTx](w.app.DB), Now: w.Now}
			w.must(x.Export(t.Context(), &out, f, "auditor"))
			for line := range strings.Lines(out.String()) {
				var event map[string]any
				w.must(json.Unmarshal([]byte(line), &event))
				lines = append(lines, event)
			}
			return lines
		}
		named := make(map[any]int)
		for _, event := range export(audit.Filter{}) {
			named[event["name"]]++
		}
		if named["signin"] != 3 || named["audit.read"] != 1 || named["signing_key"] != 1 {
			t.Errorf("%v", named)
		}
		if read := export(audit.Filter{Name: audit.TrailRead}); len(read) != 2 || read[0]["actor"] != "auditor" {
			t.Errorf("%v", read)
		}
		if none := export(audit.Filter{To: w.Now().Add(-time.Hour)}); len(none) != 0 {
			t.Errorf("%v", none)
		}
	})
}
