// Command bench prints the numbers of docs/operations/performance.md. It has a
// demonstration make the people, then runs the server alone on their database
// (warifu serve), with itself as the one service, so that the processor time of
// that process is the server's and nobody else's; what PostgreSQL takes is not in
// it. The time that a piece of work takes is set beside that of the password hash
// and the signature alone, and of an empty HTTP server, taken in between in the
// same run.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

var (
	rounds   = flag.Int("rounds", 5, "rounds of floor and product")
	each     = flag.Int("each", 40, "sign-ins in a round")
	crowd    = flag.Int("people", 100_000, "people of the large directory; 0 for none")
	signins  = flag.Int("signins", 2000, "sign-ins before the memory is read again")
	clients  = flag.Int("clients", 16, "of these, how many at once")
	samples  = flag.Int("samples", 300, "sign-ins whose time is taken, with few and with many people, and refusals of each kind")
	pages    = flag.Int("pages", 20_000, "pages that wait for the help desk on one node; 0 leaves the help desk out")
	desk     = flag.Bool("desk", false, "measure the help desk alone")
	database = flag.String("database", "", "address of a PostgreSQL server, postgres://…, on which schemas are made and removed; SQLite if empty")
)

const few = 1000 // people of the small directory

func main() {
	flag.Parse()
	do := run
	if *empty != "" {
		do = serveEmpty
	}
	if *hold != "" {
		do = holdPages
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "warifu-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "warifu")
	build := exec.Command("go", "build", "-trimpath", "-o", program, "./cmd/warifu")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if *pages > 0 {
		if err := measureDesk(program, filepath.Join(dir, "desk")); err != nil {
			return err
		}
	}
	if *desk {
		return nil
	}
	small, err := newServer(program, filepath.Join(dir, "small"), few)
	if err != nil {
		return err
	}
	defer small.remove()
	if err := small.start(); err != nil {
		return err
	}
	if err := measure(small); err != nil {
		return err
	}
	if *crowd == 0 {
		return nil
	}
	large, err := newServer(program, filepath.Join(dir, "large"), *crowd)
	if err != nil {
		return err
	}
	defer large.remove()
	return compare(small, large)
}

// measure prints what does not depend on the number of people.
func measure(s *server) error {
	time.Sleep(2 * time.Second) // what the start has set off
	idle, err := s.memory("VmRSS")
	if err != nil {
		return err
	}
	for _, step := range []func() error{s.measureSignIn, s.measureRest, s.measureRefusals, s.measureForgot, s.measureMail} {
		if err := step(); err != nil {
			return err
		}
	}
	row("P7 resident memory, idle", "%.1f MiB", idle, "≤ 30 MiB")
	before := time.Now()
	if err := s.load(*signins, *clients); err != nil {
		return err
	}
	perSecond := float64(*signins) / time.Since(before).Seconds()
	highest, err := s.memory("VmHWM")
	if err != nil {
		return err
	}
	loaded, err := s.memory("VmRSS")
	if err != nil {
		return err
	}
	row(fmt.Sprintf("P7 highest, %d sign-ins, %d at once (%.0f/s)", *signins, *clients, perSecond), "%.1f MiB", highest, "≤ 110 MiB")
	row("   after them", "%.1f MiB", loaded, "")
	return nil
}

// compare prints what should not depend on the number of people.
func compare(small, large *server) error {
	if err := large.start(); err != nil {
		return err
	}
	a, b, err := latencies(small, large)
	if err != nil {
		return err
	}
	for _, p := range []int{50, 99} {
		x, y := percentile(a, p), percentile(b, p)
		row(fmt.Sprintf("P12 sign-in without the hash, p%d, %d people", p, small.people), "%.2f ms", ms(x), "")
		row(fmt.Sprintf("    the same, %d people (%.2f times that)", large.people, ratio(y, x)), "%.2f ms", ms(y), "≤ 1.3 times, p99")
	}
	first, second, err := starts(small, large)
	if err != nil {
		return err
	}
	row(fmt.Sprintf("P10 start to first answer, %d people", small.people), "%.1f ms", ms(first), "≤ 60 ms")
	row(fmt.Sprintf("    the same, %d people (%.2f times that)", large.people, ratio(second, first)), "%.1f ms", ms(second), "≤ 1.2 times")
	return nil
}

// row prints a figure with its goal beside it.
func row(what, format string, figure float64, goal string) {
	fmt.Printf("%-62s %12s   %s\n", what, fmt.Sprintf(format, figure), goal)
}
