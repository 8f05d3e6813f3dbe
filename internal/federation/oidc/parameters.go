package oidc

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxRequest is the largest request, in bytes (OIDC-11).
const maxRequest = 8 << 10

var (
	errTooLarge = errors.New("oidc: request of more than 8 KiB")
	errForm     = errors.New("oidc: not a form")
	errQuery    = errors.New("oidc: parameters in the address of a POST")
	errEncoding = errors.New("oidc: badly encoded parameters")
)

// parameters are those of one request. Those that we do not know are ignored,
// as RFC 6749 §3.1 wants it; one that comes twice is an error of the request.
type parameters struct {
	values   map[string]string
	repeated string // the first name that came twice, or empty
}

// has reports whether a parameter came with a value; one without a value counts
// as left out (RFC 6749 §3.1).
func (p parameters) has(name string) bool { return p.values[name] != "" }

// list returns the words of a parameter that is a list.
func (p parameters) list(name string) []string { return strings.Fields(p.values[name]) }

// parseParameters parses a query or a form.
func parseParameters(text string) (parameters, error) {
	if len(text) > maxRequest {
		return parameters{}, errTooLarge
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return parameters{}, errEncoding
	}
	p := parameters{values: make(map[string]string, len(values))}
	for name, all := range values {
		if len(all) > 1 && (p.repeated == "" || name < p.repeated) {
			p.repeated = name
		}
		if name == "" || !utf8.ValidString(name) || !utf8.ValidString(all[0]) || strings.ContainsRune(name+all[0], 0) {
			return parameters{}, errEncoding
		}
		p.values[name] = all[0]
	}
	return p, nil
}

// readParameters reads the parameters of a GET from its address and those of a
// POST from its body alone: what stands in an address stays in logs.
func readParameters(r *http.Request) (parameters, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return parseParameters(r.URL.RawQuery)
	}
	if r.URL.RawQuery != "" { //guard:OIDC-8
		return parameters{}, errQuery
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return parameters{}, errForm
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return parameters{}, err
	}
	return parseParameters(string(body))
}

// form reads the parameters of a request by a program.
func form(r *http.Request) (parameters, error) {
	p, err := readParameters(r)
	if err != nil {
		return parameters{}, fault(invalidRequest, "%v", err)
	}
	if p.repeated != "" { //guard:OIDC-11
		return parameters{}, fault(invalidRequest, "parameter %q is repeated", p.repeated)
	}
	return p, nil
}
