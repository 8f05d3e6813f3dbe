package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/crypto/argon2"
)

// floor returns the processor time of n password hashes and n ES256
// signatures, in this process.
func floor(n int) (time.Duration, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, err
	}
	before := ownCPU()
	for range n {
		argon2.IDKey([]byte(password), []byte("0123456789abcdef"), 2, 19*1024, 1, 32)
		digest := sha256.Sum256([]byte(password))
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
			return 0, err
		}
	}
	return ownCPU() - before, nil
}

// knownBrowsers returns browsers in which a person has signed in before, so
// that no mail of a new browser is in the figures.
func (s *server) knownBrowsers(n int) (all []*browser, err error) {
	for range n {
		b := s.newBrowser()
		if _, err := b.signIn(); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// waitForNextCode waits until every Authenticator shows another number.
func waitForNextCode() {
	const period = 30 * time.Second
	time.Sleep(time.Until(time.Now().Truncate(period).Add(period)))
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // cannot fail for oneself
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// measure prints the processor time of a complete sign-in beside its floor.
// The demonstration's service runs in the same process, so that its part of
// the work is in the figure, too.
func (s *server) measure() error {
	browsers, err := s.knownBrowsers(*each)
	if err != nil {
		return err
	}
	var floors, products []time.Duration
	discarded := 0
	for len(products) < *rounds && discarded < 4**rounds {
		waitForNextCode()
		before, err := floor(*each / 2)
		if err != nil {
			return err
		}
		turn := 0
		product, err := s.cost(*each, func() error {
			b := browsers[turn]
			turn++
			b.forget()
			_, err := b.signIn()
			return err
		})
		if err != nil {
			return err
		}
		after, err := floor(*each / 2)
		if err != nil {
			return err
		}
		if d := (before - after).Abs(); d > (before+after)/40 { // the two differ by more than 5 %
			discarded++
			continue
		}
		floors = append(floors, (before+after)/time.Duration(*each))
		products = append(products, product)
	}
	if len(products) == 0 {
		return fmt.Errorf("the machine is too restless: all rounds were discarded")
	}
	f, p := median(floors), median(products)
	fmt.Printf("%-52s %8.2f ms    floor %.2f ms (%d rounds, %d discarded)\n", "complete sign-in, CPU of server and demo service", ms(p), ms(f), len(products), discarded)
	fmt.Printf("%-52s %8.2f ms    goal 1.5\n", "P1 beyond hash and signature", ms(p-f))
	fmt.Printf("%-52s %8.3f       goal 1.06\n", "P2 ÷ (hash + signature)", ratio(p, f))
	return s.measurePages()
}

// cost returns the processor time that the server takes for one of n.
func (s *server) cost(n int, do func() error) (time.Duration, error) {
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	for range n {
		if err := do(); err != nil {
			return 0, err
		}
	}
	after, err := s.cpu()
	return (after - before) / time.Duration(n), err
}

// measurePages prints what needs no password.
func (s *server) measurePages() error {
	stranger := s.newBrowser()
	page, err := s.cost(4000, func() error {
		_, err := stranger.get(s.port, "/login")
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-52s %8.3f ms    goal 0.06\n", "P6 sign-in page", ms(page))
	known := s.newBrowser()
	if _, err := known.signIn(); err != nil {
		return err
	}
	again, err := s.cost(500, func() error {
		_, err := known.get(s.port+1, "/login")
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-52s %8.2f ms    %.0f requests/s and core (server and demo service)\n", "single sign-on to a service, code and token", ms(again), float64(time.Second)/float64(again))
	return nil
}
