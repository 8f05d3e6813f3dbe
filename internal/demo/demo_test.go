package demo

import "testing"

// TestPorts listens on loopback only, and moves all ports together. OPS-8.
func TestPorts(t *testing.T) {
	for listen, good := range map[string]bool{
		"127.0.0.1:8080": true, "localhost:9000": true, "[::1]:8080": true, "127.8.8.8:80": true,
		"0.0.0.0:8080": false, "[::]:8080": false, ":8080": false, "192.0.2.1:8080": false, "sso.example:8080": false, "8080": false,
	} {
		if _, err := (Options{Listen: listen}).ports(); (err == nil) != good {
			t.Errorf("%s: %v", listen, err)
		}
	}
	p, err := Options{Listen: "127.0.0.1:8080", PortBase: 9000}.ports()
	want := ports{host: "127.0.0.1", server: "9000", oidc: "9001", saml: "9002", smtp: "9003", mailPage: "9004", operate: "9005"}
	if err != nil || p != want {
		t.Errorf("%+v, %v, want %+v", p, err, want)
	}
}
