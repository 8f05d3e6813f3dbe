package exportfile

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"io"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 4 << 20

// The kinds of our own files.
const (
	typExport = "warifu-authenticator-export"
	typVault  = "warifu-authenticator-vault"
)

const (
	cipherName = "A256GCM"
	ivSize     = 12 // bytes
	tagSize    = 16 // bytes
	maxSlots   = 8  // so that a wrong passphrase is refused in bounded time
)

// envelope is one of our own files, taken apart: nothing of it has been derived
// or decrypted, and nothing but its form is believed.
type envelope struct {
	protected  string // as it stands in the file: its ASCII bytes are authenticated
	ciphertext []byte
	header     header
}

// header is the header of an export, which has a kdf, or of a vault, which has
// slots.
type header struct {
	typ    string
	v      int64
	kdf    KDF
	slots  []slot
	cipher string
	iv     []byte
}

// parseEnvelope takes a file apart. What is wrong with its form is found before
// what is not supported, and that before what is out of its limits.
func parseEnvelope(file []byte) (e envelope, err error) {
	if len(file) > MaxSize {
		return e, refusef(OverLimits, "the file is larger than 4 MiB")
	}
	outer, err := decodeObject(file)
	if err != nil || !outer.has("protected", "ciphertext") {
		return e, refuse(BadFormat)
	}
	var isText, isBytes bool
	e.protected, isText = outer.text("protected")
	e.ciphertext, isBytes = outer.base64url("ciphertext")
	text, isHeader := decodeBase64URL(e.protected)
	if !isText || !isBytes || !isHeader || len(e.ciphertext) < tagSize {
		return e, refuse(BadFormat)
	}
	members, err := decodeObject(text)
	if err != nil || !e.header.parse(members) {
		return e, refuse(BadFormat)
	}
	if !e.header.supported() {
		return e, refuse(Unsupported)
	}
	if !e.header.withinLimits() {
		return e, refuse(OverLimits)
	}
	return e, nil
}

// parse reads the members, and reports whether they are all there, of the right
// kinds, and no others.
func (h *header) parse(m Members) bool {
	var typ, v, way, enc, name, iv bool
	h.typ, typ = m.text("typ")
	h.v, v = m.integer("v")
	member := "kdf"
	if _, slots := m["slots"]; h.typ == typVault || slots && h.typ != typExport {
		member = "slots"
		h.slots, way = parseSlots(m)
	} else if kdf, isObject := m.object("kdf"); isObject {
		h.kdf, way = parseKDF(kdf)
	}
	inner, enc := m.object("enc")
	h.cipher, name = inner.text("alg")
	h.iv, iv = inner.base64url("iv")
	return typ && v && way && enc && name && iv && m.has("typ", "v", member, "enc") && inner.has("alg", "iv")
}

func (h *header) supported() bool {
	for _, s := range h.slots {
		if s.key == nil && !s.kdf.supported() {
			return false
		}
	}
	return h.v == version && h.cipher == cipherName && (h.typ == typVault || h.typ == typExport && h.kdf.supported())
}

func (h *header) withinLimits() bool {
	if len(h.slots) > maxSlots || len(h.iv) != ivSize || h.typ == typExport && !h.kdf.withinLimits() { //guard:EXP-1
		return false
	}
	for _, s := range h.slots {
		if s.key != nil && len(s.key) != keySize || s.key == nil && (len(s.iv) != ivSize || !s.kdf.withinLimits()) { //guard:EXP-1
			return false
		}
	}
	return true
}

// encode writes the header as the text that is authenticated.
func (h *header) encode() (string, error) {
	way := field{"kdf", nil}
	var err error
	if h.typ == typVault {
		way.name = "slots"
		way.value, err = encodeAll(h.slots, slot.encode)
	} else {
		way.value, err = encodeObject(h.kdf.encode(), nil)
	}
	if err != nil {
		return "", err
	}
	enc, err := encodeObject([]field{{"alg", cipherName}, {"iv", base64.RawURLEncoding.EncodeToString(h.iv)}}, nil)
	if err != nil {
		return "", err
	}
	text, err := encodeObject([]field{{"typ", h.typ}, {"v", version}, way, {"enc", enc}}, nil)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// seal writes a file: the header with a fresh iv, and the plain text under the
// key.
func (h header) seal(random io.Reader, key, plain []byte) ([]byte, error) {
	var err error
	if h.iv, err = draw(random, ivSize); err != nil {
		return nil, err
	}
	protected, err := h.encode()
	if err != nil {
		return nil, err
	}
	ciphertext, err := sealGCM(key, h.iv, plain, []byte(protected))
	if err != nil {
		return nil, err
	}
	file, err := encodeObject([]field{{"protected", protected}, {"ciphertext", base64.RawURLEncoding.EncodeToString(ciphertext)}}, nil)
	if err == nil && len(file) > MaxSize {
		return nil, refusef(OverLimits, "there are too many accounts: the file would be larger than 4 MiB")
	}
	return file, err
}

// open returns what a file holds. The errors are [BadPassphrase], and those of
// the plain text.
func (e envelope) open(key []byte) (Contents, error) {
	plain, err := openGCM(key, e.header.iv, e.ciphertext, []byte(e.protected))
	if err != nil {
		return Contents{}, err
	}
	return parseContents(plain)
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func sealGCM(key, iv, plain, additional []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nil, iv, plain, additional), nil
}

// openGCM verifies and decrypts. Whatever is wrong is [BadPassphrase].
func openGCM(key, iv, sealed, additional []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil || len(iv) != gcm.NonceSize() {
		return nil, refuse(BadPassphrase)
	}
	plain, err := gcm.Open(nil, iv, sealed, additional)
	if err != nil { //guard:EXP-2
		return nil, refuse(BadPassphrase)
	}
	return plain, nil
}
