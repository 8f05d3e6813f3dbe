package stage

import (
	"crypto/sha1"
	"encoding/base32"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Password is everybody's in the demonstration.
const Password = "warifu-demo-2026"

// Person is one of the demonstration's people.
type Person struct {
	ID     string
	Secret string // of the Authenticator, base32; empty if none
}

// Seeded returns the n-th made-up person, whose secret the demonstration
// promises (decisions.md §2.1).
func Seeded(n int) Person {
	id := fmt.Sprintf("seed%07d", n)
	sum := sha1.Sum([]byte("warifu-demo:" + id))
	return Person{ID: id, Secret: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])}
}

// Code returns what the person's Authenticator shows at a time, by oathtool,
// which knows nothing of this project.
func (p Person) Code(t testing.TB, at time.Time) string {
	t.Helper()
	out, err := exec.Command("oathtool", "--totp", "-b", "--now", at.UTC().Format("2006-01-02 15:04:05 UTC"), p.Secret).Output()
	if err != nil {
		t.Fatalf("oathtool: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// WrongCode returns six digits that no clock near now shows.
func (p Person) WrongCode(t testing.TB) string {
	t.Helper()
	near := make(map[string]bool)
	for step := -11; step <= 11; step++ {
		near[p.Code(t, time.Now().Add(time.Duration(step)*30*time.Second))] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}
