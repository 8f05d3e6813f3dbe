package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// metadata is the file that has those of a site, as the module describes it.
func (a *apache) metadata(host string) string {
	a.t.Helper()
	name := host + ".xml"
	a.write(name, download(a.t, fmt.Sprintf("http://127.0.0.1:%d/Shibboleth.sso/Metadata", a.port), fmt.Sprintf("%s:%d", host, a.port)))
	return filepath.Join(a.dir, name)
}

// writeShibboleth writes all that the daemon and the module need.
func (a *apache) writeShibboleth(idp string) {
	a.t.Helper()
	a.copyShipped()
	a.write("idp.xml", idp)
	certificate := regexp.MustCompile(`<ds:X509Certificate>([^<]*)<`).FindStringSubmatch(idp)
	a.write("idp.pem", "-----BEGIN CERTIFICATE-----\n"+certificate[1]+"\n-----END CERTIFICATE-----\n")
	for _, use := range []string{"signing", "encryption"} {
		out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN="+libraryHost,
			"-keyout", filepath.Join(a.dir, use+".key"), "-out", filepath.Join(a.dir, use+".pem")).CombinedOutput()
		if err != nil {
			a.t.Fatalf("openssl: %v\n%s", err, out)
		}
	}
	a.write("shibboleth/shibboleth2.xml", strings.NewReplacer("DIR", a.dir, "IDP", a.server+"/saml/metadata", "LIBRARY", libraryHost, "ARCHIVE", archiveHost).Replace(shibbolethConfiguration))
}

// copyShipped takes what Debian ships, with the paths of its logs changed and the
// attributes of Japan added.
func (a *apache) copyShipped() {
	a.t.Helper()
	shipped, err := filepath.Glob("/etc/shibboleth/*")
	if err != nil {
		a.t.Fatal(err)
	}
	for _, file := range shipped {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a key of the system's own
		}
		changed := regexp.MustCompile(`/var/log/(shibboleth|apache2)`).ReplaceAllString(string(text), a.dir+"/log")
		if filepath.Base(file) == "attribute-map.xml" {
			changed = strings.Replace(changed, "</Attributes>", `
<Attribute name="urn:oid:2.16.840.1.113730.3.1.241" id="displayName"/>
<Attribute name="urn:oid:1.3.6.1.4.1.32264.1.1.3" id="jaDisplayName"/>
</Attributes>`, 1)
		}
		a.write("shibboleth/"+filepath.Base(file), changed)
	}
}

// shibbolethConfiguration has two services, which differ in the binding of their
// requests.
const shibbolethConfiguration = `
<SPConfig xmlns="urn:mace:shibboleth:3.0:native:sp:config" clockSkew="180">
 <UnixListener address="DIR/run/shibd.sock"/>
 <ApplicationDefaults entityID="https://LIBRARY/shibboleth" REMOTE_USER="eppn" signing="true">
  <Sessions lifetime="28800" timeout="3600" relayState="ss:mem" checkAddress="false" handlerSSL="false" cookieProps="http">
   <SSO entityID="IDP" outgoingBindings="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect">SAML2</SSO>
   <Logout>SAML2 Local</Logout>
   <Handler type="MetadataGenerator" Location="/Metadata" signing="false"/>
  </Sessions>
  <Errors supportContact="root@localhost" helpLocation="/about.html" styleSheet="/shibboleth-sp/main.css"/>
  <MetadataProvider type="XML" validate="true" path="DIR/idp.xml">
   <MetadataFilter type="RequireValidUntil" maxValidityInterval="1296000"/>
   <MetadataFilter type="Signature" certificate="DIR/idp.pem" verifyBackup="false"/>
  </MetadataProvider>
  <AttributeExtractor type="XML" validate="true" reloadChanges="false" path="attribute-map.xml"/>
  <AttributeFilter type="XML" validate="true" path="attribute-policy.xml"/>
  <CredentialResolver type="File" use="signing" key="DIR/signing.key" certificate="DIR/signing.pem"/>
  <CredentialResolver type="File" use="encryption" key="DIR/encryption.key" certificate="DIR/encryption.pem"/>
  <ApplicationOverride id="archive" entityID="https://ARCHIVE/shibboleth">
   <Sessions lifetime="28800" timeout="3600" relayState="ss:mem" checkAddress="false" handlerSSL="false" cookieProps="http">
    <SSO entityID="IDP" outgoingBindings="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST">SAML2</SSO>
    <Logout>SAML2 Local</Logout>
    <Handler type="MetadataGenerator" Location="/Metadata" signing="false"/>
   </Sessions>
  </ApplicationOverride>
 </ApplicationDefaults>
 <SecurityPolicyProvider type="XML" validate="true" path="security-policy.xml"/>
 <ProtocolProvider type="XML" validate="true" reloadChanges="false" path="protocols.xml"/>
</SPConfig>
`
