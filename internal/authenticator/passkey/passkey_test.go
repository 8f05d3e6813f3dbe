package passkey_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"warifu/internal/authenticator"
	"warifu/internal/authenticator/passkey"
	"warifu/internal/authenticator/passkey/passkeytest"
	"warifu/internal/secret"
)

const origin = "https://sso.miyako.example"

var (
	now    = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)
	policy = passkey.Policy{RPID: "miyako.example", Origins: []string{origin, "https://login.miyako.example:8443"}, Name: "Miyako University"}
	anna   = passkey.Person{SubscriberID: "anna", Name: "sps00001", Display: "宮子 花"}
)

func newParty(t testing.TB, version int) *passkey.Party {
	t.Helper()
	keys := make(map[int][]byte)
	for v := 1; v <= version; v++ {
		keys[v] = bytes.Repeat([]byte{byte(v)}, secret.KeySize)
	}
	mac, err := secret.NewMAC(version, keys)
	if err != nil {
		t.Fatal(err)
	}
	party, err := passkey.NewParty(policy, mac, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return party
}

// must returns the value of a call that cannot fail here.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// enrol makes a passkey of a person on a device.
func enrol(t testing.TB, party *passkey.Party, device *passkeytest.Device, who passkey.Person) passkey.Credential {
	t.Helper()
	options, ceremony, err := party.BeginRegistration(who, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := party.FinishRegistration(ceremony, who.SubscriberID, must(device.Create(options))(t), now)
	if err != nil {
		t.Fatal(err)
	}
	c.Name, c.BoundBy = "key", authenticator.BySecondFactor
	return c
}

// TestRegistration: what the browser is asked for, and what is stored. WAN-1, WAN-4.
func TestRegistration(t *testing.T) {
	party, device := newParty(t, 1), passkeytest.New(origin)
	device.Flags |= passkeytest.BE | passkeytest.BS
	device.AAGUID = [16]byte{0xea, 0x9b, 0x8d, 0x66, 0x4d, 0x01, 0x1d, 0x21, 0x3c, 0xe4, 0xb6, 0xb4, 0x8c, 0xb5, 0x75, 0xd4}
	options, ceremony, err := party.BeginRegistration(anna, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"attestation":"none"`, `"residentKey":"required"`, `"userVerification":"required"`, `"id":"miyako.example"`, `"timeout":300000`, `"alg":-7`, `"alg":-8`, `"alg":-257`, `"name":"sps00001"`} {
		if !strings.Contains(string(options), want) {
			t.Errorf("the options lack %s: %s", want, options)
		}
	}
	var asked struct {
		PublicKey struct {
			Challenge string
			User      struct{ ID string }
		}
	}
	if err := json.Unmarshal(options, &asked); err != nil || len(asked.PublicKey.Challenge) != 43 || len(asked.PublicKey.User.ID) < 43 {
		t.Errorf("%+v, %v, want 32 bytes of challenge and a handle of as many", asked, err)
	}
	c, err := party.FinishRegistration(ceremony, "anna", must(device.Create(options))(t), now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(c.ID, device.Passkeys[0].ID) || c.SubscriberID != "anna" || !c.UserVerified || !c.BackupEligible || !c.BackupState ||
		c.SignCount != 1 || !c.CreatedAt.Equal(now.Add(time.Minute)) || !c.LastUsedAt.IsZero() || strings.Join(c.Transports, " ") != "hybrid internal" ||
		passkey.ProposeName(c.AAGUID, "Firefox") != "Google Password Manager" || !bytes.Equal(c.UserHandle, device.Passkeys[0].UserHandle) {
		t.Errorf("%+v", c)
	}
	if bytes.Contains(c.UserHandle, []byte("anna")) || bytes.Contains(c.UserHandle, []byte("sps")) {
		t.Errorf("the user handle %q tells who it is", c.UserHandle)
	}
}

// TestExcluded: a device makes no second passkey of one person, whose user
// handle stays the same over a rotation of its key.
func TestExcluded(t *testing.T) {
	device := passkeytest.New(origin)
	first := enrol(t, newParty(t, 1), device, anna)
	rotated := newParty(t, 2)
	options, ceremony, err := rotated.BeginRegistration(anna, []passkey.Credential{first}, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := device.Create(options); !errors.Is(err, passkeytest.ErrExcluded) {
		t.Errorf("%v, want ErrExcluded", err)
	}
	second, err := rotated.FinishRegistration(ceremony, "anna", must(passkeytest.New(origin).Create(options))(t), now)
	if err != nil || !bytes.Equal(second.UserHandle, first.UserHandle) || bytes.Equal(second.ID, first.ID) {
		t.Errorf("%+v, %v, want the handle %x", second, err, first.UserHandle)
	}
	if other := enrol(t, rotated, device, passkey.Person{SubscriberID: "bert", Name: "b", Display: "b"}); bytes.Equal(other.UserHandle, first.UserHandle) {
		t.Error("two people have one user handle")
	}
}

// TestRegistrationRefused proves A55 for registration.
func TestRegistrationRefused(t *testing.T) {
	party := newParty(t, 1)
	for name, test := range map[string]struct {
		change func(d *passkeytest.Device)
		want   error
	}{
		"wrong origin":         {func(d *passkeytest.Device) { d.Origin = "https://sso.miyako.example.org" }, passkey.ErrRefused},
		"origin without port":  {func(d *passkeytest.Device) { d.Origin = "https://login.miyako.example" }, passkey.ErrRefused},
		"origin in upper case": {func(d *passkeytest.Device) { d.Origin = "https://SSO.miyako.example" }, passkey.ErrRefused},
		"http":                 {func(d *passkeytest.Device) { d.Origin = "http://sso.miyako.example" }, passkey.ErrRefused},
		"cross-origin":         {set("crossOrigin", true), passkey.ErrRefused},
		"top origin":           {set("topOrigin", "https://evil.example"), passkey.ErrRefused},
		"another challenge":    {set("challenge", passkey.EncodeID(make([]byte, 32))), passkey.ErrRefused},
		"no challenge":         {set("challenge", ""), passkey.ErrRefused},
		"an assertion":         {set("type", "webauthn.get"), passkey.ErrRefused},
		"no type":              {set("type", ""), passkey.ErrRefused},
		"user not verified":    {func(d *passkeytest.Device) { d.Flags &^= passkeytest.UV }, passkey.ErrRefused},
		"user not there":       {func(d *passkeytest.Device) { d.Flags &^= passkeytest.UP }, passkey.ErrRefused},
		"backed up, not so":    {func(d *passkeytest.Device) { d.Flags |= passkeytest.BS }, passkey.ErrRefused},
		"wrong RP ID":          {authData(func(b []byte) []byte { b[0] ^= 1; return b }), passkey.ErrRefused},
		"cut authenticator":    {authData(func(b []byte) []byte { return b[:60] }), passkey.ErrMalformed},
		"longer authenticator": {authData(func(b []byte) []byte { return append(b, 0) }), passkey.ErrMalformed},
		"no credential":        {authData(func(b []byte) []byte { b[32] &^= passkeytest.AT; return b[:37] }), passkey.ErrMalformed},
		"another id outside":   {response("id", "AAAA"), passkey.ErrMalformed},
		"another id, twice": {func(d *passkeytest.Device) {
			d.Response = func(r map[string]any) { r["id"], r["rawId"] = "AAAA", "AAAA" }
		}, passkey.ErrRefused},
		"no id":                 {response("id", ""), passkey.ErrMalformed},
		"another type of thing": {response("type", "password"), passkey.ErrMalformed},
		"nothing inside":        {response("response", map[string]any{}), passkey.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			device := passkeytest.New(origin)
			test.change(device)
			options, ceremony, err := party.BeginRegistration(anna, nil, now)
			if err != nil {
				t.Fatal(err)
			}
			got, err := party.FinishRegistration(ceremony, "anna", must(device.Create(options))(t), now)
			if !errors.Is(err, test.want) || got.ID != nil {
				t.Errorf("%+v, %v, want %v", got, err, test.want)
			}
		})
	}
}

// set changes one member of the client data.
func set(member string, value any) func(*passkeytest.Device) {
	return func(d *passkeytest.Device) { d.ClientData = func(c map[string]any) { c[member] = value } }
}

func authData(change func([]byte) []byte) func(*passkeytest.Device) {
	return func(d *passkeytest.Device) { d.AuthData = change }
}

func response(member string, value any) func(*passkeytest.Device) {
	return func(d *passkeytest.Device) { d.Response = func(r map[string]any) { r[member] = value } }
}

// TestAlone: a passkey alone tells who it is and that its user was verified.
func TestAlone(t *testing.T) {
	party, device := newParty(t, 1), passkeytest.New(origin)
	stored := enrol(t, party, device, anna)
	options, ceremony, err := party.BeginAlone(now)
	if err != nil || strings.Contains(string(options), "allowCredentials") || !strings.Contains(string(options), `"userVerification":"required"`) {
		t.Fatalf("%s, %v", options, err)
	}
	answer := must(device.Get(options))(t)
	id, err := passkey.CredentialID(answer)
	if err != nil || !bytes.Equal(id, stored.ID) {
		t.Fatalf("%x, %v", id, err)
	}
	at := now.Add(passkey.Lifetime - time.Millisecond)
	proof, err := party.FinishAssertion(ceremony, stored, answer, at)
	if err != nil || !proof.UV || proof.Credential.SignCount != 2 || !proof.Credential.LastUsedAt.Equal(at) {
		t.Fatalf("%+v, %v", proof, err)
	}
	evidence := proof.Evidence()
	if evidence.Kind != authenticator.Passkey || evidence.ID != passkey.EncodeID(stored.ID) || !evidence.UV || !evidence.At.Equal(at) || evidence.By != authenticator.BySecondFactor {
		t.Errorf("%+v", evidence)
	}
}

// TestBeside: beside a password, a key without user verification counts, and
// says so; one of those that were asked for alone.
func TestBeside(t *testing.T) {
	party, device := newParty(t, 1), passkeytest.New(origin)
	stored := enrol(t, party, device, anna)
	device.Flags &^= passkeytest.UV
	options, ceremony, err := party.BeginBeside("anna", []passkey.Credential{stored}, now)
	if err != nil || !strings.Contains(string(options), `"id":"`+passkey.EncodeID(stored.ID)) || !strings.Contains(string(options), `"userVerification":"preferred"`) {
		t.Fatalf("%s, %v", options, err)
	}
	proof, err := party.FinishAssertion(ceremony, stored, must(device.Get(options))(t), now)
	if err != nil || proof.UV || proof.Evidence().UV {
		t.Errorf("%+v, %v", proof, err)
	}
	device.Passkeys[0].UserHandle = nil // a security key may keep none
	if proof, err := party.FinishAssertion(ceremony, stored, must(device.Get(options))(t), now); err != nil {
		t.Errorf("without user handle: %+v, %v", proof, err)
	}
	for name, present := range map[string][]passkey.Credential{"none": nil, "another person's": {stored, {ID: []byte("x"), SubscriberID: "bert"}}} {
		if _, c, err := party.BeginBeside("anna", present, now); !errors.Is(err, passkey.ErrOwner) || c != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAssertionRefused proves A55 for signing in, alone and beside a password.
func TestAssertionRefused(t *testing.T) {
	party := newParty(t, 1)
	for name, test := range map[string]struct {
		change func(d *passkeytest.Device)
		want   error
	}{
		"wrong origin":         {func(d *passkeytest.Device) { d.Origin = "https://sso.miyako.example.org" }, passkey.ErrRefused},
		"origin with a path":   {func(d *passkeytest.Device) { d.Origin = origin + "/" }, passkey.ErrRefused},
		"origin in upper case": {func(d *passkeytest.Device) { d.Origin = "https://SSO.miyako.example" }, passkey.ErrRefused},
		"subdomain":            {func(d *passkeytest.Device) { d.Origin = "https://x.miyako.example" }, passkey.ErrRefused},
		"cross-origin":         {set("crossOrigin", true), passkey.ErrRefused},
		"top origin":           {set("topOrigin", origin), passkey.ErrRefused},
		"another challenge":    {set("challenge", passkey.EncodeID(make([]byte, 32))), passkey.ErrRefused},
		"a registration":       {set("type", "webauthn.create"), passkey.ErrRefused},
		"user not there":       {func(d *passkeytest.Device) { d.Flags &^= passkeytest.UP }, passkey.ErrRefused},
		"now to be backed up":  {func(d *passkeytest.Device) { d.Flags |= passkeytest.BE }, passkey.ErrRefused},
		"backed up, not so":    {func(d *passkeytest.Device) { d.Flags |= passkeytest.BS }, passkey.ErrRefused},
		"wrong RP ID":          {func(d *passkeytest.Device) { d.Passkeys[0].RPID = "evil.example" }, passkey.ErrRefused},
		"another user handle":  {func(d *passkeytest.Device) { d.Passkeys[0].UserHandle = []byte("bert") }, passkey.ErrOwner},
		"mangled signature":    {func(d *passkeytest.Device) { d.Signature = func(s []byte) []byte { s[len(s)-1] ^= 1; return s } }, passkey.ErrRefused},
		"no signature":         {func(d *passkeytest.Device) { d.Signature = func([]byte) []byte { return nil } }, passkey.ErrRefused},
		"longer signature":     {func(d *passkeytest.Device) { d.Signature = func(s []byte) []byte { return append(s, 0) } }, passkey.ErrRefused},
		"another key":          {func(d *passkeytest.Device) { d.Passkeys[0].Key = passkeytest.NewKey() }, passkey.ErrRefused},
		"cut authenticator":    {authData(func(b []byte) []byte { return b[:36] }), passkey.ErrMalformed},
		"longer authenticator": {authData(func(b []byte) []byte { return append(b, 0) }), passkey.ErrMalformed},
		"the count as before":  {func(d *passkeytest.Device) { d.SignCount-- }, passkey.ErrCloned},
		"the count back":       {func(d *passkeytest.Device) { d.SignCount = 0 }, passkey.ErrCloned},
		"another id": {func(d *passkeytest.Device) {
			d.Response = func(r map[string]any) { r["id"], r["rawId"] = "AAAA", "AAAA" }
		}, passkey.ErrOwner},
		"another id outside":    {response("id", "AAAA"), passkey.ErrMalformed},
		"no id":                 {response("rawId", ""), passkey.ErrMalformed},
		"another type of thing": {response("type", "password"), passkey.ErrMalformed},
		"nothing inside":        {response("response", map[string]any{}), passkey.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			for _, begin := range []func(passkey.Credential) ([]byte, passkey.Ceremony, error){
				func(passkey.Credential) ([]byte, passkey.Ceremony, error) { return party.BeginAlone(now) },
				func(c passkey.Credential) ([]byte, passkey.Ceremony, error) {
					return party.BeginBeside("anna", []passkey.Credential{c}, now)
				},
			} {
				device := passkeytest.New(origin)
				stored := enrol(t, party, device, anna)
				options, ceremony, err := begin(stored)
				if err != nil {
					t.Fatal(err)
				}
				challenge := passkeytest.Challenge(options)
				test.change(device)
				proof, err := party.FinishAssertion(ceremony, stored, must(device.Sign(device.Passkeys[0], challenge))(t), now)
				if !errors.Is(err, test.want) || proof.Credential.ID != nil || proof.UV {
					t.Errorf("%+v, %v, want %v", proof, err, test.want)
				}
			}
		})
	}
}

// TestAloneRefused proves WAN-1 and A55 where nobody is named by a password: user
// verification and the user handle may not be missing.
func TestAloneRefused(t *testing.T) {
	party, device := newParty(t, 1), passkeytest.New(origin)
	stored := enrol(t, party, device, anna)
	options, ceremony := begin(t, party)
	device.Flags &^= passkeytest.UV
	if proof, err := party.FinishAssertion(ceremony, stored, must(device.Get(options))(t), now); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("UV=0: %+v, %v, want ErrRefused", proof, err)
	}
	device.Flags |= passkeytest.UV
	device.Passkeys[0].UserHandle = nil
	if proof, err := party.FinishAssertion(ceremony, stored, must(device.Get(options))(t), now); !errors.Is(err, passkey.ErrOwner) {
		t.Errorf("without user handle: %+v, %v, want ErrOwner", proof, err)
	}
}

func begin(t testing.TB, party *passkey.Party) ([]byte, passkey.Ceremony) {
	t.Helper()
	options, ceremony, err := party.BeginAlone(now)
	if err != nil {
		t.Fatal(err)
	}
	return options, ceremony
}

// TestAnotherPerson proves A55: bert's passkey does not let in anna, whatever
// the store returns, and is no answer to what anna was asked.
func TestAnotherPerson(t *testing.T) {
	party := newParty(t, 1)
	annas, berts := passkeytest.New(origin), passkeytest.New(origin)
	ofAnna := enrol(t, party, annas, anna)
	ofBert := enrol(t, party, berts, passkey.Person{SubscriberID: "bert", Name: "b", Display: "b"})

	options, ceremony := begin(t, party)
	answer := must(berts.Get(options))(t)
	confused := ofAnna
	confused.ID = ofBert.ID // the id of one, the key of the other
	swapped := ofBert
	swapped.SubscriberID, swapped.UserHandle = "anna", ofAnna.UserHandle
	for name, stored := range map[string]passkey.Credential{"anna's": ofAnna, "a mixture": confused, "bert's as anna's": swapped, "none": {}} {
		if proof, err := party.FinishAssertion(ceremony, stored, answer, now); !errors.Is(err, passkey.ErrOwner) {
			t.Errorf("%s: %+v, %v, want ErrOwner", name, proof, err)
		}
	}
	if proof, err := party.FinishAssertion(ceremony, ofBert, answer, now); err != nil || proof.Credential.SubscriberID != "bert" {
		t.Errorf("%+v, %v", proof, err)
	}

	options, ceremony, err := party.BeginBeside("anna", []passkey.Credential{ofAnna}, now)
	if err != nil {
		t.Fatal(err)
	}
	answer = must(berts.Sign(berts.Passkeys[0], passkeytest.Challenge(options)))(t)
	if proof, err := party.FinishAssertion(ceremony, ofBert, answer, now); !errors.Is(err, passkey.ErrOwner) {
		t.Errorf("bert's, where anna's was asked for: %+v, %v", proof, err)
	}
	second := enrol(t, party, passkeytest.New(origin), anna) // made after the question
	if proof, err := party.FinishAssertion(ceremony, second, must(annas.Get(options))(t), now); !errors.Is(err, passkey.ErrOwner) {
		t.Errorf("one that was not asked for: %+v, %v", proof, err)
	}
}

// TestCeremonies proves WAN-1: each is good for one question, one person and
// five minutes.
func TestCeremonies(t *testing.T) {
	party, device := newParty(t, 1), passkeytest.New(origin)
	options, register, err := party.BeginRegistration(anna, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	made := must(device.Create(options))(t)
	stored, err := party.FinishRegistration(register, "anna", made, now)
	if err != nil {
		t.Fatal(err)
	}
	options, alone := begin(t, party)
	signed := must(device.Get(options))(t)
	_, other := begin(t, party)
	longAgo := time.Hour
	for name, test := range map[string]struct {
		ceremony passkey.Ceremony
		after    time.Duration
		want     error
	}{
		"in time":             {alone, passkey.Lifetime - 1, nil},
		"late":                {alone, passkey.Lifetime, passkey.ErrExpired},
		"very late":           {alone, longAgo, passkey.ErrExpired},
		"before it began":     {alone, -1, passkey.ErrExpired},
		"of another question": {other, 0, passkey.ErrRefused},
		"a registration":      {register, 0, passkey.ErrCeremony},
		"none":                {"", 0, passkey.ErrCeremony},
		"null":                {"null", 0, passkey.ErrCeremony},
		"cut":                 {alone[:len(alone)-1], 0, passkey.ErrCeremony},
		"without challenge":   {`{"kind":"alone","challenge":"","begun_at":"2026-04-01T09:00:00Z"}`, 0, passkey.ErrCeremony},
		"of no kind":          {passkey.Ceremony(strings.Replace(string(alone), "alone", "alon", 1)), 0, passkey.ErrCeremony},
	} {
		if _, err := party.FinishAssertion(test.ceremony, stored, signed, now.Add(test.after)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	for name, test := range map[string]struct {
		ceremony   passkey.Ceremony
		subscriber string
		after      time.Duration
		want       error
	}{
		"late":                {register, "anna", passkey.Lifetime, passkey.ErrExpired},
		"of another person":   {register, "bert", 0, passkey.ErrCeremony},
		"of nobody":           {register, "", 0, passkey.ErrCeremony},
		"not a registration":  {alone, "anna", 0, passkey.ErrCeremony},
		"nobody's, of nobody": {alone, "", 0, passkey.ErrCeremony},
	} {
		if _, err := party.FinishRegistration(test.ceremony, test.subscriber, made, now.Add(test.after)); !errors.Is(err, test.want) {
			t.Errorf("registration %s: %v, want %v", name, err, test.want)
		}
	}
}

// TestSignCount proves WAN-2 over all kinds of authenticators.
func TestSignCount(t *testing.T) {
	party := newParty(t, 1)
	for _, test := range []struct {
		last, next uint32
		flags      byte
		want       error
	}{
		{0, 0, 0, nil}, // does not count
		{0, 1, 0, nil},
		{1, 2, 0, nil},
		{1, 1 << 31, 0, nil},
		{1, 1, 0, passkey.ErrCloned},
		{2, 1, 0, passkey.ErrCloned},
		{2, 0, 0, passkey.ErrCloned},
		{1<<32 - 1, 0, 0, passkey.ErrCloned},
		{2, 1, passkeytest.BE, nil}, // copies of one passkey don't know of each other
		{2, 0, passkeytest.BE, nil},
	} {
		device := passkeytest.New(origin)
		device.Flags |= test.flags
		stored := enrol(t, party, device, anna)
		stored.SignCount, device.SignCount = test.last, test.next
		options, ceremony := begin(t, party)
		proof, err := party.FinishAssertion(ceremony, stored, must(device.Get(options))(t), now)
		if !errors.Is(err, test.want) || err == nil && proof.Credential.SignCount != test.next {
			t.Errorf("from %d to %d with flags %#x: %d, %v, want %v", test.last, test.next, test.flags, proof.Credential.SignCount, err, test.want)
		}
	}
}

// TestTruncated proves A27: no proper prefix of an answer, and nothing that
// follows one, is an answer.
func TestTruncated(t *testing.T) {
	party, device := newParty(t, 1), passkeytest.New(origin)
	options, register, err := party.BeginRegistration(anna, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	made := must(device.Create(options))(t)
	stored, err := party.FinishRegistration(register, "anna", made, now)
	if err != nil {
		t.Fatal(err)
	}
	options, ceremony := begin(t, party)
	signed := must(device.Get(options))(t)
	for n := range signed {
		if _, err := party.FinishAssertion(ceremony, stored, signed[:n], now); !errors.Is(err, passkey.ErrMalformed) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	for n := range made {
		if _, err := party.FinishRegistration(register, "anna", made[:n], now); !errors.Is(err, passkey.ErrMalformed) {
			t.Fatalf("the first %d bytes of a registration: %v", n, err)
		}
	}
	for _, tail := range []string{"{}", "x", strings.Repeat(" ", 64<<10)} {
		_, err1 := party.FinishAssertion(ceremony, stored, append(bytes.Clone(signed), tail...), now)
		_, err2 := party.FinishRegistration(register, "anna", append(bytes.Clone(made), tail...), now)
		_, err3 := passkey.CredentialID(append(bytes.Clone(signed), tail...))
		if !errors.Is(err1, passkey.ErrMalformed) || !errors.Is(err2, passkey.ErrMalformed) || !errors.Is(err3, passkey.ErrMalformed) {
			t.Errorf("%.5q… behind it: %v, %v, %v", tail, err1, err2, err3)
		}
	}
}

// TestNoRandomness: without a challenge there is no ceremony.
func TestNoRandomness(t *testing.T) {
	mac, err := secret.NewMAC(1, map[int][]byte{1: make([]byte, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	party, err := passkey.NewParty(policy, mac, strings.NewReader("31 bytes are not enough for one"))
	if err != nil {
		t.Fatal(err)
	}
	if _, c, err := party.BeginAlone(now); err == nil || c != "" {
		t.Errorf("%q, %v", c, err)
	}
	if _, c, err := party.BeginRegistration(anna, nil, now); err == nil || c != "" {
		t.Errorf("%q, %v", c, err)
	}
	for name, p := range map[string]passkey.Policy{"no policy": {}, "an address": {RPID: "127.0.0.1", Origins: []string{"http://127.0.0.1"}, Name: "x"}} {
		if _, err := passkey.NewParty(p, mac, rand.Reader); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := passkey.NewParty(policy, nil, rand.Reader); err == nil {
		t.Error("no key is taken")
	}
}

// TestPolicy: origins are written as browsers write them, and within the domain.
func TestPolicy(t *testing.T) {
	for _, test := range []struct {
		rpID, origin string
		faults       int
	}{
		{"miyako.example", "https://miyako.example", 0},
		{"miyako.example", "https://sso.miyako.example", 0},
		{"sso.miyako.example", "https://sso.miyako.example:8443", 0},
		{"localhost", "http://localhost:8080", 0},
		{"miyako.example", "http://miyako.example", 1},
		{"miyako.example", "https://xmiyako.example", 1},
		{"miyako.example", "https://miyako.example.org", 1},
		{"miyako.example", "https://miyako.example/", 1},
		{"miyako.example", "https://miyako.example:443", 1},
		{"miyako.example", "https://miyako.example:", 1},
		{"miyako.example", "https://Miyako.example", 1},
		{"miyako.example", "https://a@miyako.example", 1},
		{"miyako.example", "miyako.example", 1},
		{"miyako.example", "", 1},
		{"Miyako.example", "https://miyako.example", 2},
		{"miyako.example.", "https://miyako.example", 2},
		{"127.0.0.1", "http://127.0.0.1:8080", 2},
		{"", "https://miyako.example", 2},
	} {
		p := passkey.Policy{RPID: test.rpID, Origins: []string{test.origin}, Name: "x"}
		if faults := p.Validate(); len(faults) != test.faults {
			t.Errorf("%q, %q: %v, want %d faults", test.rpID, test.origin, faults, test.faults)
		}
	}
	if faults := (passkey.Policy{}).Validate(); len(faults) != 3 {
		t.Errorf("%v, want 3 faults", faults)
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		aaguid        []byte
		browser, want string
	}{
		{nil, "Firefox on Linux", "Firefox on Linux"},
		{make([]byte, 16), "Firefox on Linux", "Firefox on Linux"},
		{make([]byte, 16), "", ""},
		{[]byte("PassPassPassPass"), "", ""},
		{[]byte("ProtonPassProton"), "x", "Proton Pass"},
	} {
		if got := passkey.ProposeName(test.aaguid, test.browser); got != test.want {
			t.Errorf("%q, %q: %q, want %q", test.aaguid, test.browser, got, test.want)
		}
	}
	for typed, want := range map[string]string{
		strings.Repeat("あ", 41):         strings.Repeat("あ", 40),
		strings.Repeat("a", 39) + " bc": strings.Repeat("a", 39),
	} {
		if got := passkey.ProposeName(nil, typed); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

// TestIDs proves A27: each id has one spelling.
func TestIDs(t *testing.T) {
	if id, ok := passkey.DecodeID(passkey.EncodeID([]byte{0, 255, 7})); !ok || !bytes.Equal(id, []byte{0, 255, 7}) {
		t.Errorf("%x, %t", id, ok)
	}
	for _, s := range []string{"", "A", "AB", "AP8H=", "AP8H\n", "AP/H", " AP8H", strings.Repeat("A", 1400)} {
		if id, ok := passkey.DecodeID(s); ok {
			t.Errorf("%q is read as %x", s, id)
		}
	}
}

// FuzzFinishRegistration looks for an answer that panics, or that is accepted
// and is not for this challenge.
func FuzzFinishRegistration(f *testing.F) {
	party, device := newParty(f, 1), passkeytest.New(origin)
	options, ceremony, err := party.BeginRegistration(anna, nil, now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(must(device.Create(options))(f))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	challenge := passkeytest.Challenge(options)
	f.Fuzz(func(t *testing.T, answer []byte) {
		c, err := party.FinishRegistration(ceremony, "anna", answer, now)
		if err != nil {
			if c.ID != nil {
				t.Errorf("refused with %v, and returned", err)
			}
			return
		}
		if len(c.ID) == 0 || len(c.PublicKey) == 0 || c.SubscriberID != "anna" || !c.UserVerified || len(challenge) != 32 {
			t.Errorf("%+v", c)
		}
	})
}

// FuzzFinishAssertion looks for an answer that panics, or that is accepted with
// anything but the right credential.
func FuzzFinishAssertion(f *testing.F) {
	party, device := newParty(f, 1), passkeytest.New(origin)
	stored := enrol(f, party, device, anna)
	options, ceremony := begin(f, party)
	f.Add(must(device.Get(options))(f))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		proof, err := party.FinishAssertion(ceremony, stored, answer, now)
		if err != nil {
			if proof.Credential.ID != nil || proof.UV {
				t.Errorf("refused with %v, and returned", err)
			}
			return
		}
		if id, err := passkey.CredentialID(answer); err != nil || !bytes.Equal(id, stored.ID) || !proof.UV {
			t.Errorf("%x, %v, %+v", id, err, proof)
		}
	})
}
