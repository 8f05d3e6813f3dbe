// Package app is the composition root: it knows every package, builds the
// server from the configuration, and starts and stops it.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"warifu/internal/account"
	"warifu/internal/admin"
	"warifu/internal/alarm"
	"warifu/internal/assurance"
	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/password"
	"warifu/internal/authenticator/totp"
	"warifu/internal/background"
	"warifu/internal/clock"
	"warifu/internal/config"
	"warifu/internal/directory"
	"warifu/internal/directory/local"
	"warifu/internal/enrolment"
	"warifu/internal/events"
	"warifu/internal/faq"
	"warifu/internal/federation"
	"warifu/internal/federation/consent"
	"warifu/internal/federation/oidc"
	"warifu/internal/federation/saml"
	"warifu/internal/helpdesk"
	"warifu/internal/history"
	"warifu/internal/i18n"
	"warifu/internal/keyring"
	"warifu/internal/mail"
	"warifu/internal/notice"
	"warifu/internal/ops"
	"warifu/internal/recovery"
	"warifu/internal/reminder"
	"warifu/internal/session"
	"warifu/internal/signin"
	"warifu/internal/store"
	"warifu/internal/web"
)

// Options are what a program and a test give differently.
type Options struct {
	Log *slog.Logger
	Now func() time.Time
}

// NewLog returns the log of the server: JSON, one line an event.
func NewLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(w, nil)) }

// App is the whole server, built and not started.
type App struct {
	Config    config.Config
	Log       *slog.Logger
	DB        *store.DB
	FAQ       *faq.Shelf
	Tally     *faq.Tally
	Ring      *keyring.Ring
	Site      *web.Site
	Hasher    *password.Hasher
	TOTP      *totp.Verifier
	Passkeys  *passkey.Party
	Services  *federation.Services
	Feeds     *saml.Feeds
	Signing   *keyring.Signing
	Sessions  *session.Service
	Notices   *notice.Service
	Directory *local.Service
	Clock     *clock.Watch
	Hub       *events.Hub
	Reception *helpdesk.Reception
	Cases     *helpdesk.Watch
	Desk      *helpdesk.Desk
	Alarm     *alarm.Watch
	Reminders *reminder.Service
	Metrics   *ops.Metrics

	protocols  map[federation.Protocol]protocol
	flow       *signin.Service
	now        func() time.Time
	zone       *time.Location
	later      *background.Queue // what must not hold up an answer
	background []background.Service
}

// New builds the server. The database is opened and not migrated.
func New(ctx context.Context, c config.Config, o Options) (*App, error) {
	if err := totp.SelfTest(); err != nil {
		return nil, err
	}
	a := &App{Config: c, Log: o.Log, Metrics: ops.NewMetrics(), now: o.Now,
		later: &background.Queue{Name: "later", Room: laterMost, Pause: laterPause, Log: o.Log}}
	for _, build := range []func() error{a.openKeys, a.openStore, a.buildSite, a.buildLeaves, a.buildPages, a.buildBackground} {
		if err := build(); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	return a, nil
}

// Close closes the database.
func (a *App) Close() error {
	if a.DB == nil {
		return nil
	}
	return a.DB.Close()
}

func (a *App) openKeys() (err error) {
	var text []byte
	if a.Config.Demo != nil {
		text = a.Config.Demo.Keys
	} else if text, err = os.ReadFile(a.Config.KeyFile); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	a.Ring, err = keyring.Parse(text)
	return err
}

func (a *App) openStore() (err error) {
	if a.DB, err = store.Open(a.Config.Database); err != nil {
		return err
	}
	a.DB.SetAuditKey(a.Ring.MAC(keyring.Audit))
	a.DB.SetPrivileged(a.Config.Institution.PrivilegedGroups)
	a.Hub = &events.Hub{}
	a.DB.SetHub(a.Hub, a.listening)
	return nil
}

func (a *App) buildSite() (err error) {
	c := a.Config
	if a.zone, err = c.Zone(); err != nil {
		return err
	}
	catalogue, err := c.Catalogue()
	if err != nil {
		return err
	}
	base, err := url.Parse(c.BaseURL)
	if err != nil {
		return err
	}
	brand, err := c.Brand()
	if err != nil {
		return err
	}
	calendar := c.HelpDesk.Calendar(a.zone)
	site := web.Config{
		Log: a.Log, Catalogue: catalogue, Brand: brand, BaseURL: base, FormKey: a.Ring.MAC(keyring.FlowForm),
		Random: rand.Reader, Now: a.now, Zone: a.zone, TrustedProxies: c.TrustedProxies, Campus: c.Campus,
		Observe: a.Metrics.Request, Hours: calendar.At, Closure: closure(calendar), MostStreams: c.MostStreams,
	}
	if c.ConsoleURL != "" {
		if site.ConsoleURL, err = url.Parse(c.ConsoleURL); err != nil {
			return err
		}
	}
	if c.Demo != nil {
		site.DemoMail = c.Demo.MailPage
	}
	a.Site, err = web.NewSite(site)
	return err
}

func (a *App) buildLeaves() (err error) {
	c := a.Config
	a.Clock = &clock.Watch{InTx: store.In[clock.Tx](a.DB), Now: a.now, Log: a.Log}
	a.Hasher, err = password.NewHasher(c.Password, password.Resources{
		Pepper: a.Ring.MAC(keyring.Pepper), Random: rand.Reader, Cores: runtime.GOMAXPROCS(0), MemoryLimit: debug.SetMemoryLimit(-1)})
	if err != nil {
		return err
	}
	a.Metrics.Count("warifu_password_hashes_total", "Computed password hashes.", func() float64 { return float64(a.Hasher.Computed()) })
	a.TOTP = totp.NewVerifier(a.Ring.Box(keyring.TOTP))
	if a.Passkeys, err = passkey.NewParty(c.PasskeyPolicy(), a.Ring.MAC(keyring.Passkey), rand.Reader); err != nil {
		return err
	}
	a.Services = &federation.Services{Configured: c.Services, View: store.View[federation.ServiceReader](a.DB), Now: a.now}
	a.Signing = &keyring.Signing{InTx: store.In[keyring.SigningTx](a.DB), View: store.View[keyring.SigningReader](a.DB),
		Box: a.Ring.Box(keyring.SigningKeys), Random: rand.Reader, Now: a.now}
	a.Sessions = &session.Service{InTx: store.In[session.Tx](a.DB), View: store.View[session.Reader](a.DB), Policy: c.Session, Random: rand.Reader, Now: a.now}
	japanese, english := c.MailSites()
	composer, err := mail.NewComposer(japanese, english, a.zone)
	if err != nil {
		return err
	}
	a.Directory = &local.Service{InTx: store.In[local.Tx](a.DB), View: store.View[local.Reader](a.DB),
		Codes: a.Ring.MAC(keyring.OTP), Domains: c.Institution.MailDomains, Random: rand.Reader, Now: a.now}
	a.Notices = &notice.Service{Outbox: &mail.Outbox{Composer: composer, Box: a.Ring.Box(keyring.Outbox), Now: a.now}}
	a.Directory.Notices = a.Notices
	a.Reminders = &reminder.Service{InTx: store.In[reminder.Tx](a.DB), View: store.View[reminder.Reader](a.DB), Outbox: a.Notices.Outbox,
		Policy: c.Reminders, NeededFrom: c.SignIn.NeededFrom, Now: a.now}
	a.Alarm = &alarm.Watch{InTx: store.In[alarm.Tx](a.DB), Outbox: a.Notices.Outbox, To: c.Institution.AlarmMail,
		Trail: mail.URL(c.Console() + "/admin"), Log: a.Log, Now: a.now}
	if err := a.buildFeeds(); err != nil {
		return err
	}
	a.Reception = &helpdesk.Reception{Notices: a.Notices, Words: a.words, Random: rand.Reader, Now: a.now,
		Mail: helpdesk.DeskMail{Outbox: a.Notices.Outbox, To: c.HelpDesk.Mail, Console: mail.URL(c.Console() + "/desk")}}
	a.Cases = &helpdesk.Watch{InTx: store.In[helpdesk.WaitTx](a.DB), View: store.View[helpdesk.WaitReader](a.DB), Hub: a.Hub, Now: a.now}
	a.Metrics.Gauge("warifu_code_failures", "Wrong codes of the last five minutes, of all nodes.", a.Alarm.Last)
	a.Metrics.Gauge("warifu_code_failures_alarm", "1 while there are too many of them.", a.Alarm.Ringing)
	return nil
}

// buildFeeds makes the services that metadata of others describe.
func (a *App) buildFeeds() error {
	verify, err := saml.NewVerify()
	if err != nil {
		return err
	}
	a.Feeds = &saml.Feeds{Feeds: a.Config.SAML.Feeds, Allowed: a.Config.SAML.AllowedAttributes, Loopback: !a.Site.Secure(),
		InTx: store.In[saml.FeedTx](a.DB), View: store.View[saml.FeedReader](a.DB), Verify: verify, Client: saml.NewFeedClient(),
		Alarm: a.Alarm, Log: a.Log, Now: a.now}
	if len(a.Feeds.Feeds) > 0 {
		a.Services.Feeds = a.Feeds
	}
	return nil
}

// closure says in words why the help desk is closed, where that is an exception.
func closure(calendar helpdesk.Hours) func(time.Time, i18n.Lang) string {
	return func(now time.Time, lang i18n.Lang) string {
		c, closed := calendar.Closure(now)
		if !closed {
			return ""
		}
		if lang == i18n.Japanese {
			return c.Text.Japanese
		}
		return c.Text.English
	}
}

// listening is told whether the wake-ups of other nodes arrive. While they do
// not, what waits here is told a few seconds later.
func (a *App) listening(err error) {
	if err != nil {
		a.Log.Warn("announcements of other nodes do not arrive", "err", err)
		return
	}
	a.Log.Info("listening to the announcements of other nodes")
}

// counted is told how every step of a sign-in ended.
func (a *App) counted(outcome string) {
	a.Metrics.Step(outcome)
	if signin.Outcome(outcome).WrongCode() {
		a.Alarm.Failed()
	}
}

// words returns a text of the catalogue in both languages.
func (a *App) words(key string, args ...any) mail.Text {
	return mail.Text{Japanese: a.Site.Catalogue.Text(i18n.Japanese, key, args...), English: a.Site.Catalogue.Text(i18n.English, key, args...)}
}

// buildPages mounts the pages of every package.
func (a *App) buildPages() (err error) {
	pending := federation.Pending{Box: a.Ring.Box(keyring.Pending), Now: a.now}
	passwords := &password.Guard{InTx: store.In[password.GuardTx](a.DB), Hasher: a.Hasher, Accounts: a.Ring.MAC(keyring.AccountID),
		Throttle: a.Config.Throttle, Domains: a.Config.Institution.MailDomains, Now: a.now}
	flow := &signin.Service{
		InTx: store.In[signin.Tx](a.DB), View: store.View[signin.Reader](a.DB), Passwords: passwords, TOTP: a.TOTP, Passkeys: a.Passkeys,
		Tokens: a.Ring.Box(keyring.Cookie), Notices: a.Notices, Words: a.words,
		Clock: a.Clock.Check, Counted: a.counted, Throttle: a.Config.Throttle, Sessions: a.Config.Session,
		Tickets: a.Config.Enrolment, Policy: a.Config.SignIn, OTPs: a.Config.MailPolicy(), Codes: a.Ring.MAC(keyring.OTP),
		Desk: a.Reception, Outbox: a.Notices.Outbox, App: mail.Text(a.Config.Institution.App), Random: rand.Reader, Now: a.now,
	}
	a.flow = flow
	enrol := &enrolment.Service{
		InTx: store.In[enrolment.Tx](a.DB), View: store.View[enrolment.Reader](a.DB), TOTP: a.TOTP, Policy: a.Config.TOTPPolicy(),
		Codes: a.Ring.MAC(keyring.OTP), Throttle: a.Config.Throttle, Notices: a.Notices, Words: a.words, Clock: a.Clock.Check,
		Failed: a.Alarm.Failed, Random: rand.Reader, Now: a.now,
	}
	rules, err := a.passwordRules()
	if err != nil {
		return err
	}
	recover := &recovery.Service{
		InTx: store.In[recovery.Tx](a.DB), View: store.View[recovery.Reader](a.DB), Passwords: passwords, Mail: a.Config.MailPolicy(),
		Tickets: a.Config.Enrolment, Throttle: a.Config.Throttle, Outbox: a.Notices.Outbox, Notices: a.Notices, Words: a.words,
		Desk: a.Reception, TOTP: a.TOTP, Passkeys: a.Passkeys, Codes: a.Ring.MAC(keyring.OTP), Rules: rules, Clock: a.Clock.Check, Failed: a.Alarm.Failed,
		Later:         a.later.Do,
		Address:       func(token string) string { return a.Config.BaseURL + "/r/" + token },
		ForgotAddress: func(token string) string { return a.Config.BaseURL + "/forgot/" + token }, Random: rand.Reader, Now: a.now,
	}
	from := a.Config.Mail.Domain()
	policy := a.Config.Assurance
	policy.BaseURL = a.Config.BaseURL
	_, subjects := a.Ring.Key(keyring.Pairwise)
	wait := &helpdesk.WaitPages{Site: a.Site, Watch: a.Cases}
	wait.Mount()
	a.Desk = &helpdesk.Desk{Reception: a.Reception, InTx: store.In[helpdesk.DeskTx](a.DB), View: store.View[helpdesk.DeskReader](a.DB), Policy: a.Config.Desk,
		OTPs: a.Config.MailPolicy(), Codes: a.Ring.MAC(keyring.OTP), Entries: a.Ring.MAC(keyring.AccountID), Domains: a.Config.Institution.MailDomains,
		Open: a.Config.HelpDesk.Calendar(a.zone).At, Alarm: a.Alarm, Random: rand.Reader}
	(&signin.Pages{Site: a.Site, Service: flow, Sessions: a.Sessions, Services: a.Services, Pending: pending, Wait: wait, From: from}).Mount()
	(&recovery.Pages{Site: a.Site, Service: recover, Wait: wait, From: from}).Mount()
	(&enrolment.Pages{Site: a.Site, Service: enrol, Sessions: a.Sessions, Services: a.Services, Pending: pending,
		Offer: a.Config.Authenticator, Window: a.Config.Enrolment.Window > 0, Forced: a.forced}).Mount()
	mine := a.accountPages(pending, policy)
	mine.Passwords = &account.Passwords{InTx: store.In[account.PasswordTx](a.DB), Guard: passwords, Rules: rules, Notices: a.Notices, Words: a.words, Desk: a.Reception, Now: a.now}
	mine.Mount()
	people := &helpdesk.LookUp{InTx: store.In[helpdesk.LookUpTx](a.DB), Directory: a.Directory, Notices: a.Notices,
		Domains: a.Config.Institution.MailDomains, Need: a.Config.Desk.Need, Now: a.now}
	(&helpdesk.Pages{Site: a.Site, Gate: mine.Gate, Desk: a.Desk, Wait: wait, People: people, Draft: pending.Draft}).Mount()
	if err := a.buildFAQ(); err != nil {
		return err
	}
	(&admin.Pages{Site: a.Site, FAQ: admin.Readers{View: store.View[faq.TallyReader](a.DB), Shelf: a.FAQ}, Gate: mine.Gate, Reports: &helpdesk.Reports{View: store.View[helpdesk.ReportReader](a.DB), Zone: a.zone},
		Directory: a.Directory, AnyFactor: a.Config.Desk.AnyFactor, Now: a.now}).Mount()
	(&account.ReportPages{Pages: mine, Reports: a.reports(passwords), Wait: wait}).Mount()
	agreed := consent.Book{View: store.View[consent.Reader](a.DB)}
	openID := &oidc.Provider{
		Site: a.Site, Services: a.Services, Pending: pending, Sessions: a.Sessions, Farewell: mine.Farewell, Reach: flow.Reach, Signing: a.Signing, Consent: agreed,
		Tokens: a.Ring.Box(keyring.AccessToken), Subjects: subjects, InTx: store.In[oidc.Tx](a.DB), View: store.View[oidc.Reader](a.DB),
		Assurance: policy, Policy: oidc.Policy{Scope: a.Config.Institution.Scope}, Random: rand.Reader, Now: a.now,
	}
	openID.Mount()
	brand, err := a.Config.Brand()
	if err != nil {
		return err
	}
	samlProvider := &saml.Provider{
		Site: a.Site, Consent: agreed, Farewell: mine.Farewell, Services: a.Services, Pending: pending, Sessions: a.Sessions, Reach: flow.Reach, Keys: a.Signing, Subjects: subjects,
		InTx: store.In[saml.Tx](a.DB), View: store.View[saml.Reader](a.DB), Assurance: policy, Policy: a.Config.SAMLPolicy(brand),
		Random: rand.Reader, Now: a.now,
	}
	samlProvider.Mount()
	(&consent.Pages{Site: a.Site, Services: a.Services, Pending: pending, Sessions: a.Sessions, Reach: flow.Reach, Policy: policy, InTx: store.In[consent.Tx](a.DB), Now: a.now,
		Tellers: map[federation.Protocol]consent.Teller{federation.OIDC: openID.Told, federation.SAML: samlProvider.Told}}).Mount()
	a.protocols = map[federation.Protocol]protocol{federation.OIDC: openID, federation.SAML: samlProvider}
	a.Site.MountAccessibility(buildTime())
	return nil
}

// passwordRules are what makes a new password good enough here.
func (a *App) passwordRules() (*password.Rules, error) {
	list, err := password.NewBlockList(nil)
	if err != nil {
		return nil, err
	}
	i := a.Config.Institution
	words := append([]string{i.Scope, "warifu"}, i.MailDomains...)
	for _, text := range []federation.Text{i.Name, i.App, i.AppShort, i.IDLabel} {
		words = append(words, text.Japanese, text.English)
	}
	for _, service := range a.Config.Services {
		words = append(words, service.Name.Japanese, service.Name.English)
	}
	return &password.Rules{
		List: list, Site: words,
		Forced: func(who directory.Subscriber) bool { return a.Config.SignIn.NeedsFactor(who.Groups, a.now()) },
	}, nil
}

// accountPages are the pages of a person who is signed in.
func (a *App) accountPages(pending federation.Pending, policy assurance.Policy) *account.Pages {
	gate := &session.Gate{Site: a.Site, Sessions: a.Sessions, Assurance: policy, Login: func(path, draft string, kinds []authenticator.Kind) (string, error) {
		sealed, err := pending.Seal(federation.Page(path, draft, a.now(), kinds))
		return federation.Login(sealed), err
	}}
	addresses := &account.Addresses{
		InTx: store.In[account.AddressTx](a.DB), View: store.View[account.AddressReader](a.DB), Throttle: a.Config.Throttle,
		Outbox: a.Notices.Outbox, Notices: a.Notices, Alarm: a.Alarm, Words: a.words, Numbers: a.Ring.MAC(keyring.OTP),
		Refused: a.Config.Institution.MailDomains, AtOnce: a.Config.Demo != nil,
		Report: func(token string) string { return a.Config.BaseURL + "/not-me/" + token }, Random: rand.Reader, Now: a.now,
	}
	return &account.Pages{
		Site: a.Site, Sessions: a.Sessions, Services: a.Services, Gate: gate, Pending: pending, Addresses: addresses,
		Authenticators: &account.Authenticators{InTx: store.In[account.AuthenticatorTx](a.DB), View: store.View[account.AuthenticatorReader](a.DB),
			Notices: a.Notices, Words: a.words, Most: a.Config.TOTP.MaxActive, Now: a.now},
		History: &history.Service{View: store.View[history.Reader](a.DB), Now: a.now},
		View:    store.View[account.StandingReader](a.DB), FirstSetup: a.firstSetup,
		Passkeys: &account.Passkeys{InTx: store.In[account.PasskeyTx](a.DB), View: store.View[account.PasskeyReader](a.DB),
			Party: a.Passkeys, AnyFactor: a.Config.Desk.AnyFactor, Notices: a.Notices, Words: a.words, Now: a.now},
		Codes: &account.RecoveryCodes{InTx: store.In[account.CodeTx](a.DB), View: store.View[account.CodeReader](a.DB),
			Codes: a.Ring.MAC(keyring.OTP), Notices: a.Notices, Words: a.words, Random: rand.Reader, Now: a.now},
		Trust:     a.Config.SignIn.TrustedBrowser > 0,
		Devices:   &account.Devices{InTx: store.In[account.SessionTx](a.DB), View: store.View[account.SessionReader](a.DB), Now: a.now},
		Farewell:  &federation.Farewell{Site: a.Site, Sessions: a.Sessions, Services: a.Services, Pending: pending, View: store.View[federation.ParticipationReader](a.DB)},
		Consents:  &account.Consents{InTx: store.In[consent.Tx](a.DB), View: store.View[account.ConsentReader](a.DB), Now: a.now},
		Banners:   store.View[account.BannerReader](a.DB),
		Languages: &account.Languages{InTx: store.In[account.LanguageTx](a.DB), Now: a.now},
	}
}

// firstSetup returns from when a person needs a second factor, and until when the
// first one can be set up with the password alone.
func (a *App) firstSetup(who directory.Subscriber) (from, window time.Time) {
	for _, group := range who.Groups {
		if day, ok := a.Config.SignIn.RequireTOTPFrom[group]; ok && (from.IsZero() || day.Before(from)) {
			from = day
		}
	}
	return from, a.Config.Enrolment.WindowEnds(who)
}

// forced reports whether the day has come from which a person needs a second factor.
func (a *App) forced(who directory.Subscriber) bool {
	from, _ := a.firstSetup(who)
	return !from.IsZero() && !a.now().Before(from)
}

// buildTime is the time of the revision that the program was built from.
func buildTime() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.time" {
			t, err := time.Parse(time.RFC3339, setting.Value)
			if err == nil {
				return t
			}
		}
	}
	return time.Time{}
}
