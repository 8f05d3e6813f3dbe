package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"warifu/internal/i18n"
	"warifu/internal/mail"
	"warifu/internal/web"
)

// Validate returns all faults; each begins with the path of its key.
func (c Config) Validate() (faults []error) {
	at := func(key string, errs ...error) {
		for _, err := range errs {
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", key, err))
			}
		}
	}
	under := func(section string, errs []error) {
		for _, err := range errs {
			faults = append(faults, inSection(section, err.Error()))
		}
	}
	loopback, err := checkBase(c.BaseURL)
	at("base_url", err)
	if err == nil { // the policy begins with it
		under("passkey", c.PasskeyPolicy().Validate())
	}
	if c.ConsoleURL != "" {
		_, err := checkBase(c.ConsoleURL)
		at("console_url", err)
	}
	at("listen", checkListen(c.Listen))
	at("operation_listen", checkListen(c.OperationListen))
	at("database", checkDatabase(c.Database))
	if c.MostStreams < 100 || c.MostStreams > 1_000_000 {
		at("most_streams", errors.New("must be from 100 to 1000000"))
	}
	under("institution", c.Institution.validate())
	under("help_desk", c.HelpDesk.validate())
	under("desk", c.Desk.Validate())
	under("faq", c.FAQ.Validate())
	under("authenticator", c.Authenticator.Validate())
	under("password", c.Password.Validate())
	under("throttle", c.Throttle.Validate())
	under("session", c.Session.Validate())
	under("signin", c.SignIn.Validate())
	if issuer := c.Institution.AppShort.English; issuer != "" || c.TOTP.Issuer != "" { // else the name of the system is what is missing
		under("totp", c.TOTPPolicy().Validate())
	}
	under("enrolment", c.Enrolment.Validate())
	under("mail_otp", c.MailOTP.Validate())
	under("reminders", c.Reminders.Validate())
	under("assurance", c.Assurance.Validate())
	under("mail", c.Mail.Validate())
	federated := c.SAML
	federated.BaseURL = c.BaseURL
	under("saml", federated.Validate())
	seen := make(map[string]bool)
	for i, service := range c.Services {
		key := fmt.Sprintf("services[%d]", i)
		at(key, service.Validate(loopback)...)
		at(key, c.SAML.CheckService(service, loopback))
		at(key, service.CheckEntityID(c.Services[:i]))
		if seen[service.ID] {
			at(key, fmt.Errorf("the id %q is there twice", service.ID))
		}
		seen[service.ID] = true
	}
	return faults
}

// inSection puts a section before a fault of one of its policies, which begins
// with the name of its key: "idle must be …" or "from: …".
func inSection(section, fault string) error {
	key, rest, _ := strings.Cut(fault, " ")
	name, found := strings.CutSuffix(key, ":")
	if !found && !strings.HasPrefix(rest, "must ") { // it speaks of several keys
		rest = fault
	}
	return fmt.Errorf("%s.%s: %s", section, name, rest)
}

// checkBase also reports whether browsers reach us by plain http on loopback.
// The address must be written as browsers write an origin: with another
// spelling no request would be for this host.
func checkBase(base string) (loopback bool, err error) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || base != u.Scheme+"://"+u.Host {
		return false, errors.New("must be an address without a path, such as https://sso.miyako.example")
	}
	if u.Host != strings.ToLower(u.Host) || u.Port() == defaultPorts[u.Scheme] && u.Port() != "" || strings.HasSuffix(u.Host, ":") {
		return false, errors.New("must be in lower case, and without the port that browsers leave out")
	}
	address := net.ParseIP(u.Hostname())
	loopback = u.Scheme == "http" && (u.Hostname() == "localhost" || address.IsLoopback())
	if u.Scheme != "https" && !loopback { //guard:WEB-1
		return false, errors.New("must be https; plain http is for loopback only")
	}
	return loopback, nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

func checkListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("must be HOST:PORT, the port a number up to 65535")
	}
	return nil
}

const sqlitePrefix = "sqlite:"

// checkDatabase does not repeat the address, which may hold a password.
func checkDatabase(address string) error {
	if path, ok := strings.CutPrefix(address, sqlitePrefix); ok && path != "" && !strings.ContainsAny(path, "?#%") {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || !strings.Contains(address, "://") {
		return errors.New("must be sqlite:PATH, the path without any of ? # %, or postgres://…")
	}
	return nil
}

// domainName is a DNS name in lower case, with at least two labels.
var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

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
		fault(!domainName.MatchString(domain), fmt.Sprintf("mail_domains: %q must be a domain in lower case", domain))
	}
	for _, address := range i.AlarmMail {
		fault(mail.CheckAddress(address) != nil, fmt.Sprintf("alarm_mail: %q must be one plain address", address))
	}
	fault(i.Scope != "" && !domainName.MatchString(i.Scope), fmt.Sprintf("scope: %q must be a domain in lower case", i.Scope))
	if err := web.CheckColors(i.ColorPrimary, i.ColorPrimaryDark); err != nil {
		faults = append(faults, fmt.Errorf("color_primary: %w", err))
	}
	for lang, texts := range i.Texts {
		fault(!slices.Contains(i18n.Langs, i18n.Lang(lang)), fmt.Sprintf("texts.%s: must be ja or en", lang))
		for key, text := range texts {
			if !slices.Contains(i18n.Langs, i18n.Lang(lang)) {
				break
			}
			problem := i18n.CheckChange(i18n.Lang(lang), key, text)
			fault(problem != "", fmt.Sprintf("texts.%s.%s: %s", lang, key, problem))
		}
	}
	if err := checkLogo(i.Logo); err != nil {
		faults = append(faults, fmt.Errorf("logo: %w", err))
	}
	return faults
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
	fault(d.Mail != "" && mail.CheckAddress(d.Mail) != nil, "mail: must be one plain address")
	fault(!clock.MatchString(d.Open) || !clock.MatchString(d.Close) || d.Open >= d.Close, "open: open and close must be HH:MM, open before close")
	for _, day := range d.Days {
		fault(!slices.Contains(weekdays, day), fmt.Sprintf("days: %q is not one of %s", day, strings.Join(weekdays, " ")))
	}
	for _, day := range d.Holidays {
		_, err := time.Parse(time.DateOnly, day)
		fault(err != nil, fmt.Sprintf("holidays: %q is not YYYY-MM-DD", day))
	}
	for _, c := range d.Closures {
		from, err1 := time.Parse(minuteLayout, c.From)
		to, err2 := time.Parse(minuteLayout, c.To)
		fault(err1 != nil || err2 != nil || !from.Before(to), fmt.Sprintf("closures: from %q and to %q must be YYYY-MM-DD HH:MM, from before to", c.From, c.To))
		fault(c.Text.Japanese == "" || c.Text.English == "", "closures: text: ja and en must be given")
	}
	_, err := time.LoadLocation(d.TimeZone)
	fault(d.TimeZone == "" || err != nil, fmt.Sprintf("time_zone: %q is not known", d.TimeZone))
	return faults
}
