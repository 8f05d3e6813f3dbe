package config

import (
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"warifu/internal/helpdesk"
	"warifu/internal/i18n"
	"warifu/internal/mail"
	"warifu/internal/web"
)

// Hours returns the opening hours as people read them: 9:00-17:00.
func (d HelpDesk) Hours() string {
	return strings.TrimPrefix(d.Open, "0") + "-" + strings.TrimPrefix(d.Close, "0")
}

const minuteLayout = "2006-01-02 15:04"

// Calendar returns when the help desk is open.
func (d HelpDesk) Calendar(zone *time.Location) helpdesk.Hours {
	h := helpdesk.Hours{Open: d.Open, Close: d.Close, Holidays: d.Holidays, Zone: zone}
	for _, c := range d.Closures { // validated
		from, _ := time.ParseInLocation(minuteLayout, c.From, zone)
		to, _ := time.ParseInLocation(minuteLayout, c.To, zone)
		h.Closures = append(h.Closures, helpdesk.Closure{From: from, To: to, Text: mail.Text(c.Text)})
	}
	for _, day := range d.Days {
		h.Days = append(h.Days, time.Weekday(slices.Index(weekdays, day)))
	}
	return h
}

// SiteTexts returns what fills the site's own placeholders, which may stand in
// any text.
func (c Config) SiteTexts() map[i18n.Lang]i18n.Texts {
	all := make(map[i18n.Lang]i18n.Texts)
	for _, lang := range i18n.Langs {
		l := string(lang)
		all[lang] = i18n.Texts{
			"id_label": c.Institution.IDLabel.In(l), "app": c.Institution.App.In(l), "org": c.Institution.Name.In(l),
			"desk": c.HelpDesk.Name.In(l), "tel": c.HelpDesk.Telephone, "ext": c.HelpDesk.Extension,
			"hours": c.HelpDesk.Hours(), "days": c.HelpDesk.DaysText.In(l), "alt_contact": c.HelpDesk.OtherContact.In(l),
		}
	}
	return all
}

// Catalogue returns the texts of the institution.
func (c Config) Catalogue() (*i18n.Catalogue, error) {
	changed := make(map[i18n.Lang]i18n.Texts)
	for lang, texts := range c.Institution.Texts {
		changed[i18n.Lang(lang)] = texts
	}
	return i18n.New(c.SiteTexts(), changed)
}

// MailSites returns what every mail may say of the institution.
func (c Config) MailSites() (japanese, english mail.Site) {
	return c.mailSite(i18n.Japanese), c.mailSite(i18n.English)
}

func (c Config) mailSite(lang i18n.Lang) mail.Site {
	l := string(lang)
	return mail.Site{
		App: c.Institution.App.In(l), AppShort: c.Institution.AppShort.In(l), Org: c.Institution.Name.In(l),
		Desk: c.HelpDesk.Name.In(l), Tel: c.HelpDesk.Telephone, Ext: c.HelpDesk.Extension,
		Hours: c.HelpDesk.Hours(), Days: c.HelpDesk.DaysText.In(l),
		IDLabel: c.Institution.IDLabel.In(l), Zone: c.HelpDesk.ZoneText.In(l),
	}
}

// Brand returns how the institution looks. The logo is read now.
func (c Config) Brand() (b web.Brand, err error) {
	b = web.Brand{
		ColorPrimary: c.Institution.ColorPrimary, ColorPrimaryDark: c.Institution.ColorPrimaryDark,
		LogoType: filepath.Ext(c.Institution.Logo), Text: make(map[i18n.Lang]web.BrandText),
	}
	if c.Institution.Logo != "" {
		if b.Logo, err = os.ReadFile(c.Institution.Logo); err != nil {
			return b, err
		}
	}
	for _, lang := range i18n.Langs {
		b.Text[lang] = web.BrandText{
			Institution: c.Institution.Name.In(string(lang)), App: c.Institution.App.In(string(lang)), LogoAlt: c.Institution.LogoAlt.In(string(lang)), HasLogo: len(b.Logo) > 0,
			Telephone: c.HelpDesk.Telephone, Extension: c.HelpDesk.Extension != "",
			Phone: template.URL("tel:" + strings.ReplaceAll(c.HelpDesk.Telephone, " ", "")), //nolint:gosec // of the configuration, digits and hyphens only (RFC 3966)
		}
	}
	return b, nil
}
