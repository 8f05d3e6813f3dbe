// Package mail composes, queues and sends the mails of the system. It alone
// speaks SMTP.
//
// A mail is a typed struct (a [Letter]) with a folder of templates,
// templates/<mail>/{subject,body}.{ja,en}.txt. It is queued in the transaction
// of the act that it tells of ([Outbox.Queue]), so that the one never happens
// without the other, and sent by the [Dispatcher] afterwards: queued, then sent
// or abandoned. While it is queued the row holds it encrypted; afterwards the
// content is erased.
//
// What must stay true: plain text only; nothing that a person has typed can
// make a line, a header or a link of its own; a number never stands in a
// subject; the headers tell neither host nor library.
package mail

import "time"

// Japanese and English are the languages of a mail. Any other value means that
// the person's language is not known: then one mail has both.
const (
	Japanese = "ja"
	English  = "en"
)

// Text is the same words in both languages.
type Text struct {
	Japanese string `yaml:"ja" json:"ja,omitempty"`
	English  string `yaml:"en" json:"en,omitempty"`
}

// Same is a text that reads alike in both languages, such as a name.
func Same(words string) Text { return Text{Japanese: words, English: words} }

// in returns the words of one language.
func (t Text) in(lang string) string {
	if lang == English {
		return t.English
	}
	return t.Japanese
}

// Site is what every mail may say of the institution, in one language.
type Site struct {
	App      string // {app}: 統合認証システム
	AppShort string // {app_short}: prefix of every subject
	Org      string // {org}
	Desk     string // {desk}: name of the help desk
	Tel      string // {tel}
	Ext      string // {ext}; left out if empty
	Hours    string // {hours}
	Days     string // {days}
	IDLabel  string // {id_label}: SPS-ID
	Zone     string // name of the time zone: 日本時間
}

// value returns the site's own placeholder of this name.
func (s Site) value(name string) (words string, ok bool) {
	switch name {
	case "app":
		return s.App, true
	case "app_short":
		return s.AppShort, true
	case "org":
		return s.Org, true
	case "desk":
		return s.Desk, true
	case "tel":
		return s.Tel, true
	case "ext":
		return s.Ext, true
	case "hours":
		return s.Hours, true
	case "days":
		return s.Days, true
	case "id_label":
		return s.IDLabel, true
	}
	return "", false
}

// Message is one mail to one recipient, ready to be sent.
type Message struct {
	ID      string    `json:"-"` // of the outbox row; the same at every try, as is the Message-ID made from it
	Date    time.Time `json:"-"` // when it was queued
	To      string    `json:"to"`
	Lang    string    `json:"lang"` // Content-Language: "ja", "en" or "ja, en"
	Subject string    `json:"subject"`
	Body    string    `json:"body"` // lines end in \n
}
