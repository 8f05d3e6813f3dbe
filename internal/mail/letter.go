package mail

import "time"

// Letter is one kind of mail: the data of its templates. Whatever a person may
// have typed is a [Word] or stands in a [Phrase], so that it is cleaned
// when it is printed; the tests allow no plain string.
type Letter interface {
	// folder is the folder of the letter's templates.
	folder() string
}

// letters are all kinds of mail.
var letters = []Letter{Notice{}, OTP{}, Link{}, Forgot{}, Confirm{}, AddressOld{}, DeskCase{}, Alarm{},
	RemindFactor{}, RemindAddress{}, RemindCheck{}}

// Notice tells a person of a change (NOT-1). All notices have this frame.
type Notice struct {
	Subject Phrase
	What    Phrase
	More    Phrase // one more line, or nothing
	At      time.Time
	SPSID   Word // shown shortened
	Device  Text // such as Chrome・Windows; empty if no browser of the person had a part in it
	Place   Text // such as 学内
}

func (Notice) folder() string { return "notice" }

// OTP brings a one-time password for "Click here if you cannot login".
type OTP struct {
	OTP     Word // in groups of four
	Until   time.Time
	Service Text // that the person is on the way to
	Device  Text
}

func (OTP) folder() string { return "otp" }

// Link brings the address at which the initialization is confirmed.
type Link struct {
	URL    URL
	Until  time.Time
	Device Text // of whoever asked
	Place  Text
}

func (Link) folder() string { return "link" }

// Forgot brings the address at which a new password can be chosen.
type Forgot struct {
	URL    URL
	Until  time.Time
	Device Text // of whoever asked
	Place  Text
}

func (Forgot) folder() string { return "forgot" }

// Confirm brings the number with which a notification address is confirmed. It
// goes to that address.
type Confirm struct {
	Number Word // in groups of four
	Until  time.Time
}

func (Confirm) folder() string { return "confirm" }

// AddressOld tells a former notification address that it is one no more.
type AddressOld struct {
	At     time.Time
	SPSID  Word // shown shortened
	New    Text // the address that took its place, shortened, or the word for none
	Device Text
	Place  Text
	Until  time.Time
	URL    URL // where to report it until then
}

func (AddressOld) folder() string { return "address_old" }

// RemindFactor tells from when a second factor will be needed.
type RemindFactor struct {
	Name Text
	From time.Time // the beginning of a day
	Days int       // that are left
}

func (RemindFactor) folder() string { return "remind_totp" }

// RemindAddress asks for a notification address.
type RemindAddress struct {
	Name Text
}

func (RemindAddress) folder() string { return "remind_address" }

// RemindCheck asks whether a notification address is still read. It goes to that
// address.
type RemindCheck struct {
	SPSID Word // shown shortened
}

func (RemindCheck) folder() string { return "remind_check" }

// DeskCase tells the help desk's mailbox that something waits there. It names no
// person (HD-19).
type DeskCase struct {
	Kind    Text
	At      time.Time
	Browser Text
	Place   Text
	URL     URL // of the console
}

func (DeskCase) folder() string { return "desk_case" }

// Alarm tells administrators that a rule was broken. It names no person.
type Alarm struct {
	At       time.Time
	Rule     Text // with the time in which it counts
	N, Limit int
	Scope    Text
	URL      URL // of the audit trail
}

func (Alarm) folder() string { return "alarm" }
