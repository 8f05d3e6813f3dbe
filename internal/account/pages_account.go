package account

import (
	"net/http"
	"slices"

	"warifu/internal/i18n"
	"warifu/internal/session"
	"warifu/internal/web"
)

const languageStep = "account/language"

// AccountPage is the page "account/account".
type AccountPage struct {
	Done        string // what was done just now
	SPSID, Name string
	Address     AddressBlock
	Language    web.Hidden
	Lang        string
}

func (p *Pages) showAccount(w http.ResponseWriter, r *http.Request) error {
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	block, err := p.addressBlock(w, r, v)
	if err != nil {
		return err
	}
	page := AccountPage{Done: p.done(r), SPSID: v.Subscriber.SPSID, Name: v.Subscriber.Name(p.Site.Lang(r) == i18n.Japanese),
		Address: block, Lang: string(p.Site.Lang(r))}
	if page.Language, err = p.Site.Hidden(w, r, languageStep, ""); err != nil {
		return err
	}
	return p.Site.Render(w, r, http.StatusOK, "account/account", page)
}

func (p *Pages) chooseLanguage(w http.ResponseWriter, r *http.Request) error {
	form, err := p.Site.Form(w, r, languageStep, "lang")
	if err != nil {
		return err
	}
	v, err := p.Gate.Enter(w, r, session.Factor, "")
	if v == nil {
		return err
	}
	lang := i18n.Lang(form["lang"])
	if !slices.Contains(i18n.Langs, lang) {
		return errForeign
	}
	if err := p.Languages.Choose(r.Context(), NewActor(v, p.Site.Client(r)), lang); err != nil {
		return err
	}
	p.Site.SetLang(w, r, lang)
	return p.Site.Redirect(w, r, "/account?done=language")
}

// dones are the texts that a page shows once something was done.
var dones = map[string]string{ //nolint:gosec // G101: keys of texts
	"setting": "ok.setting", "removed": "ok.removed", "language": "ok.language", "renamed": "ok.renamed", "password": "ok.password", "passkey": "ok.passkey_created", "codes": "ok.codes_made", "device_out": "ok.device_out", "devices_out": "ok.devices_out",
	"trust_ended": "ok.trust_ended", "consent_ended": "ok.consent_ended",
}

// done returns the text of what the address says was done, if it is known.
func (p *Pages) done(r *http.Request) string {
	if key, ok := dones[web.Query(r, "done")]; ok {
		return p.Site.Text(r, key)
	}
	return ""
}

// enterWith lets a person with a fresh second factor to a page that is about one
// thing, and returns the parameter that names it, also after a step-up on the way.
func (p *Pages) enterWith(w http.ResponseWriter, r *http.Request, parameter string) (v *session.Visit, value string, err error) {
	value = web.Query(r, parameter)
	if v, err = p.Gate.Enter(w, r, session.Fresh, value); v != nil && value == "" {
		value = p.draft(r)
	}
	return v, value, err
}

// draft returns what was typed at this page before one more proof was asked for.
func (p *Pages) draft(r *http.Request) string {
	return p.Pending.Draft(web.Query(r, "p"), r.URL.Path)
}
