package totp

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // TOTP-1: what authenticators support; HMAC does not need collision resistance
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"warifu/internal/secret"
)

// The parameters of every code (TOTP-1), and how far the clocks may be apart.
const (
	SecretSize = 20 // bytes: the size of the hash (RFC 4226 §4, R6)
	Digits     = 6
	Period     = 30 * time.Second

	// Window is how many steps before and after the present one are accepted
	// (TOTP-3, RFC 6238 §5.2).
	Window = 1

	// DriftWindow is how many steps [Drift] looks at, either way.
	DriftWindow = 10
)

// NewSecret returns a secret of [SecretSize] bytes. Randomness that ends or
// fails is an error.
func NewSecret(random io.Reader) ([]byte, error) {
	key := make([]byte, SecretSize)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, fmt.Errorf("totp: secret: %w", err)
	}
	return key, nil
}

// Step returns the time step that t lies in: the number of whole periods since
// 1970 (RFC 6238 §4.2). It rises by one every 30 s, also before 1970.
func Step(t time.Time) int64 {
	seconds, period := t.Unix(), int64(Period/time.Second)
	step := seconds / period
	if seconds%period < 0 {
		step--
	}
	return step
}

// UntilNext returns how long the step that now lies in still lasts: more than 0,
// and at most [Period]. It is for "wait for the next one" (TOTP-5).
func UntilNext(now time.Time) time.Duration {
	return time.Unix((Step(now)+1)*int64(Period/time.Second), 0).Sub(now)
}

// Code returns the six digits of a step (RFC 4226 §5.3 with the step as counter).
func Code(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step)) //nolint:gosec // G115: the same 64 bits
	mac.Write(counter[:])
	var buffer [sha1.Size]byte
	sum := mac.Sum(buffer[:0])

	offset := sum[len(sum)-1] & 0xf
	number := binary.BigEndian.Uint32(sum[offset:]) & 0x7fff_ffff % 1_000_000
	code := [Digits]byte{}
	for i := Digits - 1; i >= 0; i-- {
		code[i] = '0' + byte(number%10)
		number /= 10
	}
	return string(code[:])
}

// Parse returns the code in what a person typed. Spaces and hyphens, also those
// of a Japanese input method, are dropped and full-width digits folded; ok is
// false unless exactly [Digits] digits are left, and nothing is counted as an
// attempt then (TOTP-6).
func Parse(typed string) (code string, ok bool) {
	code, ok = secret.ParseDigits(typed)
	if !ok || len(code) != Digits { //guard:TOTP-6
		return "", false
	}
	return code, true
}

// Match looks for the code among the steps from one before now to one after it,
// in the same time wherever it is (TOTP-3, TOTP-6). The code must come from
// [Parse].
//
// If the code is that of several steps, as one in some hundred thousand is,
// Match returns the newest. The caller accepts a step that is greater than the
// last one used, and keeps it: so all steps that the six digits stand for at
// this moment are used up together. With an older step, the same digits would be
// accepted a second time, for the newer one.
func Match(secret []byte, code string, now time.Time) (step int64, ok bool) {
	present := Step(now)
	found, matched := 0, 0
	for d := -Window; d <= Window; d++ {
		equal := subtle.ConstantTimeCompare([]byte(Code(secret, present+int64(d))), []byte(code))
		found = subtle.ConstantTimeSelect(equal, d+Window, found)
		matched |= equal
	}
	if matched != 1 { //guard:TOTP-3
		return 0, false
	}
	return present + int64(found-Window), true
}

// Drift tells how far the clock of the person's device is off: by how many steps
// it is ahead of now, or behind if negative, when it shows the code. It looks at
// 2 to [DriftWindow] steps either way, nearest first. Its result is for a hint to
// the person and is never a reason to accept the code.
func Drift(secret []byte, code string, now time.Time) (steps int, ok bool) {
	present := Step(now)
	found, matched := 0, 0
	for n := DriftWindow; n > Window; n-- {
		for _, d := range [...]int{-n, n} {
			equal := subtle.ConstantTimeCompare([]byte(Code(secret, present+int64(d))), []byte(code))
			found = subtle.ConstantTimeSelect(equal, d+DriftWindow, found)
			matched |= equal
		}
	}
	if matched != 1 {
		return 0, false
	}
	return found - DriftWindow, true
}

// SelfTest computes known answers, those of RFC 6238 Appendix B. A server whose
// test fails must not start (TOTP-14).
func SelfTest() error {
	secret := []byte("12345678901234567890")
	for seconds, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		at := time.Unix(seconds, 0)
		if got := Code(secret, Step(at)); got != want {
			return fmt.Errorf("totp: self test at %d: %s, want %s", seconds, got, want)
		}
		if step, ok := Match(secret, want, at); !ok || step != Step(at) {
			return errors.New("totp: self test: a right code is refused")
		}
		if _, ok := Match(secret, want, at.Add((Window+1)*Period)); ok {
			return errors.New("totp: self test: a code outside of the window is accepted")
		}
	}
	return nil
}
