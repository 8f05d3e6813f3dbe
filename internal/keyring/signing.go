package keyring

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"warifu/internal/secret"
)

// The algorithms of signing keys of tokens (RFC 7518 §3.1).
const (
	ES256 = string(jose.ES256)
	RS256 = string(jose.RS256)
)

// SAML is the kind of the keys that sign SAML messages: RSA with SHA-256. Services
// have their certificates in metadata that people may carry, so that they are
// rotated by command alone, and no token is ever signed by them.
const SAML = "SAML"

// SigningState is where a signing key stands: it is published before it signs,
// so that a service which keeps our keys for a day knows it in time, and stays
// published until the last token that it signed has died.
type SigningState string

// The states, in the order in which a key goes through them. Each algorithm has
// at most one key that is next, and one that is active.
const (
	Next    SigningState = "next"
	Active  SigningState = "active"
	Retired SigningState = "retired"
)

const (
	publishedBefore = 24 * time.Hour      // a key signs at the earliest
	signsFor        = 90 * 24 * time.Hour // then the next one takes its place
	publishedAfter  = 70 * time.Minute    // the longest life of a token, and one hour
	signingRefresh  = 30 * time.Second    // after which another node's rotation is seen
	rsaBits         = 2048
	longLivedBits   = 3072 // NIST SP 800-57 part 1 §5.6.1: good beyond 2030
)

var (
	// ErrNoSigningKey means that no key of the algorithm signs, or that none
	// with the id is published.
	ErrNoSigningKey = errors.New("keyring: no such signing key")

	// ErrTooEarly means that the next key has not been published for long
	// enough: services that keep our keys might not know it.
	ErrTooEarly = errors.New("keyring: the next signing key has not been published for 24 hours")

	// ErrNotSigned means that a text is not a token that one of our keys signed.
	ErrNotSigned = errors.New("keyring: not signed by us")
)

// SigningKey is a key that signs tokens. What signs is sealed.
type SigningKey struct {
	KID         string // RFC 7638 thumbprint: never the same for two keys
	Algorithm   string
	State       SigningState
	Private     []byte // PKCS #8, sealed
	Certificate string // base64 of the DER, if the key was brought along with one
	CreatedAt   time.Time
	ActivatedAt time.Time
	RetiredAt   time.Time
}

func (k SigningKey) place() secret.Place {
	return secret.Place{Table: "signing_key", Column: "private", Row: k.KID}
}

// published reports whether services are to know the key.
func (k SigningKey) published(now time.Time) bool {
	return k.State != Retired || now.Before(k.RetiredAt.Add(publishedAfter))
}

// SigningReader reads the signing keys.
type SigningReader interface {
	SigningKeys(ctx context.Context) ([]SigningKey, error)
}

// SigningTx changes the signing keys.
type SigningTx interface {
	SigningReader

	// CreateSigningKey stores a key unless there is one of its algorithm in its
	// state; it reports whether it did.
	CreateSigningKey(ctx context.Context, k SigningKey) (created bool, err error)

	// AdvanceSigningKey takes a key from one state to the next. It reports false
	// if the key was not in that state: another node was faster.
	AdvanceSigningKey(ctx context.Context, kid string, from, to SigningState, at time.Time) (advanced bool, err error)

	// ReplaceSigningKey stores another sealed form of a key in place of the old
	// one, unless that is no longer there.
	ReplaceSigningKey(ctx context.Context, kid string, old, sealed []byte) (replaced bool, err error)

	DeleteSigningKey(ctx context.Context, kid string) error

	// RecordSigningKey puts an event about a key into the audit trail.
	RecordSigningKey(ctx context.Context, event, kid, actor string, at time.Time) error
}

// Signing signs tokens and verifies our own. The keys are kept in memory and
// read anew every half minute, so that a rotation on another node is seen.
type Signing struct {
	InTx   func(context.Context, func(SigningTx) error) error
	View   func(context.Context, func(SigningReader) error) error
	Box    *secret.Box
	Random io.Reader
	Now    func() time.Time

	mu     sync.Mutex
	loaded *signingSet
}

// signingSet is what was read at one time.
type signingSet struct {
	at     time.Time
	active map[string]jose.JSONWebKey // private keys, by algorithm
	public jose.JSONWebKeySet         // of tokens
	long   []LongLived
}

// LongLived is a key of the kind [SAML].
type LongLived struct {
	KID       string
	State     SigningState // active, or next, which is published and does not sign yet
	Signer    crypto.Signer
	CreatedAt time.Time
	// Certificate is the one that the key was brought along with, in DER; nil if it
	// was made here.
	Certificate []byte
}

// LongLived returns the keys of the kind [SAML] that services are to know: the
// one that signs, and then the next one.
func (s *Signing) LongLived(ctx context.Context) ([]LongLived, error) {
	set, err := s.set(ctx)
	if err != nil {
		return nil, err
	}
	if len(set.long) == 0 || set.long[0].State != Active {
		return nil, fmt.Errorf("%w: %s", ErrNoSigningKey, SAML)
	}
	return set.long, nil
}

// Sign returns the payload signed by the active key of the algorithm, in the
// compact form. The type goes into the header "typ", so that a token of one
// kind cannot pass for another.
func (s *Signing) Sign(ctx context.Context, algorithm, typ string, payload []byte) (string, error) {
	set, err := s.set(ctx)
	if err != nil {
		return "", err
	}
	key, ok := set.active[algorithm]
	if !ok {
		return "", fmt.Errorf("%w: %s", ErrNoSigningKey, algorithm)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: key},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", fmt.Errorf("keyring: sign: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("keyring: sign: %w", err)
	}
	return signed.CompactSerialize()
}

// Verify returns the payload of a token of this type that one of our published
// keys has signed. The key is chosen by its id among ours alone: what the token
// says of keys elsewhere (jku, jwk, x5u) is not read.
func (s *Signing) Verify(ctx context.Context, typ, token string) ([]byte, error) {
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSigned, err)
	}
	header := parsed.Signatures[0].Protected
	set, err := s.set(ctx)
	if err != nil {
		return nil, err
	}
	found := slices.IndexFunc(set.public.Keys, func(k jose.JSONWebKey) bool {
		return k.KeyID == header.KeyID && k.Algorithm == header.Algorithm
	})
	if found < 0 || header.ExtraHeaders[jose.HeaderType] != typ { //guard:A51
		return nil, ErrNotSigned
	}
	payload, err := parsed.Verify(set.public.Keys[found].Key)
	if err != nil { //guard:A51
		return nil, fmt.Errorf("%w: %w", ErrNotSigned, err)
	}
	return payload, nil
}

// Published returns the public keys that services are to know.
func (s *Signing) Published(ctx context.Context) (jose.JSONWebKeySet, error) {
	set, err := s.set(ctx)
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	return set.public, nil
}

// List returns all keys, sealed, the newest first.
func (s *Signing) List(ctx context.Context) (keys []SigningKey, err error) {
	err = s.View(ctx, func(tx SigningReader) error {
		keys, err = tx.SigningKeys(ctx)
		return err
	})
	return keys, err
}

// Ensure makes an active key for each algorithm that has none. Several nodes
// may do so at once: one of them wins.
func (s *Signing) Ensure(ctx context.Context, algorithms ...string) error {
	set, err := s.set(ctx)
	if err != nil {
		return err
	}
	for _, algorithm := range algorithms {
		if _, ok := set.active[algorithm]; ok || algorithm == SAML && len(set.long) > 0 {
			continue
		}
		if err := s.create(ctx, algorithm, Active); err != nil {
			return err
		}
	}
	return s.reload(ctx)
}

// Maintain publishes a next key where there is none, rotates the keys of tokens
// that have signed for 90 days, and forgets those that no token needs any more. A
// background service calls it every hour.
func (s *Signing) Maintain(ctx context.Context) error {
	keys, err := s.List(ctx)
	if err != nil {
		return err
	}
	now := s.Now()
	for _, k := range keys {
		switch {
		case k.State == Active && !s.has(keys, k.Algorithm, Next):
			err = s.create(ctx, k.Algorithm, Next)
		case k.State == Active && k.Algorithm != SAML && !now.Before(k.ActivatedAt.Add(signsFor)):
			if err = s.Rotate(ctx, k.Algorithm, ""); errors.Is(err, ErrTooEarly) || errors.Is(err, ErrNoSigningKey) {
				err = nil // at a later call, or another node does it
			}
		case !k.published(now):
			err = s.InTx(ctx, func(tx SigningTx) error { return tx.DeleteSigningKey(ctx, k.KID) })
		}
		if err != nil {
			return err
		}
	}
	return s.reload(ctx)
}

// Rotate makes the next key of the algorithm sign, retires the one that did,
// and publishes a new next key. The actor is a subscriber's id, "command", or
// empty for the server itself.
func (s *Signing) Rotate(ctx context.Context, algorithm, actor string) error {
	now := s.Now()
	err := s.InTx(ctx, func(tx SigningTx) error {
		keys, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if k.Algorithm == algorithm && k.State == Next && now.Before(k.CreatedAt.Add(publishedBefore)) {
				return ErrTooEarly
			}
		}
		if !s.has(keys, algorithm, Next) {
			return fmt.Errorf("%w: next of %s", ErrNoSigningKey, algorithm)
		}
		return s.promote(ctx, tx, keys, algorithm, actor)
	})
	if err != nil {
		return err
	}
	if err := s.create(ctx, algorithm, Next); err != nil {
		return err
	}
	return s.reload(ctx)
}

// promote retires the active key before the next one takes its place: there is
// never more than one of a state.
func (s *Signing) promote(ctx context.Context, tx SigningTx, keys []SigningKey, algorithm, actor string) error {
	for _, step := range []struct{ from, to SigningState }{{Active, Retired}, {Next, Active}} {
		for _, k := range keys {
			if k.Algorithm != algorithm || k.State != step.from {
				continue
			}
			if advanced, err := tx.AdvanceSigningKey(ctx, k.KID, step.from, step.to, s.Now()); err != nil || !advanced {
				return err // another node is doing the same
			}
			if err := tx.RecordSigningKey(ctx, "signing key "+string(step.to), k.KID, actor, s.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Signing) has(keys []SigningKey, algorithm string, state SigningState) bool {
	return slices.ContainsFunc(keys, func(k SigningKey) bool { return k.Algorithm == algorithm && k.State == state })
}

// create stores a new key of the algorithm, unless there is one in that state.
func (s *Signing) create(ctx context.Context, algorithm string, state SigningState) error {
	private, err := s.generate(algorithm)
	if err != nil {
		return err
	}
	k, err := s.seal(private, algorithm, state)
	if err != nil {
		return err
	}
	return s.InTx(ctx, func(tx SigningTx) error {
		created, err := tx.CreateSigningKey(ctx, k)
		if err != nil || !created {
			return err
		}
		return tx.RecordSigningKey(ctx, "signing key "+string(state), k.KID, "", k.CreatedAt)
	})
}

// seal makes the row of a key.
func (s *Signing) seal(private crypto.Signer, algorithm string, state SigningState) (k SigningKey, err error) {
	k = SigningKey{Algorithm: algorithm, State: state, CreatedAt: s.Now()}
	if state == Active {
		k.ActivatedAt = k.CreatedAt
	}
	if k.KID, err = thumbprint(private.Public()); err != nil {
		return k, err
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return k, fmt.Errorf("keyring: signing key: %w", err)
	}
	k.Private = s.Box.Seal(k.place(), plain)
	return k, nil
}

func (s *Signing) generate(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), s.Random)
	case RS256:
		return rsa.GenerateKey(s.Random, rsaBits)
	case SAML:
		return rsa.GenerateKey(s.Random, longLivedBits)
	default:
		return nil, fmt.Errorf("keyring: unknown algorithm %q", algorithm)
	}
}

// thumbprint returns the id of a key: the same kid with another key would fail
// at services that keep our keys by kid.
func thumbprint(public crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("keyring: thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// set returns the keys, read at most half a minute ago.
func (s *Signing) set(ctx context.Context) (*signingSet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if s.loaded != nil && now.Before(s.loaded.at.Add(signingRefresh)) {
		return s.loaded, nil
	}
	return s.load(ctx, now)
}

func (s *Signing) reload(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.load(ctx, s.Now())
	return err
}

// load reads the keys. The caller holds the lock.
func (s *Signing) load(ctx context.Context, now time.Time) (*signingSet, error) {
	keys, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	set := &signingSet{at: now, active: make(map[string]jose.JSONWebKey)}
	for _, k := range keys {
		if !k.published(now) {
			continue
		}
		private, err := s.open(k)
		if err != nil {
			return nil, err
		}
		if k.Algorithm == SAML {
			if err := set.addLongLived(k, private); err != nil {
				return nil, err
			}
			continue
		}
		if k.State == Active {
			set.active[k.Algorithm] = jose.JSONWebKey{Key: private, KeyID: k.KID}
		}
		set.public.Keys = append(set.public.Keys,
			jose.JSONWebKey{Key: private.Public(), KeyID: k.KID, Algorithm: k.Algorithm, Use: "sig"})
	}
	s.loaded = set
	return set, nil
}

func (set *signingSet) addLongLived(k SigningKey, private crypto.Signer) error {
	key := LongLived{KID: k.KID, State: k.State, Signer: private, CreatedAt: k.CreatedAt}
	if k.Certificate != "" {
		var err error
		if key.Certificate, err = base64.StdEncoding.DecodeString(k.Certificate); err != nil {
			return fmt.Errorf("keyring: certificate of %s: %w", k.KID, err)
		}
	}
	switch k.State {
	case Active:
		set.long = append([]LongLived{key}, set.long...)
	case Next:
		set.long = append(set.long, key)
	}
	return nil
}

func (s *Signing) open(k SigningKey) (crypto.Signer, error) {
	plain, err := s.Box.Open(k.place(), k.Private)
	if err != nil {
		return nil, fmt.Errorf("keyring: signing key %s: %w", k.KID, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, fmt.Errorf("keyring: signing key %s: %w", k.KID, err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("keyring: signing key %s cannot sign", k.KID)
	}
	return signer, nil
}
