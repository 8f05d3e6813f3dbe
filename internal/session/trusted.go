package session

import "time"

// TrustedBrowser is one in which a person has chosen not to be asked for the
// second factor for some days (SES-13). It never counts as one.
type TrustedBrowser struct {
	ID           string // public name of the row, for the list
	SubscriberID string
	Digest       []byte // of the token in its cookie
	Browser      string // such as "Chrome・Windows"
	CreatedAt    time.Time
	ExpiresAt    time.Time
}
