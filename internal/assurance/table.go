package assurance

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"warifu/internal/authenticator"
)

// row is one row of the table that the evidence fulfils.
type row struct {
	level        Level
	acr          string
	amr          []string
	satisfies    []string
	first, last  time.Time
	fallback     bool
	secondFactor time.Time // zero if there is none
}

// holding returns the rows that the evidence fulfils, the one to be claimed
// first. Each proof beside the password makes a row of its own, because two TOTP
// authenticators may have been bound in different ways.
func holding(evidence []authenticator.Evidence, p Policy) []row {
	var rows []row
	for _, e := range evidence {
		if e.Kind == authenticator.Passkey && e.UV {
			rows = append(rows, p.passkey(e))
		}
	}
	if password, ok := newest(evidence, authenticator.Password); ok { //guard:SES-7
		rows = append(rows, p.password(password))
		for _, e := range evidence {
			if r, ok := p.beside(password, e); ok {
				rows = append(rows, r)
			}
		}
	}
	slices.SortStableFunc(rows, stronger)
	return rows
}

// stronger orders rows by what is to be claimed first: the higher level, then
// the fallback, which the password beside it must not hide, then the newer proof.
// The rest only makes the order complete.
func stronger(a, b row) int {
	fallback := func(r row) int {
		if r.fallback {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(b.level, a.level),
		cmp.Compare(fallback(b), fallback(a)),
		b.last.Compare(a.last),
		b.first.Compare(a.first), // they differ in this if the password was given last
		cmp.Compare(len(b.satisfies), len(a.satisfies)),
		slices.Compare(a.amr, b.amr),
	)
}

// newest returns the newest proof of a kind.
func newest(evidence []authenticator.Evidence, kind authenticator.Kind) (found authenticator.Evidence, ok bool) {
	for _, e := range evidence {
		if e.Kind == kind && (!ok || e.At.After(found.At)) {
			found, ok = e, true
		}
	}
	return found, ok
}

// password is the row "password alone", and the base of all others with one.
func (p Policy) password(e authenticator.Evidence) row {
	r := row{level: Password, acr: PasswordProtected, amr: []string{pwd}, satisfies: []string{PasswordProtected}, first: e.At, last: e.At}
	setHere := e.By != "" // under PW-2; of one that was brought along nothing is known
	if setHere || p.MeetsSFA {
		r.satisfies = append(r.satisfies, SFA)
	}
	return r
}

// beside is the row of a password and one more proof; ok is false if the proof
// adds nothing. A trusted browser never does: its row is that of the password
// alone (SES-13).
func (p Policy) beside(password, e authenticator.Evidence) (r row, ok bool) {
	r = p.password(password)
	switch {
	case e.Kind == authenticator.OTP:
		r.acr, r.amr, r.fallback = p.fallback(), []string{pwd, otp}, true
	case e.Kind == authenticator.RecoveryCode:
		r = p.second(r, e, []string{pwd, otp, mfa}, p.GakuNin.AAL2RecoveryCode)
	case e.Kind == authenticator.TOTP:
		r = p.second(r, e, []string{pwd, otp, mfa}, true)
	case e.Kind == authenticator.Passkey && !e.UV:
		r = p.second(r, e, []string{pwd, pop, mfa}, true)
	default:
		return row{}, false
	}
	r.first, r.last = earlier(password.At, e.At), later(password.At, e.At)
	return r, true
}

// second makes a password's row one of two factors. aal2 says whether the kind
// of the second may be claimed to GakuNin at all.
func (p Policy) second(r row, e authenticator.Evidence, amr []string, aal2 bool) row {
	r.level, r.acr, r.amr, r.secondFactor = MultiFactor, MFA, amr, e.At
	r.satisfies = append(r.satisfies, MFA)
	if aal2 && p.meetsAAL2(e) {
		r.satisfies = append(r.satisfies, AAL2)
	}
	return r
}

// passkey is the row of a passkey that verified its user. What it does not
// satisfy by configuration, it still is to settings and console: the level is
// the same.
func (p Policy) passkey(e authenticator.Evidence) row {
	r := row{
		level: PhishingResistant, acr: MFA, amr: []string{pop, user, mfa},
		satisfies: []string{PasswordProtected, SFA, MFA}, first: e.At, last: e.At, secondFactor: e.At,
	}
	if p.meetsAAL2(e) {
		r.satisfies = append(r.satisfies, AAL2)
	}
	if p.PhishingResistant != "" {
		r.satisfies = append(r.satisfies, p.PhishingResistant)
	}
	return r
}

// meetsAAL2 reports whether GakuNin's AAL2 may be claimed with an authenticator.
// Where some ways of binding are left out, one that is not known is left out, too.
func (p Policy) meetsAAL2(e authenticator.Evidence) bool {
	excluded := p.GakuNin.AAL2NotBoundBy
	return p.GakuNin.AAL2 && !slices.Contains(excluded, e.By) && (e.By != "" || len(excluded) == 0)
}

// fallback is the acr of a session that was opened with a mailed or read-out OTP.
func (p Policy) fallback() string { return strings.TrimSuffix(p.BaseURL, "/") + "/ac/fallback" }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
