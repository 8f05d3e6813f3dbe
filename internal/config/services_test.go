package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestServicesOfTheFile tells what is wrong between services, and with what they are
// to be told, each at its line: two known by one entityID, and no attribute.
func TestServicesOfTheFile(t *testing.T) {
	const entity = "https://lib.example/shibboleth"
	service := func(id, more string) string {
		return fmt.Sprintf("- {id: %s, name: {ja: 図書館, en: Library}, protocol: saml, entity_id: '%s', metadata: '%s'%s}\n", id, entity,
			`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="`+entity+`"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`+
				`<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://lib.example/acs" index="1"/></md:SPSSODescriptor></md:EntityDescriptor>`, more)
	}
	load := func(services ...string) error {
		_, err := Load(write(t, "warifu.yaml", strings.ReplaceAll(filled(), "services: []", "services:\n"+strings.Join(services, ""))), nil)
		return err
	}
	if err := load(service("lib", ", release: {optional: [name]}"), service("former", ", disabled: true")); err != nil {
		t.Errorf("one of them is switched off: %v", err)
	}
	wantFaults(t, load(service("lib", ", release: {required: [shoes], optional: [naem]}"), service("library", "")),
		`warifu.yaml:46: services[0]: service "lib": release.required must be of affiliation,`, `warifu.yaml:46: services[0]: service "lib": release.optional must be of affiliation,`,
		`warifu.yaml:47: services[1]: service "library": the entityID "`+entity+`" is that of the service "lib" already`)
}
