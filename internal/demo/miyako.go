package demo

import (
	"fmt"
	"strconv"
	"strings"

	"warifu/internal/config"
	"warifu/internal/demo/people"
	"warifu/internal/federation"
)

// The made-up institution.

var (
	serviceName = federation.Text{Japanese: "学務情報システム（実演）", English: "Academic Affairs (demonstration)"}
	libraryName = federation.Text{Japanese: "電子図書館（実演）", English: "Digital Library (demonstration)"}
)

func institution(i config.Institution) config.Institution {
	i.Name = federation.Text{Japanese: "みやこ大学", English: "Miyako University"}
	i.AppShort = federation.Text{Japanese: "みやこ大学認証", English: "Miyako Login"}
	i.MailDomains = []string{"miyako.example"}
	i.Scope = "miyako.example"
	return i
}

func helpDesk(d config.HelpDesk) config.HelpDesk {
	d.Name = federation.Text{Japanese: "情報環境支援センター", English: "ICT Support Center"}
	d.Telephone, d.Extension = "075-000-0000", "0000"
	d.OtherContact = federation.Text{Japanese: "窓口（情報棟 1階）にお越しください", English: "come to the counter (Information Building, 1st floor)"}
	return d
}

// services are the two of the demonstration; one is known by its secret, the
// other by its metadata.
func (p ports) services(clientSecret, metadata string) []federation.Service {
	base, library := address(p.oidc), address(p.saml)
	return []federation.Service{{
		ID: clientID, Name: serviceName, Protocol: federation.OIDC, Address: base + "/login", AcceptFallback: true,
		Release: federation.Release{Optional: []string{"name", "email"}},
		RelyingParty: federation.RelyingParty{
			Secrets: []string{federation.SecretDigest(clientSecret)}, RedirectURIs: []string{base + "/callback"},
			PostLogoutRedirectURIs: []string{base + "/"}, BackchannelLogoutURI: base + "/backchannel-logout",
		},
	}, {
		ID: "demo-saml", Name: libraryName, Protocol: federation.SAML, Address: library + "/login", AcceptFallback: true,
		Release: federation.Release{Optional: []string{"name", "email", "principal_name", "affiliation", "scoped_affiliation",
			"organization", "department", "home_organization", "targeted_id", "pairwise_id"}},
		ServiceProvider: federation.ServiceProvider{EntityID: library + "/metadata", Metadata: metadata},
	}}
}

func portNumber(port string) int {
	n, _ := strconv.Atoi(port) // it has been listened on
	return n
}

// print writes every address and account as a table.
func (o Options) print(p ports) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("")
	line("Warifu demonstration of みやこ大学 / Miyako University (made up; on this machine only)")
	line("")
	for _, row := range [][2]string{
		{"Sign-on", address(p.server)},
		{"Service (OIDC)", address(p.oidc)},
		{"Service (SAML)", address(p.saml)},
		{"Mail catcher, page", address(p.mailPage)},
		{"Mail catcher, SMTP", "localhost:" + p.smtp},
		{"Health and metrics", address(p.operate) + "/readyz"},
	} {
		line("  %-20s %s", row[0], row[1])
	}
	line("")
	line("  %-12s %-14s %-34s %s", "Account", "Role", "TOTP secret", "Notification address")
	for _, a := range people.Accounts() {
		line("  %-12s %-14s %-34s %s", a.SPSID, role(a), or(a.TOTP, "not set up"), or(a.Address, "none"))
	}
	if o.SeedUsers > 0 {
		line("  seed0000001 … seed%07d: students; the secret is SHA-1 of \"warifu-demo:\" and the SPS-ID", o.SeedUsers)
	}
	line("")
	line("  Password of all: %s", people.Password)
	line("  A code:          oathtool --totp -b %s", people.Accounts()[0].TOTP)
	line("  End:             Ctrl-C")
	line("")
	_, err := o.Out.Write([]byte(b.String()))
	return err
}

func role(a people.Account) string {
	if a.Status != "active" {
		return string(a.Status)
	}
	return string(a.Role)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
