package abuse

import (
	"context"
	"crypto/rand"
	"net/netip"
	"path"
	"sync"
	"testing"
	"time"

	"warifu/internal/authenticator/password"
	"warifu/internal/demo/people"
	"warifu/internal/keyring"
	"warifu/internal/mail"
	"warifu/internal/recovery"
	"warifu/internal/store"
	"warifu/internal/web"
)

// meeting lets everybody through once a number of them has come.
type meeting struct {
	sync.WaitGroup
	last func() // done by nobody but the last who comes
	mu   sync.Mutex
	away int
}

func newMeeting(n int, last func()) *meeting {
	m := &meeting{last: last, away: n}
	m.Add(n)
	return m
}

func (m *meeting) come() {
	m.mu.Lock()
	m.away--
	if m.away == 0 {
		m.last()
	}
	m.mu.Unlock()
	m.Done()
	m.Wait()
}

// spender is a transaction that has found its link alive, and meets the others
// before it spends it.
type spender struct {
	recovery.Tx
	before *meeting
}

func (s spender) SpendRecoveryLink(ctx context.Context, l recovery.Link, now time.Time) (bool, error) {
	s.before.come()
	return s.Tx.SpendRecoveryLink(ctx, l, now)
}

// TestLinkSpentMeanwhile has two browsers find one link alive before either has
// spent it. The counter of the passwords, at which they would queue, is cleared
// by another success at the moment when both have given the right one. One of
// them gets the ticket. It takes an engine on which two transactions write at
// once. RST-1.
func TestLinkSpentMeanwhile(t *testing.T) {
	w := newWorld(t, template.Postgres(t))
	token := path.Base(w.newBrowser().askLink(hanako.id))
	const browsers = 2
	right := newMeeting(browsers, func() {
		w.exec(`DELETE FROM throttle WHERE account = $1`, w.subscriber(hanako.id))
	})
	alive := newMeeting(browsers, func() {})
	inTx := store.In[recovery.Tx](w.app.DB)
	s := &recovery.Service{
		InTx: func(ctx context.Context, fn func(recovery.Tx) error) error {
			right.come()
			return inTx(ctx, func(tx recovery.Tx) error { return fn(spender{Tx: tx, before: alive}) })
		},
		Passwords: &password.Guard{InTx: store.In[password.GuardTx](w.app.DB), Hasher: w.app.Hasher,
			Accounts: w.app.Ring.MAC(keyring.AccountID), Throttle: w.config.Throttle, Now: w.Now},
		Mail: w.config.MailOTP, Throttle: w.config.Throttle, Notices: w.app.Notices,
		Words: func(string, ...any) mail.Text { return mail.Text{} }, Random: rand.Reader, Now: w.Now,
	}
	outcomes := make(map[recovery.LinkOutcome]int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := range browsers {
		wg.Go(func() {
			v, err := s.Confirm(t.Context(), recovery.Opened{Token: token, SPSID: hanako.id, Password: people.Password,
				Browser: []byte{byte(n)}, Client: web.Client{Address: netip.MustParseAddr("192.0.2.1")}})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[v.Outcome]++
		})
	}
	wg.Wait()
	if outcomes[recovery.Initialised] != 1 || outcomes[recovery.LinkDead] != 1 {
		t.Errorf("%v", outcomes)
	}
	if n := w.count(`SELECT COUNT(*) FROM ticket`); n != 1 {
		t.Errorf("%d tickets", n)
	}
}
