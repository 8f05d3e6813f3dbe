package account

import (
	"math"
	"net/http"
	"slices"
	"time"

	"warifu/internal/session"
	"warifu/internal/web"
)

// mostBanners stand above one page.
const mostBanners = 2

// banners are what a person should know on every page, the most urgent first.
func (p *Pages) banners(r *http.Request, v *session.Visit) ([]web.Banner, error) {
	var all []web.Banner
	if v.Subscriber.Frozen() {
		all = append(all, web.Banner{Text: p.Site.Text(r, "banner.frozen")})
	}
	if v.Claim.Fallback {
		all = append(all, web.Banner{Text: p.Site.Text(r, "banner.fallback"), More: p.Site.Text(r, "banner.fallback_end", "time", p.Site.Clock(r, v.Session.ExpiresAt)),
			Address: "/reset", Label: p.Site.Text(r, "banner.fallback_set")})
	}
	have, err := p.standing(r.Context(), v.Subscriber.ID)
	if err != nil {
		return nil, err
	}
	if b, ok := p.setupBanner(r, v, have); ok {
		all = append(all, b)
	}
	changes, bounced, err := p.unseen(r, v)
	if err != nil {
		return nil, err
	}
	all = slices.Concat(all, changes, bounced)
	if have.Addresses == 0 && p.mayRegister(v) {
		all = append(all, web.Banner{Text: p.Site.Text(r, "banner.notif_missing"), Address: "/account/address", Label: p.Site.Text(r, "banner.notif_now")})
	}
	return all[:min(len(all), mostBanners)], nil
}

// setupBanner tells a person without a second factor by when to set one up.
func (p *Pages) setupBanner(r *http.Request, v *session.Visit, have Standing) (web.Banner, bool) {
	if have.Active > 0 || have.Passkeys > 0 {
		return web.Banner{}, false
	}
	now := p.Site.Now()
	b := web.Banner{Address: "/reset", Label: p.Site.Text(r, "banner.totp_now")}
	from, window := p.FirstSetup(v.Subscriber)
	switch {
	case now.Before(from):
		b.Text = p.Site.Text(r, "banner.totp_from", "date", p.Site.Day(r, from), "days", days(from.Sub(now)))
	case now.Before(window):
		b.Text = p.Site.Text(r, "banner.window", "date", p.Site.Day(r, window))
	default:
		return web.Banner{}, false
	}
	return b, true
}

// days is how many days are left, rounded up.
func days(left time.Duration) int { return int(math.Ceil(left.Hours() / 24)) }
