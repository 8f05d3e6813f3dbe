package web

import (
	"net/http"
	"time"
)

// AccessibilityPage is the page "site/accessibility".
type AccessibilityPage struct {
	Tested string // date of the build, which its tests have passed; empty if unknown
}

// MountAccessibility registers the page that says what is met and how it was
// tested. built is the time of the build's revision.
func (s *Site) MountAccessibility(built time.Time) {
	s.Handle("GET /accessibility", func(w http.ResponseWriter, r *http.Request) error {
		var page AccessibilityPage
		if !built.IsZero() {
			page.Tested = s.Lang(r).Date(built.In(s.Zone))
		}
		return s.Render(w, r, http.StatusOK, "site/accessibility", page)
	})
}
