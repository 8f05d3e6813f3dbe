package totp

import (
	"encoding/base32"
	"fmt"
	"strings"
)

// URI returns the otpauth URI that an Authenticator scans:
//
//	otpauth://totp/ISSUER:ACCOUNT?secret=BASE32&issuer=ISSUER&algorithm=SHA1&digits=6&period=30
//
// There is no standard; this is what the known applications agree upon. All but
// RFC 3986 §2.3's unreserved characters are percent-encoded, so that the result
// is ASCII. In the issuer before the account a colon becomes a space, because
// readers split there.
func URI(issuer, account string, secret []byte) string {
	var b strings.Builder
	b.WriteString("otpauth://totp/")
	if issuer != "" || strings.Contains(account, ":") {
		b.WriteString(escape(strings.ReplaceAll(issuer, ":", " ")) + ":")
	}
	b.WriteString(escape(account) + "?secret=" + Key(secret))
	if issuer != "" {
		b.WriteString("&issuer=" + escape(issuer))
	}
	fmt.Fprintf(&b, "&algorithm=SHA1&digits=%d&period=%d", Digits, int(Period.Seconds()))
	return b.String()
}

// Key returns the secret as a person types it in: Base32 without padding
// (RFC 4648 §6).
func Key(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// escape percent-encodes all but RFC 3986's unreserved characters. That of
// net/url leaves some of them alone, or writes a space as a plus.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
