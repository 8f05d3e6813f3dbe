package saml

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/beevik/etree"
)

// The bindings (saml-bindings-2.0-os §3.4 and §3.5).
const (
	bindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	bindingPost     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

const (
	maxBody       = 256 << 10 // bytes of a POST (WEB-3)
	maxRatio      = 10        // of inflated to deflated (SAML-1)
	maxRelayState = 1 << 10   // bytes: 80 by the standard, which many exceed (SAML-9)
	encodingPlain = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
)

// errMessage means that a request does not carry a message that we read.
var errMessage = errors.New("saml: message is refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errMessage}, args...)...)
}

// incoming is a message as a binding brings it. Until it is verified, nothing of
// it counts but whom it says to be from.
type incoming struct {
	root       *etree.Element
	relayState string
	detached   *detached // the signature of HTTP-Redirect, nil if there is none
	post       bool
}

// detached is a signature over octets of an address.
type detached struct {
	octets    string
	algorithm string
	value     []byte
}

// parameters are those of a binding; raw are their octets as received.
type parameters struct {
	values map[string]string
	raw    map[string]string
}

// readParameters keeps those that a binding knows and ignores others, as the
// language. Each may be there once.
func readParameters(query string, names ...string) (parameters, error) {
	p := parameters{values: make(map[string]string), raw: make(map[string]string)}
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil {
			return p, refuse("a parameter cannot be read")
		}
		known := false
		for _, n := range names {
			known = known || n == name
		}
		if !known {
			continue
		}
		if _, twice := p.raw[name]; twice || rawName != name { //guard:A52
			return p, refuse("%s is repeated", name)
		}
		p.values[name], p.raw[name] = value, rawValue
	}
	if len(p.values["RelayState"]) > maxRelayState {
		return p, refuse("RelayState is too long")
	}
	return p, nil
}

// fromQuery reads a message by HTTP-Redirect from the raw query of an address.
// The parameter is SAMLRequest.
func fromQuery(query string) (incoming, error) {
	p, err := readParameters(query, "SAMLRequest", "RelayState", "SigAlg", "Signature", "SAMLEncoding")
	if err != nil {
		return incoming{}, err
	}
	if encoding, ok := p.values["SAMLEncoding"]; ok && encoding != encodingPlain {
		return incoming{}, refuse("SAMLEncoding is unknown")
	}
	deflated, err := base64.StdEncoding.Strict().DecodeString(p.values["SAMLRequest"])
	if err != nil || strings.ContainsAny(p.values["SAMLRequest"], "\r\n") {
		return incoming{}, refuse("not base64")
	}
	inflated, err := inflate(deflated)
	if err != nil {
		return incoming{}, err
	}
	in := incoming{relayState: p.values["RelayState"]}
	if in.root, err = readXML(inflated, messageLimits); err != nil {
		return incoming{}, err
	}
	in.detached, err = detachedSignature(p)
	return in, err
}

// inflate reads raw DEFLATE and stops at the limits, not after them.
func inflate(deflated []byte) ([]byte, error) {
	limit := min(messageLimits.bytes, maxRatio*len(deflated))
	source := bytes.NewReader(deflated)
	inflated, err := io.ReadAll(io.LimitReader(flate.NewReader(source), int64(limit)+1))
	if err != nil {
		return nil, refuse("not DEFLATE")
	}
	if len(inflated) > limit { //guard:A52
		return nil, refuse("inflates to more than %d bytes", limit)
	}
	if source.Len() > 0 {
		return nil, refuse("something stands after the message")
	}
	return inflated, nil
}

// deflate is the other way.
func deflate(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// detachedSignature is over the octets as received, never over others that mean
// the same (saml-bindings-2.0-os §3.4.4.1).
func detachedSignature(p parameters) (*detached, error) {
	value, signed := p.values["Signature"]
	if _, named := p.values["SigAlg"]; signed != named {
		return nil, refuse("Signature and SigAlg belong together")
	}
	if !signed {
		return nil, nil
	}
	signature, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, refuse("Signature is not base64")
	}
	octets := "SAMLRequest=" + p.raw["SAMLRequest"]
	if state, ok := p.raw["RelayState"]; ok {
		octets += "&RelayState=" + state
	}
	return &detached{octets: octets + "&SigAlg=" + p.raw["SigAlg"], algorithm: p.values["SigAlg"], value: signature}, nil
}

// fromForm reads a message by HTTP-POST from the body of a form.
func fromForm(body io.Reader) (incoming, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return incoming{}, err
	}
	if len(text) > maxBody {
		return incoming{}, refuse("more than %d bytes", maxBody)
	}
	p, err := readParameters(string(text), "SAMLRequest", "RelayState")
	if err != nil {
		return incoming{}, err
	}
	plain, err := base64.StdEncoding.Strict().DecodeString(p.values["SAMLRequest"]) // lines may end
	if err != nil {
		return incoming{}, refuse("not base64")
	}
	in := incoming{relayState: p.values["RelayState"], post: true}
	in.root, err = readXML(plain, messageLimits)
	return in, err
}

// issuer is whom the message says to be from.
func (in incoming) issuer() string { return text(child(in.root, nsAssertion, "Issuer")) }
