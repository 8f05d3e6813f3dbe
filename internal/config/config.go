// Package config is the one configuration file, warifu.yaml. It composes the
// Policy of each package that has one, checks all of it at once, and writes
// the reference of it.
package config

import (
	"cmp"
	"net/netip"
	"net/url"
	"time"

	"warifu/internal/assurance"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/password"
	"warifu/internal/authenticator/totp"
	"warifu/internal/enrolment"
	"warifu/internal/faq"
	"warifu/internal/federation"
	"warifu/internal/federation/saml"
	"warifu/internal/helpdesk"
	"warifu/internal/mail"
	"warifu/internal/mailotp"
	"warifu/internal/reminder"
	"warifu/internal/session"
	"warifu/internal/signin"
	"warifu/internal/throttle"
	"warifu/internal/ticket"
	"warifu/internal/web"
)

// Config is the whole configuration.
type Config struct {
	// BaseURL is the address at which browsers reach the server, such as
	// https://sso.miyako.example. Requests for another host are refused.
	BaseURL string `yaml:"base_url"`
	// ConsoleURL is the address at which the help desk and the administrators work,
	// such as https://desk.miyako.example, where it is another one than base_url:
	// the console then answers at no other. passkey.rp_id must be a domain above both.
	ConsoleURL string `yaml:"console_url"`
	// Listen is the address that the server listens on, behind a reverse proxy.
	Listen string `yaml:"listen"`
	// OperationListen is the address of /healthz, /readyz and /metrics.
	OperationListen string `yaml:"operation_listen"`
	// Database is sqlite:PATH for one node, or postgres://… for several. Like all
	// names of files, a relative PATH begins at the folder of this file.
	Database string `yaml:"database"`
	// DatabaseFile names a file that holds the address instead, for one with a
	// password.
	DatabaseFile string `yaml:"database_file"`
	// KeyFile holds the keys that no database may hold; warifu key init makes it.
	KeyFile string `yaml:"key_file"`
	// TrustedProxies are the networks of the reverse proxies whose
	// X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// Campus are the networks of the institution.
	Campus []netip.Prefix `yaml:"campus"`
	// MostStreams is how many pages of a node may listen for events at once; the
	// others ask instead (SSE-4).
	MostStreams int `yaml:"most_streams"`

	Institution   Institution      `yaml:"institution"`
	HelpDesk      HelpDesk         `yaml:"help_desk"`
	Desk          helpdesk.Policy  `yaml:"desk"`
	FAQ           faq.Policy       `yaml:"faq"`
	Password      password.Policy  `yaml:"password"`
	Throttle      throttle.Policy  `yaml:"throttle"`
	Session       session.Policy   `yaml:"session"`
	SignIn        signin.Policy    `yaml:"signin"`
	TOTP          totp.Policy      `yaml:"totp"`
	Passkey       passkey.Policy   `yaml:"passkey"`
	Enrolment     ticket.Policy    `yaml:"enrolment"`
	MailOTP       mailotp.Policy   `yaml:"mail_otp"`
	Reminders     reminder.Policy  `yaml:"reminders"`
	Authenticator enrolment.Offer  `yaml:"authenticator"`
	Assurance     assurance.Policy `yaml:"assurance"`
	Mail          mail.Policy      `yaml:"mail"`
	SAML          saml.Policy      `yaml:"saml"`
	// Services that people reach through the sign-on.
	Services []federation.Service `yaml:"services"`
	// ServicesFile names a file with more of them, under the key services.
	ServicesFile string `yaml:"services_file"`

	// Demo is set by the demonstration alone; no file can.
	Demo *Demo `yaml:"-"`
}

// Demo is how the demonstration differs.
type Demo struct {
	MailPage string // address of the mail catcher's page
	Keys     []byte // the key file's content
}

// Institution is who runs the system, and how it looks.
type Institution struct {
	// Name of the institution: {org}.
	Name federation.Text `yaml:"name"`
	// App is the name of this system: {app}.
	App federation.Text `yaml:"app"`
	// AppShort is the prefix of the subject of every mail.
	AppShort federation.Text `yaml:"app_short"`
	// IDLabel is what people call their ID: {id_label}.
	IDLabel federation.Text `yaml:"id_label"`
	// MailDomains are the institution's own; their mail cannot be read without
	// this sign-on, and they are cut off a typed ID.
	MailDomains []string `yaml:"mail_domains"`
	// AlarmMail are the addresses of the administrators who are told of alarms.
	AlarmMail []string `yaml:"alarm_mail"`
	// PrivilegedGroups are those whose members no mail lets back in, and one agent
	// alone neither, as agents and administrators.
	PrivilegedGroups []string `yaml:"privileged_groups"`
	// Scope is the domain after the @ of identifiers for other institutions.
	Scope string `yaml:"scope"`
	// Logo names an SVG or PNG file of at most 30 kB.
	Logo string `yaml:"logo"`
	// LogoAlt says what the logo shows.
	LogoAlt federation.Text `yaml:"logo_alt"`
	// ColorPrimary is the colour of links and buttons on white, #rrggbb.
	ColorPrimary string `yaml:"color_primary"`
	// ColorPrimaryDark is the same on a dark ground.
	ColorPrimaryDark string `yaml:"color_primary_dark"`
	// Texts replace built-in ones by their id, for each language (ja, en).
	Texts map[string]map[string]string `yaml:"texts"`
}

// HelpDesk is where people turn to.
type HelpDesk struct {
	// Name of the help desk: {desk}.
	Name federation.Text `yaml:"name"`
	// Telephone number: {tel}.
	Telephone string `yaml:"telephone"`
	// Extension: {ext}.
	Extension string `yaml:"extension"`
	// Open is when the help desk opens, HH:MM; with Close it is {hours}.
	Open string `yaml:"open"`
	// Close is when it closes, HH:MM.
	Close string `yaml:"close"`
	// Days are the open days: mon, tue, wed, thu, fri, sat, sun.
	Days []string `yaml:"days"`
	// DaysText says them in words: {days}.
	DaysText federation.Text `yaml:"days_text"`
	// Holidays are closed days, YYYY-MM-DD.
	Holidays []string `yaml:"holidays"`
	// Closures are exceptional: times in which nobody answers, though it would be open.
	Closures []Closure `yaml:"closures"`
	// Mail is the address that is told of waiting requests; empty for none.
	Mail string `yaml:"mail"`
	// OtherContact is for people who cannot use the telephone: {alt_contact}.
	OtherContact federation.Text `yaml:"other_contact"`
	// TimeZone of all times on pages and in mails, such as Asia/Tokyo.
	TimeZone string `yaml:"time_zone"`
	// ZoneText names it in words.
	ZoneText federation.Text `yaml:"zone_text"`
}

// Closure is an exceptional closure of the help desk.
type Closure struct {
	// From is its beginning, YYYY-MM-DD HH:MM in the time zone of the help desk.
	From string `yaml:"from"`
	// To is its end.
	To string `yaml:"to"`
	// Text says why; people read it.
	Text federation.Text `yaml:"text"`
}

// Default returns the configuration of which a file changes what it names.
func Default() Config {
	return Config{
		Listen:          "127.0.0.1:8080",
		OperationListen: "127.0.0.1:8027",
		KeyFile:         "/etc/warifu/keys",
		MostStreams:     web.MostStreams,
		Institution: Institution{
			App:              federation.Text{Japanese: "統合認証システム", English: "Integrated Authentication System"},
			IDLabel:          federation.Text{Japanese: "SPS-ID", English: "SPS-ID"},
			ColorPrimary:     web.DefaultPrimary,
			ColorPrimaryDark: web.DefaultPrimaryDark,
		},
		HelpDesk: HelpDesk{
			Open: "09:00", Close: "17:00", Days: []string{"mon", "tue", "wed", "thu", "fri"},
			DaysText: federation.Text{Japanese: "平日", English: "weekdays"},
			TimeZone: "Asia/Tokyo", ZoneText: federation.Text{Japanese: "日本時間", English: "Japan time"},
		},
		Desk:      helpdesk.DefaultPolicy(),
		Password:  password.DefaultPolicy(),
		Throttle:  throttle.DefaultPolicy(),
		Session:   session.DefaultPolicy(),
		SignIn:    signin.DefaultPolicy(),
		TOTP:      totp.DefaultPolicy(),
		Enrolment: ticket.DefaultPolicy(),
		MailOTP:   mailotp.DefaultPolicy(),
		Reminders: reminder.DefaultPolicy(),
		Assurance: assurance.DefaultPolicy(),
		Mail:      mail.DefaultPolicy(),
	}
}

// Zone returns the time zone of all times that people read.
func (c Config) Zone() (*time.Location, error) { return time.LoadLocation(c.HelpDesk.TimeZone) }

// MailPolicy returns the policy of mailed OTPs and links, with the domains that they
// are never sent to (ADR-3).
func (c Config) MailPolicy() mailotp.Policy {
	p := c.MailOTP
	p.Refused = c.Institution.MailDomains
	return p
}

// TOTPPolicy returns the policy with its issuer: the short name of the system,
// where none is given.
func (c Config) TOTPPolicy() totp.Policy {
	p := c.TOTP
	p.Issuer = cmp.Or(p.Issuer, c.Institution.AppShort.English)
	return p
}

// Console returns the address of the console.
func (c Config) Console() string { return cmp.Or(c.ConsoleURL, c.BaseURL) }

// SAMLPolicy returns the policy with what the rest of the configuration says of
// the institution. The logo is that of [Config.Brand].
func (c Config) SAMLPolicy(brand web.Brand) saml.Policy {
	p := c.SAML
	if len(p.Scopes) == 0 && c.Institution.Scope != "" {
		p.Scopes = []string{c.Institution.Scope}
	}
	p.Institution, p.App, p.BaseURL = c.Institution.Name, c.Institution.App, c.BaseURL
	p.Logo, p.LogoType = brand.Logo, brand.LogoType
	return p
}

// PasskeyPolicy returns the policy with the site that base_url names, where no
// other is given.
func (c Config) PasskeyPolicy() passkey.Policy {
	p := c.Passkey
	if base, err := url.Parse(c.BaseURL); err == nil {
		p.RPID = cmp.Or(p.RPID, base.Hostname())
	}
	if len(p.Origins) == 0 {
		p.Origins = []string{c.BaseURL}
		if c.ConsoleURL != "" {
			p.Origins = append(p.Origins, c.ConsoleURL)
		}
	}
	p.Name = cmp.Or(p.Name, c.Institution.App.Japanese)
	return p
}
