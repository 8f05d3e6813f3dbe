package exportfile

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20"
	//lint:ignore SA1019 libsodium's stream pads in a way of its own, which no AEAD has
	"golang.org/x/crypto/poly1305"
)

// The limits of what an export of ente asks for: it takes 1 GiB where it can.
const (
	minEnteMemory = 8 << 20 // bytes
	maxEnteMemory = 1 << 30 // bytes
	maxEntePasses = 16
)

// enteHeader is the size of the header of libsodium's stream, in bytes.
const enteHeader = 24

// readEnte reads the encrypted export of ente Auth, in which otpauth lines are.
func readEnte(file Members, passphrase passphraseFunc) (Import, error) {
	params, isObject := file.object("kdfParams")
	memory, isMemory := params.integer("memLimit")
	passes, isPasses := params.integer("opsLimit")
	salt, errSalt := base64.StdEncoding.DecodeString(params.looseText("salt"))
	sealed, errSealed := base64.StdEncoding.DecodeString(file.looseText("encryptedData"))
	header, errHeader := base64.StdEncoding.DecodeString(file.looseText("encryptionNonce"))
	if !isObject || !isMemory || !isPasses || errSalt != nil || errSealed != nil || errHeader != nil || len(header) != enteHeader {
		return Import{}, refuse(BadFormat)
	}
	if memory < minEnteMemory || maxEnteMemory < memory || passes < 1 || maxEntePasses < passes || len(salt) != saltSize { //guard:EXP-1
		return Import{}, refuse(OverLimits)
	}
	typed, err := passphrase(Ente)
	if err != nil {
		return Import{}, err
	}
	key := argon2.IDKey([]byte(typed), salt, uint32(passes), uint32(memory>>10), 1, keySize)
	plain, err := openSecretStream(key, header, sealed)
	if err != nil {
		return Import{}, err
	}
	i, err := readText(string(plain))
	i.Kind = Ente
	return i, err
}

// openSecretStream decrypts the first and only message of a stream that libsodium
// wrote (crypto_secretstream_xchacha20poly1305): one encrypted byte with the tag of
// the message, the ciphertext, and a MAC of 16 bytes. What is wrong is
// [BadPassphrase].
func openSecretStream(key, header, sealed []byte) ([]byte, error) {
	if len(sealed) < 1+tagSize {
		return nil, refuse(BadFormat)
	}
	subkey, err := chacha20.HChaCha20(key, header[:16])
	if err != nil {
		return nil, err
	}
	nonce := append([]byte{1, 0, 0, 0}, header[16:]...)
	stream, err := chacha20.NewUnauthenticatedCipher(subkey, nonce)
	if err != nil {
		return nil, err
	}
	var macKey [32]byte
	var block [64]byte
	stream.XORKeyStream(macKey[:], macKey[:])
	stream.SetCounter(1)
	stream.XORKeyStream(block[:], block[:])
	block[0] = sealed[0]
	ciphertext, mac := sealed[1:len(sealed)-tagSize], sealed[len(sealed)-tagSize:]
	if subtle.ConstantTimeCompare(streamMAC(&macKey, block[:], ciphertext), mac) != 1 { //guard:EXP-2
		return nil, refuse(BadPassphrase)
	}
	plain := make([]byte, len(ciphertext))
	stream.SetCounter(2)
	stream.XORKeyStream(plain, ciphertext)
	return plain, nil
}

// streamMAC is over the block that begins with the tag, and the ciphertext. The
// padding is as long as the ciphertext is longer than a multiple of 16.
func streamMAC(key *[32]byte, block, ciphertext []byte) []byte {
	h := poly1305.New(key)
	var sizes [16]byte
	binary.LittleEndian.PutUint64(sizes[8:], uint64(len(block)+len(ciphertext)))
	for _, part := range [][]byte{block, ciphertext, make([]byte, len(ciphertext)%16), sizes[:]} {
		_, _ = h.Write(part) // never fails
	}
	return h.Sum(nil)
}
