package e2e

import (
	"crypto/sha1"
	"encoding/base32"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// seeded returns the n-th made-up person, whose secret the demonstration
// promises (decisions.md §2.1).
func seeded(n int) person {
	id := fmt.Sprintf("seed%07d", n)
	sum := sha1.Sum([]byte("warifu-demo:" + id))
	return person{id: id, secret: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])}
}

// code returns what the person's Authenticator shows at a time, by oathtool,
// which knows nothing of this project.
func (p person) code(t *testing.T, at time.Time) string {
	t.Helper()
	out, err := exec.Command("oathtool", "--totp", "-b", "--now", at.UTC().Format("2006-01-02 15:04:05 UTC"), p.secret).Output()
	if err != nil {
		t.Fatalf("oathtool: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// wrongCode returns six digits that no clock near now shows.
func (p person) wrongCode(t *testing.T) string {
	t.Helper()
	near := make(map[string]bool)
	for step := -11; step <= 11; step++ {
		near[p.code(t, time.Now().Add(time.Duration(step)*30*time.Second))] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}
