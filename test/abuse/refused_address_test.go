package abuse

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"

	"warifu/internal/config"
)

// TestADR3StoredAddressRefused: an address that was registered before its domain was
// refused gets no OTP and no link; the person is told as if there were none, and home
// and the banner offer to register another one. Notices still go there. ADR-3.
func TestADR3StoredAddressRefused(t *testing.T) {
	onEngines(t, func(t *testing.T, w *world) {
		who := seeded(1)
		stored := who.id + "@example.com"
		if !slices.Equal(w.addresses(who.id), []string{stored}) {
			t.Fatalf("the address of %s: %v", who.id, w.addresses(who.id))
		}
		before := w.count(`SELECT COUNT(*) FROM mail_outbox`)
		b := w.newBrowser()
		p := b.totpPage(who.id)
		ask := b.get("/login/cannot?flow=" + url.QueryEscape(p.flow))
		reset := b.follow(b.reset(who.id))
		for _, p := range []page{ask, reset} {
			if p.Code != http.StatusOK || !p.says("No notification email address is registered.") || !p.says("075-000-0000") || p.says("example.com") {
				t.Errorf("%d %s", p.Code, p.main())
			}
		}
		for path, p := range map[string]page{"/login/cannot": ask, "/reset/wait": reset} { // the form that an earlier page had
			b.submit(path, p.form(path), "to", "0")
		}
		b.submit("/reset", reset, "to", "0")
		b.forgot(who.id)
		if n := w.count(`SELECT COUNT(*) FROM mail_otp`) + w.count(`SELECT COUNT(*) FROM recovery_link`); n != 0 {
			t.Errorf("%d OTPs and links", n)
		}
		if n := w.count(`SELECT COUNT(*) FROM mail_outbox`) - before; n != 0 {
			t.Errorf("%d mails were sent", n)
		}
		b.signIn(who)
		home := b.get("/home")
		if offer := regexp.MustCompile(`class="ways">[^<]*<a href="/account/address"`); !offer.MatchString(home.Body.String()) {
			t.Errorf("home offers no other address: %s", home.main())
		}
		b.register(who, "own@example.net", "beside", "yes")
		if len(w.mailsTo(stored)) == 0 {
			t.Error("the stored address gets no notices")
		}
	}, func(c *config.Config) { c.Institution.MailDomains = append(c.Institution.MailDomains, "example.com") })
}
