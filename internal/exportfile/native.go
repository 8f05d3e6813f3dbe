package exportfile

import "io"

// Suffix is how the names of export files end.
const Suffix = ".warifu-authenticator.json"

// ReadExport opens an export under a passphrase. Nothing is derived from it
// before the file was found to be well-formed, supported and within the limits.
// The errors are [RefusedError], in this order: [BadFormat], [Unsupported],
// [OverLimits], [BadPassphrase]; then those of the plain text.
func ReadExport(file []byte, passphrase string) (Contents, error) {
	e, err := parseEnvelope(file)
	if err != nil {
		return Contents{}, err
	}
	if e.header.typ != typExport {
		return Contents{}, refusef(Unsupported, "the file is a vault, not an export")
	}
	key, err := e.header.kdf.derive(passphrase)
	if err != nil {
		return Contents{}, err
	}
	c, err := e.open(key)
	c.Local = nil
	return c, err
}

// WriteExport writes an export under a passphrase. What is local stays out.
func WriteExport(random io.Reader, c Contents, passphrase string) ([]byte, error) {
	kdf, err := NewArgon2id(random)
	if err != nil {
		return nil, err
	}
	return writeExport(random, c, passphrase, kdf)
}

func writeExport(random io.Reader, c Contents, passphrase string, kdf KDF) ([]byte, error) {
	plain, err := c.encode(false)
	if err != nil {
		return nil, err
	}
	key, err := kdf.derive(passphrase)
	if err != nil {
		return nil, err
	}
	return header{typ: typExport, kdf: kdf}.seal(random, key, plain)
}
