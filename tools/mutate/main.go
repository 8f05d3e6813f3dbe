// Command mutate takes away each guard of the sources in turn (what ends
// in //guard:ID: a condition, a call, a demand, a statement) and runs the tests: at least one must fail (A62).
//
// Every test is built once, with a switch at each guard, and run once to see
// which guards it comes to: no other test can notice that one is missing. Of
// those, the tests beside the guard are run first, then test/abuse, then the
// rest; on SQLite, and for a guard that survives there on the PostgreSQL of
// TEST_POSTGRES_URL. The tree is not changed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

func main() {
	root := flag.String("root", "..", "folder of the module")
	only := flag.String("only", "", "only guards with one of these, separated by commas, in file:line or id")
	workers := flag.Int("workers", 2, "how many guards are tried at once")
	flag.Parse()
	survivors, err := run(*root, strings.Split(*only, ","), *workers)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
	for _, g := range survivors {
		fmt.Println("survives:", g)
	}
	if len(survivors) > 0 {
		os.Exit(1)
	}
}

// run returns the guards that no test misses.
func run(root string, only []string, workers int) (survivors []*guard, err error) {
	root, err = filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "warifu-mutate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	guards, overlay, err := instrument(root, work)
	if err != nil {
		return nil, err
	}
	s, err := newSuite(root, work, overlay)
	if err != nil {
		return nil, err
	}
	for _, g := range guards {
		if g.named(only) {
			survivors = append(survivors, g)
		}
	}
	for _, e := range s.engines {
		if survivors, err = s.tryAll(survivors, e, workers); err != nil {
			return nil, err
		}
	}
	return survivors, nil
}

// tryAll returns the guards that no test on an engine misses.
func (s *suite) tryAll(guards []*guard, e engine, workers int) (survivors []*guard, err error) {
	queue := make(chan *guard)
	var wg sync.WaitGroup
	var mu sync.Mutex // of survivors, err and what is printed
	for range workers {
		wg.Go(func() {
			for g := range queue {
				begun := time.Now()
				killer, failed := s.try(g, e)
				took := time.Since(begun).Seconds()
				mu.Lock()
				switch {
				case failed != nil:
					err = errors.Join(err, fmt.Errorf("%s: %w", g, failed))
				case killer == "":
					survivors = append(survivors, g)
					fmt.Printf("%5.1fs %s: not missed on %s\n", took, g, e)
				default:
					fmt.Printf("%5.1fs %s: missed by %s\n", took, g, killer)
				}
				mu.Unlock()
			}
		})
	}
	for _, g := range guards {
		queue <- g
	}
	close(queue)
	wg.Wait()
	return survivors, err
}
