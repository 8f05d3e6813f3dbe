package mail

import (
	"strings"
	"testing"
)

func TestPolicyValidate(t *testing.T) {
	good := DefaultPolicy()
	good.From = "no-reply@miyako.example"
	if faults := good.Validate(); len(faults) > 0 {
		t.Fatalf("the default: %v", faults)
	}
	for want, change := range map[string]func(*Policy){
		"from":              func(p *Policy) { p.From = "nobody" },
		"host":              func(p *Policy) { p.Host = "" },
		"port":              func(p *Policy) { p.Port = 70000 },
		"encryption":        func(p *Policy) { p.Encryption = "ssl" },
		"username":          func(p *Policy) { p.Username = "warifu" },
		"helo":              func(p *Policy) { p.HELO = "a\r\nMAIL" },
		"message_id_domain": func(p *Policy) { p.MessageIDDomain = "a b" },
		"timeout":           func(p *Policy) { p.Timeout = 0 },
	} {
		p := good
		change(&p)
		if faults := p.Validate(); len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), want) {
			t.Errorf("%s: %v", want, faults)
		}
	}
}

// TestNoPasswordInTheClear refuses credentials for a connection that anybody
// on the way can read or make readable (OPS-3).
func TestNoPasswordInTheClear(t *testing.T) {
	for encryption, want := range map[Encryption]int{"": 0, StartTLS: 0, ImplicitTLS: 0, Opportunistic: 1, Plain: 1} {
		p := DefaultPolicy()
		p.From, p.Username, p.PasswordFile, p.Encryption = "a@b.example", "u", "/f", encryption
		if faults := p.Validate(); len(faults) != want {
			t.Errorf("%q: %v, want %d faults", encryption, faults, want)
		}
	}
}

// TestPolicyTellsAllFaultsAtOnce also shows what the zero value lacks.
func TestPolicyTellsAllFaultsAtOnce(t *testing.T) {
	if faults := (Policy{}).Validate(); len(faults) != 3 { // from, host, timeout
		t.Errorf("%v", faults)
	}
}

func TestPort(t *testing.T) {
	for want, p := range map[int]Policy{587: {}, 465: {Encryption: ImplicitTLS}, 25: {Encryption: ImplicitTLS, Port: 25}} {
		if got := p.port(); got != want {
			t.Errorf("%+v: %d, want %d", p, got, want)
		}
	}
}
