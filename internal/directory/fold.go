package directory

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// MaxID is the longest SPS-ID that is looked up, in bytes.
const MaxID = 128

// FoldID returns the one spelling of an SPS-ID under which it is stored and
// counted (THR-2): NFKC, without surrounding space, in lower case, and without
// the institution's own mail domain. Full-width letters of a Japanese input
// method fold, too. What is longer than [MaxID] is cut, and so never found.
func FoldID(typed string, domains []string) string {
	id := strings.ToLower(norm.NFKC.String(strings.ToValidUTF8(typed, "")))
	id = strings.TrimSpace(norm.NFKC.String(id)) // lower case may need composing again
	if local, domain, found := strings.Cut(id, "@"); found && slices.Contains(domains, domain) {
		id = strings.TrimSpace(local)
	}
	if len(id) > MaxID {
		id = strings.TrimSpace(norm.NFKC.String(strings.ToValidUTF8(id[:MaxID], "")))
	}
	return id
}
