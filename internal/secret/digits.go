package secret

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"strings"
)

// Number returns n decimal digits, each number as likely as any other (MAIL-1).
func Number(random io.Reader, n int) (string, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	number, err := rand.Int(random, limit)
	if err != nil {
		return "", fmt.Errorf("secret: number: %w", err)
	}
	return fmt.Sprintf("%0*s", n, number), nil
}

// ParseDigits returns the digits in what a person typed. Spaces and hyphens,
// also those of a Japanese input method, are dropped and full-width digits
// folded (TOTP-6). ok is false if anything else is left, or nothing.
func ParseDigits(typed string) (digits string, ok bool) {
	digits = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(" \u3000-\uff0d\u30fc", r):
			return -1
		case '０' <= r && r <= '９':
			return r - '０' + '0'
		}
		return r
	}, typed)
	notDigit := func(r rune) bool { return r < '0' || '9' < r }
	return digits, digits != "" && !strings.ContainsFunc(digits, notDigit) //guard:TOTP-6
}
