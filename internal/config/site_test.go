package config

import (
	"testing"

	"warifu/internal/i18n"
)

// TestSite fills the site's placeholders in both languages, and dials what a
// telephone can dial.
func TestSite(t *testing.T) {
	c, err := Load(write(t, "warifu.yaml", filled()), []string{"WARIFU_HELP_DESK__TELEPHONE=+81 75 111-1111", "WARIFU_TRUSTED_PROXIES=[10.0.0.0/8, 172.16.0.0/12]"})
	if err != nil {
		t.Fatal(err)
	}
	texts := c.SiteTexts()
	for lang, want := range map[i18n.Lang][2]string{i18n.Japanese: {"平日", "miyako 大学"}, i18n.English: {"weekdays", "miyako University"}} {
		if got := texts[lang]; got["hours"] != "9:00-17:00" || got["days"] != want[0] || got["org"] != want[1] {
			t.Errorf("%s: %v", lang, got)
		}
	}
	brand, err := c.Brand()
	if err != nil || brand.Text[i18n.English].Phone != "tel:+8175111-1111" || len(c.TrustedProxies) != 2 {
		t.Errorf("%+v, %v, %v", brand.Text, c.TrustedProxies, err)
	}
	if japanese, english := c.MailSites(); japanese.AppShort != "miyako 認証" || english.AppShort != "miyako Login" {
		t.Errorf("%+v %+v", japanese, english)
	}
}
