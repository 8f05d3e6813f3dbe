// Command bench prints the numbers of docs/operations/performance.md: it
// starts the demonstration as a process of its own and compares the CPU time
// that the server takes for a piece of work with that of the password hash and
// the signature alone, taken in between in the same run.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

var (
	rounds  = flag.Int("rounds", 5, "rounds of floor and product")
	each    = flag.Int("each", 40, "sign-ins in a round")
	crowd   = flag.Int("people", 100_000, "people of the large directory")
	signins = flag.Int("signins", 2000, "sign-ins before the memory is read again")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
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
	small, err := start(program, filepath.Join(dir, "small"), 1000)
	if err != nil {
		return err
	}
	defer small.stop()
	idle, err := small.memory()
	if err != nil {
		return err
	}
	if err := small.measure(); err != nil {
		return err
	}
	fmt.Printf("%-52s %8.1f MiB   goal 30\n", "P7 resident memory, idle", idle)
	if err := small.load(*signins); err != nil {
		return err
	}
	loaded, err := small.memory()
	if err != nil {
		return err
	}
	fmt.Printf("%-52s %8.1f MiB   goal 110\n", fmt.Sprintf("P7 resident memory after %d sign-ins", *signins), loaded)
	return compareDirectories(program, dir, small)
}

// compareDirectories sets the time of a sign-in without its hash, and of a
// start, with few people beside that with many.
func compareDirectories(program, dir string, small *server) error {
	large, err := start(program, filepath.Join(dir, "large"), *crowd)
	if err != nil {
		return err
	}
	few, many, err := latencies(small, large)
	large.stop()
	if err != nil {
		return err
	}
	fmt.Printf("%-52s %8.2f ms    at %d people: %.2f ms (%.2f ×, goal 1.3)\n", "P12 TOTP step to token, p99, 1000 people",
		ms(percentile(few, 99)), *crowd, ms(percentile(many, 99)), ratio(percentile(many, 99), percentile(few, 99)))
	small.stop()
	first, err := restart(program, filepath.Join(dir, "small"))
	if err != nil {
		return err
	}
	second, err := restart(program, filepath.Join(dir, "large"))
	if err != nil {
		return err
	}
	fmt.Printf("%-52s %8.1f ms    at %d people: %.1f ms (goal 60 ms, 1.2 ×)\n", "P10 start to first answer, 1000 people",
		ms(first), *crowd, ms(second))
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func percentile(all []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

func median(all []time.Duration) time.Duration { return percentile(all, 50) }
