package notice

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/width"

	"warifu/internal/directory"
	"warifu/internal/mail"
	"warifu/internal/secret"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var at = time.Date(2026, 11, 22, 4, 45, 0, 0, time.UTC)

// example is a notice of a kind with all its values.
func example(kind Kind) Notice {
	values := mail.Values{
		"name": "研究室のパソコン", "n": 3, "days": 7, "from": at.Add(-time.Hour), "to": at, "no": "1234",
		"new_masked": mail.MaskAddress("hanako@gmail.example"), "masked": mail.MaskAddress("hanako@gmail.example"),
		"how":    mail.Text{Japanese: "メールの URL", English: "URL by email"},
		"method": mail.Text{Japanese: "ワンタイムパスワード（TOTP）", English: "One-time password (TOTP)"},
		"kind":   mail.Text{Japanese: "TOTP の初期化", English: "initialization of TOTP"},
		"reason": mail.Text{Japanese: "期限切れ", English: "expired"},
	}
	n := Notice{
		Kind: kind, Subscriber: directory.Subscriber{ID: "s1", SPSID: "sps00001", Mailbox: "sps00001@miyako.example"}, At: at,
		Browser: mail.Text{Japanese: "Chrome・Windows", English: "Chrome, Windows"},
		Place:   mail.Text{Japanese: "学外", English: "off campus"}, Values: mail.Values{},
	}
	for _, name := range kind.Placeholders() {
		n.Values[name] = values[name]
	}
	if slices.Contains([]Kind{LookedUp, Suspended, Resumed}, kind) {
		n.Browser, n.Place = mail.Text{}, mail.Text{}
	}
	return n
}

// transaction is the store as this package sees it.
type transaction struct {
	addresses []string
	rows      []mail.OutboxRow
	changes   []Change
	fail      error
}

func (tx *transaction) NotificationAddresses(context.Context, string) ([]string, error) {
	return tx.addresses, nil
}

func (tx *transaction) KeepChange(_ context.Context, c Change) error {
	tx.changes = append(tx.changes, c)
	return tx.fail
}

func (tx *transaction) EnqueueMail(_ context.Context, row mail.OutboxRow) error {
	tx.rows = append(tx.rows, row)
	return tx.fail
}

func newService(t *testing.T) *Service {
	t.Helper()
	box, err := secret.NewBox(1, map[int][]byte{1: make([]byte, secret.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	japanese := mail.Site{
		App: "統合認証システム", AppShort: "みやこ大学認証", Org: "みやこ大学", Desk: "情報環境支援センター",
		Tel: "075-000-0000", Ext: "0000", Hours: "9:00-17:00", Days: "平日", IDLabel: "SPS-ID", Zone: "日本時間",
	}
	english := japanese
	english.AppShort, english.Days, english.Zone = "Miyako Login", "weekdays", "Japan time"
	composer, err := mail.NewComposer(japanese, english, time.FixedZone("JST", 9*60*60))
	if err != nil {
		t.Fatal(err)
	}
	return &Service{&mail.Outbox{Composer: composer, Box: box, Now: func() time.Time { return at }}}
}

// messages opens what was queued.
func messages(t *testing.T, s *Service, tx *transaction) (all []mail.Message) {
	t.Helper()
	for _, row := range tx.rows {
		place := secret.Place{Table: "mail_outbox", Column: "sealed", Row: row.SubscriberID + "/" + row.ID}
		plain, err := s.Outbox.Box.Open(place, row.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		var m mail.Message
		if err := json.Unmarshal(plain, &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// TestKinds holds the mail of every kind to its golden file, one for each
// language. Run with -update to rewrite them.
func TestKinds(t *testing.T) {
	s := newService(t)
	for _, lang := range []string{mail.Japanese, mail.English} {
		var got strings.Builder
		for _, kind := range Kinds() {
			n := example(kind)
			n.Subscriber.Language = lang
			var tx transaction
			if err := s.Tell(t.Context(), &tx, n); err != nil {
				t.Fatal(err)
			}
			m := messages(t, s, &tx)[0]
			head, _, _ := strings.Cut(m.Body, "\n――――")
			head, _, _ = strings.Cut(head, "\n----")
			got.WriteString("## " + string(kind) + "\n" + m.Subject + "\n\n" + head + "\n")
		}
		name := "testdata/kinds." + lang + ".txt"
		if *update {
			if err := os.WriteFile(name, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil || got.String() != string(want) {
			t.Errorf("%s: got\n%s(%v)", name, got.String(), err)
		}
	}
}

// TestWords holds every kind to the rules of mails: the same placeholders in
// both languages, short subjects, no link and no number of a person's (NOT-3).
func TestWords(t *testing.T) {
	names := func(s string) []string {
		return slices.Sorted(slices.Values(placeholder.FindAllString(s, -1)))
	}
	link := regexp.MustCompile(`https?:|www\.|\{(otp|code|url)\}`)
	for _, kind := range Kinds() {
		w := kinds[kind]
		for _, text := range []mail.Text{w.Subject, w.What, w.More} {
			if ja, en := names(text.Japanese), names(text.English); !slices.Equal(ja, en) {
				t.Errorf("%s: %v and %v", kind, ja, en)
			}
			if (text.Japanese == "") != (text.English == "") || link.MatchString(text.Japanese+text.English) {
				t.Errorf("%s: %+v", kind, text)
			}
		}
		if w.Subject.Japanese == "" || w.What.Japanese == "" || columns(w.Subject.Japanese) > 50 || columns(w.Subject.English) > 50 {
			t.Errorf("%s: %+v", kind, w.Subject)
		}
	}
	if got := len(Kinds()); got != 27 {
		t.Errorf("%d kinds, want the 27 of the table", got)
	}
}

func columns(s string) (n int) {
	for _, r := range s {
		n++
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}

// TestRecipients tells every address once, one just removed and the university
// mailbox included, each in a mail of its own (NOT-2).
func TestRecipients(t *testing.T) {
	s := newService(t)
	for name, test := range map[string]struct {
		addresses, also []string
		mailbox         string
		want            []string
	}{
		"none":          {nil, nil, "m@miyako.example", []string{"m@miyako.example"}},
		"two":           {[]string{"a@x.example", "b@x.example"}, nil, "m@miyako.example", []string{"a@x.example", "b@x.example", "m@miyako.example"}},
		"removed":       {[]string{"a@x.example"}, []string{"old@x.example"}, "m@miyako.example", []string{"a@x.example", "old@x.example", "m@miyako.example"}},
		"twice":         {[]string{"m@miyako.example"}, []string{"M@Miyako.example"}, "m@miyako.example", []string{"m@miyako.example"}},
		"no mailbox":    {[]string{"a@x.example"}, nil, "", []string{"a@x.example"}},
		"no real one":   {[]string{"a@x.example"}, nil, "see the office", []string{"a@x.example"}},
		"nobody at all": {nil, nil, "", nil},
	} {
		n := example(NewDevice)
		n.Also, n.Subscriber.Mailbox = test.also, test.mailbox
		tx := transaction{addresses: test.addresses}
		if err := s.Tell(t.Context(), &tx, n); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, m := range messages(t, s, &tx) {
			got = append(got, m.To)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// TestChanges keeps a change for the next sign-in, each with an id of its own, and
// nothing else. NOT-2.
func TestChanges(t *testing.T) {
	s, seen := newService(t), make(map[string]bool)
	for _, kind := range Kinds() {
		var tx transaction
		if err := s.Tell(t.Context(), &tx, example(kind)); err != nil {
			t.Fatal(err)
		}
		if kept := len(tx.changes) == 1; len(tx.changes) > 1 || kept != (kind.Event() != "") {
			t.Errorf("%s: %+v", kind, tx.changes)
		}
		for _, c := range tx.changes {
			if c.SubscriberID != "s1" || c.Kind != kind || !c.At.Equal(at) || len(c.ID) < 26 || seen[c.ID] {
				t.Errorf("%+v", c)
			}
			seen[c.ID] = true
		}
	}
	if len(seen) != len(events) {
		t.Errorf("%d changes, want %d", len(seen), len(events))
	}
	broken := errors.New("broken")
	n := example(PasskeyAdded)
	n.Subscriber.Mailbox = ""
	if err := s.Tell(t.Context(), &transaction{fail: broken}, n); !errors.Is(err, broken) {
		t.Errorf("a change that is not kept: %v", err)
	}
}

// TestLanguage writes in both languages to a person whose language is not known.
func TestLanguage(t *testing.T) {
	s := newService(t)
	for lang, want := range map[string]string{"ja": "ja", "en": "en", "": "ja, en"} {
		n := example(NewDevice)
		n.Subscriber.Language = lang
		var tx transaction
		if err := s.Tell(t.Context(), &tx, n); err != nil {
			t.Fatal(err)
		}
		if m := messages(t, s, &tx)[0]; m.Lang != want || tx.rows[0].SubscriberID != "s1" {
			t.Errorf("%q: %+v, want %q", lang, m, want)
		}
	}
}

// TestTellFailsWithTheAct does not let a change go untold.
func TestTellFailsWithTheAct(t *testing.T) {
	s := newService(t)
	broken := errors.New("broken")
	if err := s.Tell(t.Context(), &transaction{fail: broken}, example(NewDevice)); !errors.Is(err, broken) {
		t.Errorf("no row: %v", err)
	}
	if err := s.Tell(t.Context(), &transaction{}, example("no_such_kind")); err == nil {
		t.Error("no such kind: no error")
	}
	for _, kind := range Kinds() {
		for _, name := range kind.Placeholders() {
			n := example(kind)
			delete(n.Values, name)
			var tx transaction
			if err := s.Tell(t.Context(), &tx, n); err == nil || len(tx.rows) > 0 {
				t.Errorf("%s without {%s}: %v, %d rows", kind, name, err, len(tx.rows))
			}
		}
	}
}
