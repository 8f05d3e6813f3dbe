package exportfile

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxURI is the longest otpauth URI, in bytes.
const maxURI = 4096

const (
	defaultDigits = 6
	steamDigits   = 5
	defaultPeriod = 30 // seconds
)

// ReadURI reads an otpauth URI. There is no standard: what known applications
// write is read, and what could be meant in two ways is refused. The errors are
// [RefusedError], in this order: [BadLength], [BadScheme], [BadType],
// [BadEncoding], [Duplicate], [BadSecret], [BadAlgorithm], [BadDigits],
// [BadPeriod], [BadCounter], [BadLabel].
func ReadURI(text string) (Account, error) {
	uri := trim(text)
	if len(uri) > maxURI {
		return Account{}, refuse(BadLength)
	}
	rest, ok := cutScheme(uri, "otpauth://")
	if !ok {
		return Account{}, refuse(BadScheme)
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	kind, label, _ := strings.Cut(rest, "/")
	a := Account{Type: Type(strings.ToLower(kind))}
	if a.Type != TOTP && a.Type != HOTP && a.Type != Steam {
		return Account{}, refuse(BadType)
	}
	prefix, account, err := splitLabel(label)
	if err != nil {
		return Account{}, err
	}
	parameters, err := parseQuery(query)
	if err != nil {
		return Account{}, err
	}
	if err := a.setParameters(parameters); err != nil {
		return Account{}, err
	}
	issuer := cleanLabel(parameters["issuer"])
	if issuer == "" {
		issuer = prefix
	}
	if utf8.RuneCountInString(cleanLabel(prefix)) > maxLabel {
		return Account{}, refuse(BadLabel)
	}
	return a, a.setLabels(issuer, account)
}

// cutScheme removes the beginning of an address, in any case.
func cutScheme(uri, scheme string) (string, bool) {
	if len(uri) < len(scheme) || !strings.EqualFold(uri[:len(scheme)], scheme) {
		return "", false
	}
	return uri[len(scheme):], true
}

// trim removes white space around a text, a byte order mark included.
func trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
}

// separator is what stands between issuer and account.
var separator = regexp.MustCompile(`(?i):|%3A`)

// splitLabel returns the issuer and the account of a label, which is split before
// it is decoded.
func splitLabel(label string) (issuer, account string, err error) {
	if at := separator.FindStringIndex(label); at != nil {
		if issuer, err = decodePercent(label[:at[0]]); err != nil {
			return "", "", err
		}
		label = label[at[1]:]
	}
	account, err = decodePercent(label)
	return issuer, account, err
}

func decodePercent(text string) (string, error) {
	decoded, err := url.PathUnescape(text)
	if err != nil || !utf8.ValidString(decoded) {
		return "", refuse(BadEncoding)
	}
	return decoded, nil
}

// parseQuery returns the decoded values of the parameters that are known.
func parseQuery(query string) (map[string]string, error) {
	raw := make(map[string]string)
	twice := false
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		switch name = strings.ToLower(name); name {
		case "secret", "issuer", "algorithm", "digits", "period", "counter":
			_, has := raw[name]
			twice = twice || has
			raw[name] = value
		}
	}
	for name, value := range raw {
		if name == "issuer" {
			value = strings.ReplaceAll(value, "+", " ")
		}
		decoded, err := decodePercent(value)
		if err != nil {
			return nil, err
		}
		raw[name] = decoded
	}
	if twice {
		return nil, refuse(Duplicate)
	}
	return raw, nil
}

func (a *Account) setParameters(parameters map[string]string) (err error) {
	if a.Secret, err = ParseSecret(parameters["secret"]); err != nil {
		return err
	}
	if a.Algorithm, err = parseAlgorithm(parameters["algorithm"]); err != nil {
		return err
	}
	digits := int64(defaultDigits)
	if a.Type == Steam {
		digits = steamDigits
	}
	if digits, err = parseNumber(parameters["digits"], digits, minDigits, maxDigits, BadDigits); err != nil {
		return err
	}
	a.Digits = int(digits)
	if a.Type == HOTP {
		a.Counter, err = parseNumber(parameters["counter"], 0, 0, MaxCounter, BadCounter)
		return err
	}
	period, err := parseNumber(parameters["period"], defaultPeriod, 1, maxPeriod, BadPeriod)
	a.Period = int(period)
	return err
}

// algorithmPrefix is what some programs write before the name of the hash.
var algorithmPrefix = regexp.MustCompile(`^HMAC[-_]?`)

// parseAlgorithm reads the usual spellings; empty is SHA1.
func parseAlgorithm(name string) (Algorithm, error) {
	folded := algorithmPrefix.ReplaceAllString(strings.ToUpper(name), "")
	if rest, ok := strings.CutPrefix(folded, "SHA-"); ok {
		folded = "SHA" + rest
	}
	switch a := Algorithm(folded); a {
	case "":
		return SHA1, nil
	case SHA1, SHA256, SHA512:
		return a, nil
	}
	return "", refuse(BadAlgorithm)
}

// parseNumber reads ASCII digits; empty is the default.
func parseNumber(text string, absent, least, most int64, reason Reason) (int64, error) {
	if text == "" {
		return absent, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strings.Trim(text, "0123456789") != "" || number < least || most < number {
		return 0, refuse(reason)
	}
	return number, nil
}

// WriteURI returns the one URI that [ReadURI] makes the same account of, if its
// names are clean. All but RFC 3986 §2.3's unreserved characters are
// percent-encoded; in the issuer before the account a colon becomes a space,
// because readers split there.
func WriteURI(a Account) string {
	issuer, account := cleanLabel(a.Issuer), cleanLabel(a.Account)
	var b strings.Builder
	fmt.Fprintf(&b, "otpauth://%s/", a.Type)
	if issuer != "" || strings.Contains(account, ":") {
		b.WriteString(escape(strings.ReplaceAll(issuer, ":", " ")) + ":")
	}
	b.WriteString(escape(account) + "?secret=" + a.Secret.Base32())
	if issuer != "" {
		b.WriteString("&issuer=" + escape(issuer))
	}
	fmt.Fprintf(&b, "&algorithm=%s&digits=%d", a.Algorithm, a.Digits)
	if a.Type == HOTP {
		fmt.Fprintf(&b, "&counter=%d", a.Counter)
	} else {
		fmt.Fprintf(&b, "&period=%d", a.Period)
	}
	return b.String()
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
