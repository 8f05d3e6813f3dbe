package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// refusal is one kind of ID that is told nothing.
type refusal struct {
	name string
	id   func(i int) string
	wall []time.Duration
	cpu  time.Duration
}

// measureRefusals prints what it costs to refuse an ID that nobody has, a wrong
// password, and any password of a person who has set nothing up: who could tell
// them apart by their time would learn who exists. Small blocks take turns, and
// each begins as often as the others.
func (s *server) measureRefusals() error {
	if err := s.importBare(*samples); err != nil {
		return err
	}
	kinds := []*refusal{
		{name: "P16 unknown ID", id: func(i int) string { return fmt.Sprintf("nobody%05d", i) }},
		{name: "P16 wrong password", id: func(i int) string { return fmt.Sprintf("seed%07d", s.people-i%s.people) }},
		{name: "P16 person with nothing set up", id: bareID},
	}
	return s.inTurns(kinds, s.refused)
}

// inTurns does the same with each kind of ID, and prints how long that took.
func (s *server) inTurns(kinds []*refusal, do func(id string) (time.Duration, error)) error {
	const block = 10
	for turn := 0; (turn+1)*block <= *samples; turn++ {
		for k := range kinds {
			kind := kinds[(k+turn)%len(kinds)]
			cost, err := s.cost(block, func(i int) error {
				took, err := do(kind.id(turn*block + i))
				kind.wall = append(kind.wall, took)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			kind.cpu += cost * block
		}
	}
	printRefusals(kinds)
	return nil
}

func printRefusals(kinds []*refusal) {
	var walls []time.Duration
	for _, kind := range kinds {
		walls = append(walls, median(kind.wall))
		row(fmt.Sprintf("%s, median of %d (CPU %.2f ms)", kind.name, len(kind.wall), ms(kind.cpu)/float64(len(kind.wall))),
			"%.2f ms", ms(median(kind.wall)), "")
	}
	row("    largest ÷ smallest median", "%.3f", ratio(slices.Max(walls), slices.Min(walls)), "≤ 1.02")
}

// refused types a wrong password in a new browser and returns how long the
// answer took.
func (s *server) refused(id string) (time.Duration, error) {
	b := s.newBrowser()
	form, err := b.get(s.base() + "/login")
	if err != nil {
		return 0, err
	}
	before := time.Now()
	answer, err := b.submit(form, "/login", url.Values{"username": {id}, "password": {"not-" + password}})
	took := time.Since(before)
	if err == nil && answer.StatusCode != http.StatusUnprocessableEntity {
		err = fmt.Errorf("%s: %s", id, answer.Status)
	}
	return took, err
}

// measureForgot prints what it costs to ask for a new password: of an ID that
// nobody has, of a person without an address, and of one who is sent a mail. The
// answer is the same for all, and its time has to be.
func (s *server) measureForgot() error {
	return s.inTurns([]*refusal{
		{name: "/forgot unknown ID", id: func(i int) string { return fmt.Sprintf("nobody%05d", i) }},
		{name: "/forgot person without an address", id: bareID},
		{name: "/forgot person who is sent a mail", id: func(i int) string { return fmt.Sprintf("seed%07d", s.people-i%s.people) }},
	}, s.forgot)
}

// forgot asks for a new password in a new browser, and returns how long the answer
// took.
func (s *server) forgot(id string) (time.Duration, error) {
	b := s.newBrowser()
	form, err := b.get(s.base() + "/forgot")
	if err != nil {
		return 0, err
	}
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	before := time.Now()
	answer, err := b.submit(form, "/forgot", url.Values{"username": {id}})
	took := time.Since(before)
	if err == nil && answer.StatusCode != http.StatusSeeOther {
		err = fmt.Errorf("%s: %s", id, answer.Status)
	}
	return took, err
}

func bareID(i int) string { return fmt.Sprintf("bare%05d", i) }

// importBare adds people who have neither a password nor an Authenticator.
func (s *server) importBare(n int) error {
	var text strings.Builder
	text.WriteString("sps_id,display\n")
	for i := range n {
		fmt.Fprintf(&text, "%s,Bare %d\n", bareID(i), i)
	}
	file := filepath.Join(s.data, "bare.csv")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return err
	}
	if out, err := exec.Command(s.program, "user", "import", file, "-c", s.file()).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
