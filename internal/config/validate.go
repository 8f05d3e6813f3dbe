package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"warifu/internal/i18n"
	"warifu/internal/web"
)

const maxLogo = 30 << 10 // bytes

// Validate returns all faults; each begins with the path of its key.
func (c Config) Validate() (faults []error) {
	at := func(key string, errs ...error) {
		for _, err := range errs {
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", key, err))
			}
		}
	}
	under := func(key string, errs []error) {
		for _, err := range errs {
			faults = append(faults, fmt.Errorf("%s.%w", key, err))
		}
	}
	loopback, err := checkBase(c.BaseURL)
	at("base_url", err)
	at("listen", checkListen(c.Listen))
	at("operation_listen", checkListen(c.OperationListen))
	at("database", checkDatabase(c.Database))
	under("institution", c.Institution.validate())
	under("help_desk", c.HelpDesk.validate())
	at("password", c.Password.Validate()...)
	at("throttle", c.Throttle.Validate()...)
	at("session", c.Session.Validate()...)
	at("signin", c.SignIn.Validate()...)
	at("assurance", c.Assurance.Validate()...)
	at("mail", c.Mail.Validate()...)
	seen := make(map[string]bool)
	for i, service := range c.Services {
		key := fmt.Sprintf("services[%d]", i)
		at(key, service.Validate(loopback)...)
		if seen[service.ID] {
			at(key, fmt.Errorf("the id %q is there twice", service.ID))
		}
		seen[service.ID] = true
	}
	return faults
}

// checkBase also reports whether browsers reach us by plain http on loopback.
func checkBase(base string) (loopback bool, err error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return false, errors.New("must be an address without a path, such as https://sso.miyako.example")
	}
	address := net.ParseIP(u.Hostname())
	loopback = u.Scheme == "http" && (u.Hostname() == "localhost" || address.IsLoopback())
	if u.Scheme != "https" && !loopback { //guard:WEB-1
		return false, errors.New("must be https; plain http is for loopback only")
	}
	return loopback, nil
}

func checkListen(address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return errors.New("must be HOST:PORT")
	}
	return nil
}

func checkDatabase(address string) error {
	path, sqlite := strings.CutPrefix(address, "sqlite:")
	postgres := strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
	if !postgres && (!sqlite || path == "" || strings.ContainsAny(path, "?#%")) {
		return errors.New("must be sqlite:PATH or postgres://…")
	}
	return nil
}

func (i Institution) validate() (faults []error) {
	fault := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, errors.New(text))
		}
	}
	fault(i.Name.Japanese == "" || i.Name.English == "", "name: ja and en must be given")
	fault(i.App.Japanese == "" || i.App.English == "", "app: ja and en must be given")
	fault(i.AppShort.Japanese == "" || i.AppShort.English == "", "app_short: ja and en must be given")
	fault(len(i.MailDomains) == 0, "mail_domains: at least one must be given")
	for _, domain := range i.MailDomains {
		fault(domain != strings.ToLower(domain) || strings.ContainsAny(domain, "@ /"), fmt.Sprintf("mail_domains: %q must be a domain in lower case", domain))
	}
	if err := web.CheckColors(i.ColorPrimary, i.ColorPrimaryDark); err != nil {
		faults = append(faults, fmt.Errorf("color_primary: %w", err))
	}
	for lang, texts := range i.Texts {
		fault(!slices.Contains(i18n.Langs, i18n.Lang(lang)), fmt.Sprintf("texts: %q is not ja or en", lang))
		for key, text := range texts {
			problem := i18n.CheckChange(i18n.Lang(lang), key, text)
			fault(problem != "", "texts: "+problem)
		}
	}
	if err := checkLogo(i.Logo); err != nil {
		faults = append(faults, fmt.Errorf("logo: %w", err))
	}
	return faults
}

var (
	// activeSVG is what an SVG file may not have: it is shown as an image, and
	// yet anybody may open it alone.
	activeSVG = regexp.MustCompile(`(?i)<(script|foreignObject|iframe|use|image|a)\b|\bon[a-z]+\s*=|javascript:|<!(DOCTYPE|ENTITY)|href\s*=`)
	pngHeader = "\x89PNG\r\n\x1a\n"
)

func checkLogo(name string) error {
	if name == "" {
		return nil
	}
	content, err := os.ReadFile(name)
	switch {
	case err != nil:
		return err
	case len(content) > maxLogo:
		return fmt.Errorf("%d bytes are more than %d", len(content), maxLogo)
	case strings.HasSuffix(name, ".png") && strings.HasPrefix(string(content), pngHeader):
		return nil
	case !strings.HasSuffix(name, ".svg") || !strings.Contains(string(content), "<svg"):
		return errors.New("must be an SVG or PNG file")
	case activeSVG.Match(content): //guard:WEB-6
		return fmt.Errorf("has %q; an SVG logo may not have scripts, links or references", activeSVG.Find(content))
	}
	return nil
}

var (
	clock     = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	telephone = regexp.MustCompile(`^\+?[0-9][0-9 -]{1,30}$`)
	weekdays  = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

func (d HelpDesk) validate() (faults []error) {
	fault := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, errors.New(text))
		}
	}
	fault(d.Name.Japanese == "" || d.Name.English == "", "name: ja and en must be given")
	fault(!telephone.MatchString(d.Telephone), "telephone: must be digits, spaces and hyphens")
	fault(!clock.MatchString(d.Open) || !clock.MatchString(d.Close) || d.Open >= d.Close, "open: open and close must be HH:MM, open before close")
	for _, day := range d.Days {
		fault(!slices.Contains(weekdays, day), fmt.Sprintf("days: %q is not one of %s", day, strings.Join(weekdays, " ")))
	}
	for _, day := range d.Holidays {
		_, err := time.Parse(time.DateOnly, day)
		fault(err != nil, fmt.Sprintf("holidays: %q is not YYYY-MM-DD", day))
	}
	_, err := time.LoadLocation(d.TimeZone)
	fault(d.TimeZone == "" || err != nil, fmt.Sprintf("time_zone: %q is not known", d.TimeZone))
	return faults
}
