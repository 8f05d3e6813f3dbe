package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"warifu/test/stage"
)

// TestPeers puts three sites behind one Apache, which knows nothing of this
// project: two with the Shibboleth SP, with requests in each binding, and one with
// mod_auth_openidc. They sign people in through a server that runs from a
// configuration file.
func TestPeers(t *testing.T) {
	a := startPeers(t)
	for name, story := range map[string]func(*testing.T, *apache){
		"Shibboleth": shibbolethStory, "POST": postStory, "OpenID": openIDStory, "together": togetherStory, "without MFA": withoutMFAStory, "changed and replayed": changedStory,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, a)
		})
	}
}

// startPeers runs Apache, and a server that its sites are services of.
func startPeers(t *testing.T) *apache {
	t.Helper()
	people := filepath.Join(t.TempDir(), "data")
	first, err := startDemo(program, "--data", people) // makes people and keys
	if err != nil {
		t.Fatal(err)
	}
	first.Stop()
	ports, err := stage.FreePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	a := newApache(t, fmt.Sprintf("http://localhost:%d", ports), ports+2)
	general := serverFile(people, ports)
	reload := serve(t, t.TempDir(), general, a.server) // without the services, whose own metadata are not there yet
	a.start(download(t, a.server+"/saml/metadata", ""))
	reload(general + a.services())
	return a
}

// serverFile is the configuration of a server without services. Its mails go where
// those of the demonstration go.
func serverFile(people string, port int) string {
	return fmt.Sprintf(`
base_url: http://localhost:%d
listen: 127.0.0.1:%d
operation_listen: 127.0.0.1:%d
database: sqlite:%s/warifu.db
key_file: %s/keys
institution:
  name: {ja: みやこ大学, en: Miyako University}
  app_short: {ja: みやこ大学認証, en: Miyako Login}
  mail_domains: [miyako.example]
  scope: miyako.example
help_desk:
  name: {ja: 情報環境支援センター, en: ICT Support Center}
  telephone: 075-000-0000
mail: {host: 127.0.0.1, port: %d, encryption: none, from: no-reply@miyako.example}
saml:
  description: {ja: みやこ大学の構成員, en: Members of Miyako University}
  privacy_url: {ja: "https://miyako.example/privacy", en: "https://miyako.example/en/privacy"}
  organization_url: {ja: "https://miyako.example/", en: "https://miyako.example/en/"}
  technical_contact: it@miyako.example
  support_contact: support@miyako.example
  security_contact: cert@miyako.example
  entity_attributes: {assurance_certification: ["https://refeds.org/sirtfi"], category_support: ["https://refeds.org/category/personalized"]}
`, port, port, port+1, people, people, server.SMTP())
}

// services are the sites in the configuration of the server.
func (a *apache) services() string {
	digest := sha256.Sum256([]byte(a.secret))
	return fmt.Sprintf(`
services:
- id: library
  name: {ja: 図書館, en: Library}
  protocol: saml
  entity_id: https://%[1]s/shibboleth
  metadata_file: %[2]s
  encryption: required
  require: mfa
  consent: on_change
  owner: {ja: 附属図書館, en: University Library}
  privacy_url: {ja: "https://lib.miyako.example/privacy", en: "https://lib.miyako.example/en/privacy"}
  release: {required: [name, principal_name], optional: [scoped_affiliation, pairwise_id, targeted_id]}
- id: archive
  name: {ja: 文書館, en: Archive}
  protocol: saml
  entity_id: https://%[3]s/shibboleth
  metadata_file: %[4]s
  encryption: required
  accept_fallback: true
  release: {required: [principal_name]}
- id: apache
  name: {ja: Apache, en: Apache}
  protocol: oidc
  accept_fallback: true
  secret_sha256: [%[5]s]
  redirect_uris: [%[6]s/app/cb]
  backchannel_logout_uri: %[6]s/app/cb?logout=backchannel
  release: {required: [name]}
`, libraryHost, a.metadata(libraryHost), archiveHost, a.metadata(archiveHost), hex.EncodeToString(digest[:]), a.app())
}

// newBrowser is a browser that reads English at the server.
func (a *apache) newBrowser(t *testing.T) *browser {
	t.Helper()
	b := newBrowser(t, look{lang: "en", width: 1280})
	b.site = a.server
	b.open(a.server + "/accessibility?lang=en")
	return b
}

// shibbolethStory verifies our metadata by their signature, decrypts, maps
// attributes, asks for a level and for a fresh sign-in, and logs out; what it is
// told, the person has agreed to, and can withdraw. A53.
func shibbolethStory(t *testing.T, a *apache) {
	w := newWalk(t, look{lang: "en", width: 1280}, axe(t))
	b, p, site := w.browser, nextPerson(), a.site(libraryHost)
	b.site = a.server
	b.open(a.server + "/accessibility?lang=en")
	now := time.Now()
	b.open(site + "/secure/")
	b.comesTo(a.server + "/login?p=")
	b.shows("You are logging in to Library.")
	b.signIn(p, now)
	b.comesTo(a.server + "/login/consent?p=")
	b.shows("Library will receive the following information", "Seed", p.ID+"@miyako.example")
	w.inspect("consent remembered")
	for _, field := range []string{"send_scoped_affiliation", "send_pairwise_id", "remember"} {
		b.do(chromedp.Click(chromedp.CSS("[name=" + field + "]")))
	}
	b.press("Send and continue")
	b.comesTo(site+"/secure/", "Shib-AuthnContext-Class=")
	number := strings.TrimLeft(strings.TrimPrefix(p.ID, "seed"), "0")
	b.shows("eppn="+p.ID+"@miyako.example", "jaDisplayName=種 "+number, "displayName="+number+" Seed", "affiliation=student@miyako.example;member@miyako.example", "Shib-AuthnContext-Class="+mfaLevel)
	if id := regexp.MustCompile(`pairwise-id=([A-Z2-7]{32})@miyako\.example`).FindString(b.text()); id == "" {
		t.Errorf("no pairwise-id in %s", b.text())
	}
	b.asksForLevels(a, site)

	b.open(site + "/Shibboleth.sso/Login?forceAuthn=1&target=" + site + "/secure/")
	b.comesTo(a.server + "/login?p=")
	b.signIn(p, now.Add(30*time.Second)) // each number is taken once
	b.comesTo(site+"/secure/", "Shib-AuthnContext-Class=")

	w.taken("") // Apache's pages lack files
	b.open(a.server + "/account/services")
	w.inspect("services with one")
	b.unfold("Withdraw")
	w.inspect("services withdraw")
	b.press("Withdraw")
	b.shows("Your agreement has been withdrawn.", "There are no such services.")
	b.open(site + "/Shibboleth.sso/Login?target=" + site + "/secure/")
	b.comesTo(a.server + "/login/consent?p=")
	b.press("Do not send")
	b.comesTo(site+"/Shibboleth.sso/SAML2/POST", "RequestDenied")
	b.leaves(a, site)
}

// postStory sends the requests by HTTP-POST.
func postStory(t *testing.T, a *apache) {
	b, p, site := a.newBrowser(t), nextPerson(), a.site(archiveHost)
	now := time.Now()
	b.open(site + "/secure/")
	b.comesTo(a.server + "/login?p=")
	b.signIn(p, now)
	b.comesTo(site+"/secure/", "eppn="+p.ID+"@miyako.example", "Shib-AuthnContext-Class="+mfaLevel)
	b.asksForLevels(a, site)
	b.open(site + "/Shibboleth.sso/Login?forceAuthn=1&target=" + site + "/secure/")
	b.comesTo(a.server + "/login?p=")
	b.signIn(p, now.Add(30*time.Second))
	b.comesTo(site+"/secure/", "Shib-AuthnContext-Class=")
	b.leaves(a, site)
}

// asksForLevels asks for one that the session has, and for one out of reach.
func (b *browser) asksForLevels(a *apache, site string) {
	b.t.Helper()
	b.open(site + "/mfa/")
	b.comesTo(site+"/mfa/", "Shib-AuthnContext-Class="+mfaLevel)
	b.open(site + "/Shibboleth.sso/Login?authnContextClassRef=" + farLevel + "&target=" + site + "/secure/")
	b.comesTo(site+"/Shibboleth.sso/SAML2/POST", "NoAuthnContext")
}

// leaves logs out from a site, after which nobody is signed in.
func (b *browser) leaves(a *apache, site string) {
	b.t.Helper()
	b.open(site + "/Shibboleth.sso/Logout")
	b.comesTo(a.server + "/logged-out")
	b.open(a.server + "/home")
	b.comesTo(a.server + "/login")
	b.open(site + "/secure/")
	b.comesTo(a.server + "/login?p=")
}

// openIDStory demands multi-factor authentication by mod_auth_openidc. A logout at
// the server reaches Apache by the back channel, for the session that ended alone.
func openIDStory(t *testing.T, a *apache) {
	p, now := nextPerson(), time.Now()
	b, other := a.newBrowser(t), a.newBrowser(t)
	b.throughOpenID(a, p, now)
	other.throughOpenID(a, p, now.Add(30*time.Second))
	token := regexp.MustCompile(`OIDC_id_token=(\S+)`).FindStringSubmatch(b.text())
	if token == nil || !strings.Contains(header(t, token[1]), `"alg":"ES256"`) {
		t.Errorf("the ID token is not signed with ES256: %v", token)
	}
	b.open(a.server + "/logout")
	b.press("Log out")
	b.isAskedAgain(a)
	other.open(a.app() + "/app/mfa/")
	other.at(a.app() + "/app/mfa/") // only the session that ended, by its sid
}

// throughOpenID opens a page that wants two factors, and signs in on the way.
func (b *browser) throughOpenID(a *apache, p person, at time.Time) {
	b.t.Helper()
	b.open(a.app() + "/app/mfa/")
	b.at(a.server + "/login?p=")
	b.shows("You are logging in to Apache.")
	b.signIn(p, at)
	b.at(a.app() + "/app/mfa/")
	b.shows("OIDC_CLAIM_acr="+mfaLevel, "Seed")
	if sub := regexp.MustCompile(`OIDC_CLAIM_sub=(\S*)`).FindStringSubmatch(b.text()); sub == nil || len(sub[1]) < 16 || sub[1] == p.ID {
		b.t.Errorf("sub: %v, want an opaque value", sub)
	}
}

// isAskedAgain waits until mod_auth_openidc has been told of the end of a session.
func (b *browser) isAskedAgain(a *apache) {
	b.t.Helper()
	for deadline := time.Now().Add(pageTime); ; time.Sleep(100 * time.Millisecond) {
		b.open(a.app() + "/app/")
		if strings.HasPrefix(b.address(), a.server) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatal("Apache has not been told of the logout")
		}
	}
}

// togetherStory signs in once for all three sites, in both protocols; a logout by
// SAML reaches the one that speaks OpenID Connect.
func togetherStory(t *testing.T, a *apache) {
	b, p := a.newBrowser(t), nextPerson()
	b.throughOpenID(a, p, time.Now())
	b.open(a.site(archiveHost) + "/secure/")
	b.comesTo(a.site(archiveHost)+"/secure/", "eppn="+p.ID+"@miyako.example", "Shib-AuthnContext-Class="+mfaLevel)
	b.open(a.site(libraryHost) + "/secure/")
	b.comesTo(a.server + "/login/consent?p=") // asked for consent, and for nothing else
	b.press("Send and continue")
	b.comesTo(a.site(libraryHost)+"/secure/", "Shib-AuthnContext-Class=")
	b.leaves(a, a.site(archiveHost))
	b.isAskedAgain(a)
}

// withoutMFAStory comes in by a mailed number, the person's authenticator being
// elsewhere. Where no level is demanded, the sites are told the truth; where MFA
// is, neither is told more, and each refuses in its own way. A13, A53.
func withoutMFAStory(t *testing.T, a *apache) {
	b, p := a.newBrowser(t), nextPerson()
	b.open(a.app() + "/app/mfa/")
	b.comesTo(a.server + "/login?p=")
	b.giveID(p)
	b.press("Click here if you cannot login")
	b.press("Yes")
	b.fill("one-time-code", mailedOTP(t, p))
	b.press("Login")
	b.comesTo(a.app()+"/app/mfa/", "Unauthorized")
	b.open(a.app() + "/app/")
	b.shows("OIDC_CLAIM_acr=" + a.server + "/ac/fallback")
	b.open(a.site(archiveHost) + "/secure/")
	b.comesTo(a.site(archiveHost)+"/secure/", "eppn="+p.ID+"@miyako.example", "Shib-AuthnContext-Class=urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport")
	b.open(a.site(archiveHost) + "/mfa/")
	b.comesTo(a.site(archiveHost)+"/mfa/", "Unauthorized") // the session there has another level
	b.open(a.site(archiveHost) + "/Shibboleth.sso/Login?authnContextClassRef=" + mfaLevel + "&target=" + a.site(archiveHost) + "/mfa/")
	b.comesTo(a.server+"/login/totp?flow=", "Archive requires multi-factor authentication.", "You cannot change settings or use services that require multi-factor authentication.")
	b.press("Return to Archive")
	b.comesTo(a.site(archiveHost)+"/Shibboleth.sso/SAML2/POST", "AuthnFailed")
	b.open(a.server + "/home")
	b.shows("This is a temporary login.") // being asked has changed nothing
}

// changedStory has the browser hand over answers that are not as we signed them, and
// one for the second time: Shibboleth takes neither. A53.
func changedStory(t *testing.T, a *apache) {
	b, p, site := newBrowser(t, look{lang: "en", width: 1280, noScript: true}), nextPerson(), a.site(libraryHost)
	b.site = a.server
	b.open(a.server + "/accessibility?lang=en")
	b.open(site + "/secure/")
	b.signIn(p, time.Now())
	b.do(chromedp.Click(chromedp.CSS("[name=remember]")))
	b.press("Send and continue")
	const field = `document.querySelector("[name=SAMLResponse]").value`
	answer := get(b, chromedp.Evaluate[string](field))
	plain, err := base64.StdEncoding.DecodeString(answer)
	if err != nil {
		t.Fatal(err)
	}
	hand := func(answer string) {
		get(b, chromedp.Evaluate[string](fmt.Sprintf("%s = %q", field, answer)))
		b.press("Continue")
	}
	for _, part := range []string{"urn:oasis:names:tc:SAML:2.0:status:", "<ds:SignatureValue>", "<xenc:CipherValue>", " InResponseTo="} {
		changed := bytes.Clone(plain)
		changed[bytes.Index(plain, []byte(part))+len(part)+3] ^= 1
		hand(base64.StdEncoding.EncodeToString(changed))
		b.comesTo(site+"/Shibboleth.sso/SAML2/POST", "The system encountered an error")
		b.open(site + "/Shibboleth.sso/Login?target=" + site + "/secure/") // another request, and another answer
		b.comesTo(a.server + "/saml/sso")
		if answer = get(b, chromedp.Evaluate[string](field)); answer == "" {
			t.Fatal("no answer")
		}
		if plain, err = base64.StdEncoding.DecodeString(answer); err != nil {
			t.Fatal(err)
		}
	}
	hand(answer)
	b.comesTo(site+"/secure/", "eppn="+p.ID+"@miyako.example")
	b.open(site + "/Shibboleth.sso/Login?target=" + site + "/secure/")
	b.comesTo(a.server + "/saml/sso")
	hand(answer)
	b.comesTo(site+"/Shibboleth.sso/SAML2/POST", "The system encountered an error")
}

// header returns the header of a signed token.
func header(t *testing.T, token string) string {
	t.Helper()
	part, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
