package totp

import (
	"crypto/hmac"
	"encoding/binary"
	"hash"
)

// steamAlphabet has no characters that look alike; the order is Steam's.
const steamAlphabet = "23456789BCDFGHJKMNPQRTVWXY"

// HOTP returns the one-time password of a counter with any hash function and 5 to
// 10 digits (RFC 4226 §5.3, RFC 6238 §1.2). It is for the accounts of other
// systems, which `warifu totp` keeps; the server's own codes are those of [Code].
func HOTP(newHash func() hash.Hash, secret []byte, counter uint64, digits int) string {
	number := uint64(truncated(newHash, secret, counter))
	code := make([]byte, digits)
	for i := digits - 1; i >= 0; i-- {
		code[i] = '0' + byte(number%10)
		number /= 10
	}
	return string(code)
}

// Steam returns the five characters that Steam shows for a step of 30 s: the
// number of HOTP, written in an alphabet of 26, its last digit first.
func Steam(newHash func() hash.Hash, secret []byte, counter uint64) string {
	number := truncated(newHash, secret, counter)
	var code [5]byte
	for i := range code {
		code[i] = steamAlphabet[number%26]
		number /= 26
	}
	return string(code[:])
}

// truncated returns the 31 bits of RFC 4226 §5.3.
func truncated(newHash func() hash.Hash, secret []byte, counter uint64) uint32 {
	mac := hmac.New(newHash, secret)
	var text [8]byte
	binary.BigEndian.PutUint64(text[:], counter)
	mac.Write(text[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	return binary.BigEndian.Uint32(sum[offset:]) & 0x7fff_ffff
}
