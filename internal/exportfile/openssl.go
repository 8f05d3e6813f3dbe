package exportfile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" //nolint:gosec // G501: what OpenSSL derived its keys with, to read what others have written
	"encoding/base64"
	"slices"
	"strings"
)

// saltedMark begins what `openssl enc` writes.
const saltedMark = "Salted__"

// openOpenSSL decrypts what `openssl enc -aes-256-cbc -md md5 -a` wrote: Base64 of
// a mark, a salt of 8 bytes and AES-256-CBC, key and iv by EVP_BytesToKey with one
// round of MD5. There is no MAC: a wrong passphrase mostly shows as
// [BadPassphrase] because of the padding, and else as text that makes no sense.
func openOpenSSL(text, passphrase string) ([]byte, error) {
	sealed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(sealed) < 16+aes.BlockSize || !bytes.HasPrefix(sealed, []byte(saltedMark)) || len(sealed)%aes.BlockSize != 0 {
		return nil, refuse(BadFormat)
	}
	key := bytesToKey([]byte(passphrase), sealed[len(saltedMark):16])
	block, err := aes.NewCipher(key[:keySize])
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(sealed)-16)
	cipher.NewCBCDecrypter(block, key[keySize:]).CryptBlocks(plain, sealed[16:])
	return removePadding(plain)
}

// bytesToKey returns key and iv, 48 bytes.
func bytesToKey(passphrase, salt []byte) []byte {
	var derived, last []byte
	for len(derived) < keySize+aes.BlockSize {
		sum := md5.Sum(slices.Concat(last, passphrase, salt)) //nolint:gosec // G401: as above
		last = sum[:]
		derived = append(derived, last...)
	}
	return derived
}

// removePadding removes that of PKCS #7 (RFC 5652 §6.3).
func removePadding(plain []byte) ([]byte, error) {
	n := int(plain[len(plain)-1])
	if n < 1 || aes.BlockSize < n || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, refuse(BadPassphrase)
	}
	return plain[:len(plain)-n], nil
}
