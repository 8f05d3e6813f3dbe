package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"warifu/internal/authenticator"
)

const (
	others  = 1000 // pages that wait beside the one whose time is taken
	callers = 300  // people of the small directory who telephone, at most
	behind  = 100  // more of them, whose proxy drops event streams
	waiters = 100  // people of the small directory whose made-up cases the other pages wait for
	watched = 30 * time.Second
)

// measureDesk prints the figures of the help desk, on a server of its own.
func measureDesk(program, dir string) error {
	most, err := mayWait(*pages)
	if err != nil {
		return err
	}
	s, err := newServer(program, dir, few)
	if err != nil {
		return err
	}
	defer s.remove()
	ctx := context.Background()
	if err := s.makeCases(ctx, others/perCase); err != nil {
		return err
	}
	agent, err := s.makeAgent(ctx)
	if err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	if err := s.measureCalls(agent); err != nil {
		return err
	}
	s.stop()
	if err := s.makeCases(ctx, (most+1)/perCase); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	return s.measurePages(most)
}

// measureCalls prints how long a caller's page takes to move after the agent's
// click: at the agent's node, and at another one where the database has several.
func (s *server) measureCalls(agent *browser) error {
	where := "one node"
	if *database != "" {
		where = "two nodes"
		second, err := s.another()
		if err != nil {
			return err
		}
		defer second.stop()
		agent.http.Transport = second.alone()
	}
	pages, err := s.holdOpen(others)
	if err != nil {
		return err
	}
	var direct, proxied calls
	for person := range min(*samples, callers) {
		if err := direct.add(s.browserOf(person), agent, (*browser).listen); err != nil {
			return err
		}
	}
	proxy := httptest.NewServer(http.HandlerFunc(s.withoutStreams))
	defer proxy.Close()
	for n := range min(*samples, behind) {
		caller := s.browserOf(callers + n)
		caller.http.Transport = through(proxy.Listener.Addr().String())
		if err := proxied.add(caller, agent, (*browser).ask); err != nil {
			return err
		}
	}
	for _, p := range []int{50, 99} {
		row(fmt.Sprintf("%s, %d other pages: click to answer, p%d", where, others, p), "%.2f ms", ms(percentile(direct.answered, p)), "")
		row(fmt.Sprintf("    the answer to the event at the caller's page, p%d", p), "%.2f ms", ms(percentile(direct.told, p)), "")
		row(fmt.Sprintf("    P9 the answer to the QR code there, p%d", p), "%.2f ms", ms(percentile(direct.moved, p)), "≤ 30 ms, p99")
		row(fmt.Sprintf("    P9 the same where a proxy drops event streams, p%d", p), "%.2f ms", ms(percentile(proxied.moved, p)), "≤ 1 s")
	}
	return pages.release()
}

// calls are telephone calls. Times count from the answer to the agent's click; what
// the page was told before it has a time below zero.
type calls struct{ answered, told, moved []time.Duration }

// add makes a call. The page of the caller learns of the approval by follow.
func (c *calls) add(caller, agent *browser, follow follow) error {
	answered, told, moved, err := caller.call(agent, follow)
	if err != nil {
		return fmt.Errorf("call of %s: %w", caller.id(), err)
	}
	c.answered, c.told, c.moved = append(c.answered, answered), append(c.told, told), append(c.moved, moved)
	return nil
}

func (b *browser) call(agent *browser, follow follow) (answered, told, moved time.Duration, err error) {
	waiting, err := b.askDesk()
	if err != nil {
		return 0, 0, 0, err
	}
	take, flow := formOf(waiting.text, "/reset/take"), formOf(waiting.text, "/reset/take").Get("flow")
	approved, err := follow(b, flow, "approved")
	if err != nil {
		return 0, 0, 0, err
	}
	confirm, path, err := agent.workOn(b.id(), readOut(waiting.text))
	if err != nil {
		return 0, 0, 0, err
	}
	type moment struct {
		told, moved time.Time
		err         error
	}
	there := make(chan moment, 1)
	go func() {
		m := moment{err: <-approved, told: time.Now()}
		if m.err == nil {
			m.err = wants("otpauth:")(read(b.http.PostForm(b.s.base()+"/reset/take", take)))
		}
		m.moved = time.Now()
		there <- m
	}()
	form := formOf(confirm.text, path+"/approve")
	click := time.Now()
	done, err := agent.http.PostForm(b.s.base()+path+"/approve", form)
	answer := time.Now()
	if err != nil {
		return 0, 0, 0, err
	}
	done.Body.Close()
	if done.StatusCode != http.StatusSeeOther {
		return 0, 0, 0, fmt.Errorf("not approved: %s", done.Status)
	}
	m := <-there
	return answer.Sub(click), m.told.Sub(answer), m.moved.Sub(answer), m.err
}

// askDesk has an initialization opened at the help desk, and returns the page that waits.
func (b *browser) askDesk() (page, error) {
	form, err := b.get(b.s.base() + "/reset")
	if err != nil {
		return form, err
	}
	decision, err := b.send(form, "/reset", url.Values{"username": {b.id()}, "password": {password}})
	if err != nil {
		return decision, err
	}
	waiting, err := b.send(decision, "/reset/wait", url.Values{"to": {"desk"}})
	if err == nil && readOut(waiting.text) == "" {
		err = fmt.Errorf("no comparison number: %s", waiting.Status)
	}
	return waiting, err
}

// workOn opens a case, confirms the identity, and returns the page that asks once
// more, and the case's address.
func (b *browser) workOn(id, number string) (confirm page, path string, err error) {
	board, err := b.get(b.s.base() + "/desk")
	if err != nil {
		return board, "", err
	}
	opened, err := b.send(board, "/desk", url.Values{"id": {id}, "number": {number}})
	if err != nil {
		return opened, "", err
	}
	at, err := opened.Location()
	if err != nil {
		return opened, "", fmt.Errorf("not opened: %s", opened.Status)
	}
	sheet, err := b.get(at.String())
	if err != nil {
		return sheet, "", err
	}
	noted, err := b.send(sheet, at.Path, url.Values{"check_callback": {"yes"}, "reason": {"called back, student card seen"}, "act": {"approve"}})
	if err != nil {
		return noted, "", err
	}
	confirmation, err := noted.Location()
	if err != nil {
		return noted, "", fmt.Errorf("not noted: %s", noted.Status)
	}
	confirm, err = b.get(confirmation.String())
	return confirm, at.Path, err
}

// send fills the form of a page that is sent to a path.
func (b *browser) send(from page, path string, fields url.Values) (page, error) {
	for name, value := range formOf(from.text, path) {
		fields[name] = value
	}
	return read(b.http.PostForm(b.s.base()+path, fields))
}

// formOf returns the hidden fields of the form that is sent to a path.
func formOf(text, path string) url.Values {
	fields := url.Values{}
	_, form, _ := strings.Cut(text, `action="`+path+`"`)
	form, _, _ = strings.Cut(form, "</form>")
	for _, field := range hidden.FindAllStringSubmatch(form, -1) {
		fields.Set(field[1], html.UnescapeString(field[2]))
	}
	return fields
}

var digits = regexp.MustCompile(`<span>(\d+)</span>`)

// readOut is the number that a page shows for reading out.
func readOut(text string) (number string) {
	_, part, _ := strings.Cut(text, `class="readout"`)
	part, _, _ = strings.Cut(part, "</p>")
	for _, group := range digits.FindAllStringSubmatch(part, -1) {
		number += group[1]
	}
	return number
}

// measurePages prints what many waiting pages cost one node, and a sign-in beside them.
func (s *server) measurePages(most int) error {
	s.next, s.people = callers+behind, few-waiters // who neither telephones nor waits
	turns := min(*samples, 150)
	if _, err := s.signIns(turns / 3); err != nil { // what the first ones bring into the memory
		return err
	}
	before, err := s.memory("VmRSS")
	if err != nil {
		return err
	}
	alone, err := s.signIns(turns)
	if err != nil {
		return err
	}
	held, err := s.holdOpen(most)
	if err != nil {
		return err
	}
	time.Sleep(watched) // two heartbeats of each
	after, err := s.memory("VmRSS")
	if err != nil {
		return err
	}
	idle, err := s.cost(1, func(int) error { time.Sleep(watched); return nil })
	if err != nil {
		return err
	}
	beside, err := s.signIns(turns)
	if err != nil {
		return err
	}
	row(fmt.Sprintf("P8 one of %d waiting pages", most), "%.1f KiB", (after-before)*1024/float64(most), "≤ 32 KiB")
	row("    resident memory with them", "%.0f MiB", after, "")
	row("    processor time while they wait, of one core", "%.1f %%", 100*ratio(idle, watched), "")
	for _, p := range []int{50, 99} {
		row(fmt.Sprintf("sign-in without the hash, no page waits, p%d", p), "%.2f ms", ms(percentile(alone, p)), "")
		row(fmt.Sprintf("    beside them (%.2f times that)", ratio(percentile(beside, p), percentile(alone, p))), "%.2f ms", ms(percentile(beside, p)), "")
	}
	return held.release()
}

// signIns returns how long sign-ins take, without their hash.
func (s *server) signIns(n int) (all []time.Duration, err error) {
	for range n {
		_, took, err := s.newBrowser().signIn()
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	return all, nil
}

// alone is a transport that reaches this node, whatever the address.
func (s *server) alone() *http.Transport { return through(fmt.Sprintf("127.0.0.1:%d", s.port)) }

// through has all addresses asked for at one.
func through(address string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "tcp", address)
	}}
}

// open opens the server's database.
func (s *server) open() (*sql.DB, error) {
	if *database != "" {
		return sql.Open("pgx", s.database)
	}
	return sql.Open("sqlite", "file:"+filepath.Join(s.data, "warifu.db")+"?_pragma=busy_timeout(20000)")
}

// makeCases has n cases wait, in place of those that did. They have no
// comparison number, of which there are not as many, so that nobody can open them.
func (s *server) makeCases(ctx context.Context, n int) error {
	db, err := s.open()
	if err != nil {
		return err
	}
	defer db.Close()
	var people []string
	for i := range waiters {
		var id string
		if err := db.QueryRowContext(ctx, `SELECT id FROM subscriber WHERE sps_id = $1`, s.browserOf(few-1-i).id()).Scan(&id); err != nil {
			return err
		}
		people = append(people, id)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `DELETE FROM desk_case`); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO desk_case (no, subscriber_id, kind, cause, state, number, flow_id, browser, device, address, campus,
		agent_id, agent_at, checks, reason, password_too, phone_shown, first_id, first_at, decided_id, decided_at, refusal, shown_at, outside_hours, check_call,
		opened_at, seen_at, ended_at, expires_at, version)
		VALUES ($1, $2, 'initialise', 'lost', 'waiting', '', $3, $4, 'Chrome・Windows', '127.0.0.1', FALSE, '', 0, '{}', '', FALSE, FALSE, '', 0, '', 0, '', 0, FALSE, FALSE, $5, $5, 0, $6, 0)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	now := time.Now()
	for i := range n {
		flow, token := caseOf(i)
		browser := sha256.Sum256([]byte(token))
		if _, err := insert.ExecContext(ctx, 1001+i, people[i%waiters], flow, browser[:], now.UnixMilli(), now.Add(24*time.Hour).UnixMilli()); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// makeAgent returns the browser of an agent who has just come in with a passkey,
// which this program cannot give itself.
func (s *server) makeAgent(ctx context.Context) (*browser, error) {
	db, err := s.open()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var id string
	if err := db.QueryRowContext(ctx, `SELECT id FROM subscriber WHERE sps_id = 'agent01'`).Scan(&id); err != nil {
		return nil, err
	}
	now := time.Now()
	evidence, err := json.Marshal([]authenticator.Evidence{{Kind: authenticator.Passkey, ID: "bench", At: now.Add(time.Hour), UV: true, By: authenticator.ByWindow}})
	if err != nil {
		return nil, err
	}
	token := rand.Text()
	digest := sha256.Sum256([]byte(token))
	_, err = db.ExecContext(ctx, `INSERT INTO session (subscriber_id, id, digest, evidence, browser, address, created_at, seen_at, idle_limit, expires_at)
		VALUES ($1, 'bench', $2, $3, '', '127.0.0.1', $4, $4, 3600000, $5)`, id, digest[:], string(evidence), now.UnixMilli(), now.Add(time.Hour).UnixMilli())
	_, fault := db.ExecContext(ctx, `INSERT INTO passkey (subscriber_id, id, user_handle, name, public_key, sign_count, user_verified, backup_eligible, backup_state,
			aaguid, transports, bound_by, created_at, last_used_at)
		VALUES ($1, $2, $2, '', $2, 0, TRUE, TRUE, TRUE, $2, '', 'window', $3, 0)`, id, digest[:16], now.UnixMilli())
	if err := errors.Join(err, fault); err != nil {
		return nil, err
	}
	b := s.browserOf(0)
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	u, err := url.Parse(s.base())
	if err != nil {
		return nil, err
	}
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: "warifu-session", Value: token, Path: "/"}})
	return b, nil
}
