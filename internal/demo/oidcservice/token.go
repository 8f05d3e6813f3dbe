package oidcservice

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"warifu/internal/demo/visitors"
)

const (
	leeway      = time.Minute // between the clocks of server and service
	minRSABits  = 2048
	maxTokenAge = 10 * time.Minute
)

// parseKeys returns the keys of a key set (RFC 7517) that may verify: P-256 and
// RSA. Others, such as those for encryption, are passed over.
func parseKeys(raw []json.RawMessage) map[string]crypto.PublicKey {
	keys := make(map[string]crypto.PublicKey)
	for _, one := range raw {
		var k struct{ Kid, Kty, Use, Crv, X, Y, N, E string }
		if json.Unmarshal(one, &k) != nil || k.Use != "" && k.Use != "sig" {
			continue
		}
		switch {
		case k.Kty == "EC" && k.Crv == "P-256":
			point := slices.Concat([]byte{4}, decode(k.X), decode(k.Y))
			if key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err == nil {
				keys[k.Kid] = key
			}
		case k.Kty == "RSA":
			n, e := new(big.Int).SetBytes(decode(k.N)), new(big.Int).SetBytes(decode(k.E))
			if n.BitLen() >= minRSABits && e.IsInt64() && e.Int64() >= 3 && e.Int64() < 1<<31 {
				keys[k.Kid] = &rsa.PublicKey{N: n, E: int(e.Int64())}
			}
		}
	}
	return keys
}

// decode returns nothing for what is not base64url.
func decode(s string) []byte {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	return raw
}

func invalid(why string) error { return &visitors.Failure{Code: "invalid_token", Description: why} }

// verifyJWT returns the claims of a signed token (RFC 7515) of the server, with
// its type. The key decides the algorithm, never the token alone.
func (s *Service) verifyJWT(ctx context.Context, token string) (claims map[string]any, typ string, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, "", invalid("not a signed token")
	}
	var header struct {
		Alg, Kid, Typ string
		Crit          []string
	}
	if json.Unmarshal(decode(parts[0]), &header) != nil || len(header.Crit) > 0 {
		return nil, "", invalid("its header is not understood")
	}
	key, err := s.provider.key(ctx, header.Kid)
	if err != nil {
		return nil, "", err
	}
	if !verified(key, header.Alg, parts[0]+"."+parts[1], decode(parts[2])) {
		return nil, "", invalid("its signature is wrong")
	}
	decoder := json.NewDecoder(bytes.NewReader(decode(parts[1])))
	decoder.UseNumber()
	if err := decoder.Decode(&claims); err != nil || claims == nil {
		return nil, "", invalid("its claims are not understood")
	}
	return claims, header.Typ, nil
}

// verified reports whether the signature is right (RFC 7518 §3.3, §3.4).
func verified(key crypto.PublicKey, alg, signed string, signature []byte) bool {
	digest := sha256.Sum256([]byte(signed))
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if alg != "ES256" || len(signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(key, digest[:], r, s)
	case *rsa.PublicKey:
		return alg == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

// verifyIDToken follows OpenID Connect Core 1.0 §3.1.3.7.
func (s *Service) verifyIDToken(ctx context.Context, t tokens, l login) (map[string]any, error) {
	claims, typ, err := s.verifyJWT(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	if typ != "" && !strings.EqualFold(typ, "JWT") { // not a logout token, which is signed with the same keys
		return nil, invalid("it is no ID token")
	}
	if err := s.checkCommon(claims); err != nil {
		return nil, err
	}
	nonce, _ := claims["nonce"].(string)
	subject, _ := claims["sub"].(string)
	switch {
	case subtle.ConstantTimeCompare([]byte(nonce), []byte(l.nonce)) != 1:
		return nil, invalid("it answers another request")
	case subject == "":
		return nil, invalid("it names nobody")
	case claims["at_hash"] != nil && claims["at_hash"] != halfHash(t.Access):
		return nil, invalid("it belongs to another access token")
	}
	return claims, s.checkMaxAge(claims, l.maxAge)
}

// checkCommon checks what ID token and logout token have in common: who made it,
// for whom, and when.
func (s *Service) checkCommon(claims map[string]any) error {
	now := s.config.Now()
	issued, hasIssued := instant(claims["iat"])
	expires, hasExpires := instant(claims["exp"])
	switch {
	case claims["iss"] != s.config.Issuer:
		return invalid("it is from another issuer")
	case !s.isAudience(claims):
		return invalid("it is for another service")
	case !hasExpires || !now.Before(expires.Add(leeway)):
		return invalid("it has expired")
	case !hasIssued || issued.After(now.Add(leeway)) || now.Sub(issued) > maxTokenAge:
		return invalid("it was not issued now")
	}
	return nil
}

func (s *Service) isAudience(claims map[string]any) bool {
	switch aud := claims["aud"].(type) {
	case string:
		if aud != s.config.ClientID {
			return false
		}
	case []any:
		if !slices.Contains(aud, any(s.config.ClientID)) || len(aud) > 1 && claims["azp"] == nil {
			return false
		}
	default:
		return false
	}
	return claims["azp"] == nil || claims["azp"] == s.config.ClientID
}

// checkMaxAge wants auth_time to be as young as was asked.
func (s *Service) checkMaxAge(claims map[string]any, maxAge string) error {
	if maxAge == "" {
		return nil
	}
	seconds, err := strconv.Atoi(maxAge)
	if err != nil {
		return nil // the server, which was asked, has borne with it
	}
	at, ok := instant(claims["auth_time"])
	if !ok || s.config.Now().Sub(at) > time.Duration(seconds)*time.Second+leeway {
		return invalid("the sign-in is older than asked")
	}
	return nil
}

// instant returns the time of a NumericDate (RFC 7519 §2).
func instant(claim any) (time.Time, bool) {
	number, ok := claim.(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// halfHash is the at_hash of an access token (OpenID Connect Core 1.0 §3.1.3.6).
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
