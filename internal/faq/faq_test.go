package faq

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"warifu/internal/i18n"
	"warifu/internal/secret"
	"warifu/internal/web"
)

func catalogue(t testing.TB) *i18n.Catalogue {
	t.Helper()
	c, err := i18n.New(map[i18n.Lang]i18n.Texts{
		i18n.Japanese: {"tel": "075-000-0000", "desk": "支援センター", "id_label": "SPS-ID"},
		i18n.English:  {"tel": "075-000-0000", "desk": "Support Center", "id_label": "SPS-ID"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func library(t testing.TB, folders ...fs.FS) *Library {
	t.Helper()
	l, err := NewLibrary(catalogue(t), nil, folders...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// entry is a file of an entry.
func entry(slug, title, body string) string {
	return "---\nslug: " + slug + "\ncategory: mfa\norder: 1\ntitle: " + title + "\nupdated: 2026-11-30\n---\n" + body + "\n"
}

// TestEntries: the entries that come with the program are whole, in both
// languages, and refer to nothing that is not there.
func TestEntries(t *testing.T) {
	l := library(t, Builtin())
	for _, f := range l.Check(web.IsScreen) {
		t.Error(f)
	}
}

// TestFold: what people take for the same is the same.
func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"パスキー", "ぱすきー", "ﾊﾟｽｷｰ", "パスキ"},
		{"Ｗｉ－Ｆｉ", "wi-fi", "WI-FI"},
		{"サーバー", "サーバ"},
		{"ユーザー・エージェント", "ユーザエージェント"},
		{"ＱＲコード", "QRコード", "qrこーど"},
		{"e\u0301", "é", "É"},
	} {
		for _, one := range same[1:] {
			if got, want := joined(fold(one)), joined(fold(same[0])); got != want {
				t.Errorf("%q is %q, %q is %q", one, got, same[0], want)
			}
		}
	}
	for _, l := range fold("ﾊﾞグ") {
		if got := "ﾊﾞグ"[l.from:l.to]; (l.r == 'ば') != (got == "ﾊﾞ") {
			t.Errorf("%q stands at %q", l.r, got)
		}
	}
}

// TestSearch: what finds an entry, in the words of people.
func TestSearch(t *testing.T) {
	l := library(t, fstest.MapFS{
		"scan.ja.md":     {Data: []byte(entry("scan", "QRコードを読み取れない", "カメラで全体を写します。申し込みの画面を大きくします。"))},
		"wifi.ja.md":     {Data: []byte(entry("wifi", "Wi-Fi の使い方", "無線 LAN につなぎます。電話は要りません。"))},
		"clock.ja.md":    {Data: []byte(entry("clock", "数字が合わない", "時計を合わせます。"))},
		"password.en.md": {Data: []byte(entry("password", "Forgotten password", "You choose a new one yourself."))},
		"scan.en.md":     {Data: []byte(entry("scan", "The QR code cannot be scanned", "Show the whole code. Zoom in."))},
		"wifi.en.md":     {Data: []byte(entry("wifi", "How to use Wi-Fi", "Choose the wireless network."))},
		"clock.en.md":    {Data: []byte(entry("clock", "The number is refused", "Set the clock."))},
		"password.ja.md": {Data: []byte(entry("password", "パスワードを忘れた", "新しいパスワードを自分で決めます。"))},
	})
	if len(l.Faults) > 0 {
		t.Fatal(l.Faults)
	}
	for _, test := range []struct {
		lang        i18n.Lang
		query, want string // empty: nothing is found
	}{
		{i18n.Japanese, "無線", "wifi"},                     // two letters
		{i18n.Japanese, "時計", "clock"},                    // two letters
		{i18n.Japanese, "読取", "scan"},                     // without its okurigana
		{i18n.Japanese, "申込み", "scan"},                    // the same
		{i18n.Japanese, "ｗｉｆｉ", "wifi"},                   // wide, without the hyphen
		{i18n.Japanese, "ぱすわーど", "password"},              // hiragana
		{i18n.Japanese, "ﾊﾟｽﾜｰﾄﾞ 忘れた", "password"},        // half-width
		{i18n.Japanese, "forgotten password", "password"}, // in the other language
		{i18n.English, "passwrod", "password"},            // letters exchanged
		{i18n.English, "forgoten pasword", "password"},    // letters missing
		{i18n.English, "scanning", "scan"},                // by the stem
		{i18n.English, "passw", "password"},               // not to its end
		{i18n.English, "WI FI", "wifi"},
		{i18n.English, "無線", "wifi"},
		{i18n.Japanese, "給食の献立", ""},
		{i18n.English, "parking permit", ""},
		{i18n.English, "???", ""},
		{i18n.English, "", ""},
	} {
		got := ""
		if found := l.Search(test.query, test.lang); len(found) > 0 {
			got = found[0].Article.Slug
			if found[0].Article.Lang != test.lang {
				t.Errorf("%q: the entry is shown in %s", test.query, found[0].Article.Lang)
			}
		}
		if got != test.want {
			t.Errorf("%q finds %q, want %q", test.query, got, test.want)
		}
	}
	found := l.Search("時計", i18n.Japanese)
	if got := fmt.Sprint(found[0].Passage); got != "[{時計 true} {を合わせます。 false}]" {
		t.Errorf("the passage: %s", got)
	}
}

// TestShortWords: of four letters another word is made sooner than a slip.
func TestShortWords(t *testing.T) {
	for _, found := range library(t, Builtin()).Search("parking", i18n.English) {
		t.Errorf("parking finds %s: %v", found.Article.Slug, found.Passage)
	}
}

// TestHostileQueries: whatever is typed takes no longer than its letters do, and
// breaks nothing. FAQ-1.
func TestHostileQueries(t *testing.T) {
	l := library(t, Builtin())
	for _, query := range []string{strings.Repeat("a", 1<<20), strings.Repeat("時", 1<<16), strings.Repeat("-", 1<<16), "\x00\xff\xfe", "<script>", "' OR 1=1 --",
		strings.Repeat("e\u0301", 5000), "{{msg \"x\"}}", string(firstMark), "(a+)+$"} {
		if n := len(l.Search(query, i18n.English)); n > Results {
			t.Errorf("%.20q: %d results", query, n)
		}
	}
}

func FuzzSearch(f *testing.F) {
	l := library(f, Builtin())
	f.Add("QRコード ﾊﾟｽｷｰ wi-fi’s")
	f.Fuzz(func(t *testing.T, query string) {
		for _, found := range l.Search(query, i18n.Japanese) {
			text := ""
			for _, piece := range found.Title {
				text += piece.Text
			}
			if text != found.Article.Title {
				t.Errorf("marking has changed %q to %q", found.Article.Title, text)
			}
		}
	})
}

// TestParse: an entry is its words, and nothing that its writer could not mean.
// FAQ-1.
func TestParse(t *testing.T) {
	a, faults := Parse("x.ja.md", "x", i18n.Japanese, []byte(entry("x", "題", `{{msg "verify.button"}} を押します。**太く**、`+"`code`"+`、[時計](clock)。電話 {tel}。

4. 一つ目

   ![確認の画面](verify)
5. 二つ目

## 見出し

- 項目`)), catalogue(t))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []Span{{Text: "「"}, {Text: "確認", Screen: true}, {Text: "」"}, {Text: "を押します。"}, {Text: "太く", Strong: true}, {Text: "、"}, {Text: "code", Code: true}, {Text: "、"},
		{Text: "時計", Href: "/faq/clock"}, {Text: "。電話 075-000-0000。"}}
	if !slices.Equal(a.Summary(), want) {
		t.Errorf("%+v", a.Summary())
	}
	if b := a.Body[1]; b.Kind != Steps || b.Start != 4 || len(b.Items) != 2 || b.Items[0][1].Kind != Picture || b.Items[0][1].File != "verify.ja.webp" {
		t.Errorf("%+v", b)
	}
	english, _ := Parse("x.en.md", "x", i18n.English, []byte(entry("x", "Title", `Press {{echo "verify.button"}}.`)), catalogue(t))
	if got := plain(english.Summary()); got != "Press Confirm (確認)." {
		t.Errorf("the echo: %q", got)
	}
}

// TestFaultyFiles: each fault is told with its line, and the file is not taken.
func TestFaultyFiles(t *testing.T) {
	good := entry("x", "Title", "Text.")
	for name, test := range map[string]struct{ source, want string }{
		"no front matter":   {"Text.", "x.en.md:1: begins with no front matter"},
		"another slug":      {strings.Replace(good, "slug: x", "slug: y", 1), `x.en.md:2: slug is not known, or "y"`},
		"unknown member":    {strings.Replace(good, "order: 1", "order: 1\nauthor: me", 1), "author is not known"},
		"twice":             {strings.Replace(good, "order: 1", "order: 1\norder: 2", 1), "x.en.md:5: order is there twice"},
		"no title":          {strings.Replace(good, "title: Title\n", "", 1), "title is missing"},
		"no day":            {strings.Replace(good, "2026-11-30", "yesterday", 1), "updated is not known"},
		"no category":       {strings.Replace(good, "mfa", "games", 1), "category is not known"},
		"markup":            {entry("x", "Title", "Text.\n\n<script>alert(1)</script>"), "x.en.md:10: HTMLBlock does not belong"},
		"markup in a line":  {entry("x", "Title", "Text <b onclick=x>bold</b>."), "RawHTML does not belong"},
		"script address":    {entry("x", "Title", "[here](javascript:alert(1))"), "no https address"},
		"another scheme":    {entry("x", "Title", "[here](//evil.example)"), "no https address"},
		"picture elsewhere": {entry("x", "Title", "Text.\n\n![a](https://evil.example/a.png)"), "a picture is"},
		"no such message":   {entry("x", "Title", `Press {{msg "no.such"}}.`), `there is no message "no.such"`},
		"message with hole": {entry("x", "Title", `Press {{msg "wait.count"}}.`), "has a value in it"},
		"no summary":        {entry("x", "Title", "1. First"), "does not begin with the answer"},
		"large heading":     {entry("x", "Title", "Text.\n\n# Large"), "headings in an entry"},
		"too long":          {entry("x", "Title", strings.Repeat("a ", MaxFile)), "is longer than 64 KiB"},
	} {
		l := library(t, fstest.MapFS{"x.en.md": {Data: []byte(test.source)}})
		if got := fmt.Sprint(l.Faults); !strings.Contains(got, test.want) || l.Len() != 0 {
			t.Errorf("%s: %s, %d taken", name, got, l.Len())
		}
	}
	if l := library(t, fstest.MapFS{"Not A Slug.md": {Data: []byte(good)}}); len(l.Faults) != 1 {
		t.Errorf("%v", l.Faults)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(entry("x", "Title", "Text **bold** `code` [a](clock)\n\n1. one\n2. two")))
	c := catalogue(f)
	f.Fuzz(func(t *testing.T, source []byte) {
		a, _ := Parse("x.en.md", "x", i18n.English, source, c)
		for _, href := range a.links() {
			if !strings.HasPrefix(href, "https://") && !strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "tel:") && !strings.HasPrefix(href, "mailto:") || strings.HasPrefix(href, "//") {
				t.Errorf("a link to %q", href)
			}
		}
	})
}

// TestCheck: what refers to nothing is told.
func TestCheck(t *testing.T) {
	source := strings.Replace(entry("x", "Title", "[a](nowhere) [b](/no/page)\n\n![c](nothing)"), "order: 1", "order: 1\nrelated: gone\nscreens: no/page, err.none", 1)
	got := fmt.Sprint(library(t, fstest.MapFS{"x.en.md": {Data: []byte(source)}}).Check(web.IsScreen))
	for _, want := range []string{"x.ja.md: is missing", `no entry "gone"`, `no page and no message "no/page"`, `no message "err.none"`, `no entry "nowhere"`, `no page "/no/page"`, `no picture "nothing.en.webp"`} {
		if !strings.Contains(got, want) {
			t.Errorf("not told: %s in %s", want, got)
		}
	}
}

// TestFolder: files of the institution stand in place of the built-in ones and
// beside them, changes are taken without a restart, and a file with faults leaves
// the entry as it was.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, at time.Time) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	s := &Shelf{Catalogue: catalogue(t), Folder: os.DirFS(dir), Log: slog.New(slog.NewTextHandler(&log, nil))}
	title := func(slug string) string {
		t.Helper()
		if err := s.Look(context.Background()); err != nil {
			t.Fatal(err)
		}
		a := s.Library().Article(slug, i18n.English)
		if a == nil {
			return ""
		}
		return a.Title
	}
	at := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	built := title("clock")
	if built == "" || title("ours") != "" {
		t.Fatal("the built-in entries are not there")
	}
	write("clock.en.md", entry("clock", "Our clock", "Text."), at)
	write("ours.en.md", entry("ours", "Ours", "Text."), at)
	if title("clock") != "Our clock" || title("ours") != "Ours" {
		t.Errorf("not taken: %q", title("clock"))
	}
	before := s.Library()
	if title("clock"); s.Library() != before {
		t.Error("made anew though nothing has changed")
	}
	write("clock.en.md", "broken", at.Add(time.Minute))
	if title("clock") != "Our clock" || strings.Count(log.String(), "clock.en.md:1") != 1 {
		t.Errorf("after a file with faults: %q; %s", title("clock"), log.String())
	}
	if err := os.Remove(filepath.Join(dir, "clock.en.md")); err != nil {
		t.Fatal(err)
	}
	if title("clock") != built {
		t.Errorf("after the file was removed: %q", title("clock"))
	}
}

// TestHelping: a page offers the entries that name what it says is wrong, and then
// those that name the page.
func TestHelping(t *testing.T) {
	with := func(slug, order, screens string) string {
		return strings.Replace(entry(slug, slug, "Text."), "order: 1", "order: "+order+"\nscreens: "+screens, 1)
	}
	l := library(t, fstest.MapFS{
		"a.en.md": {Data: []byte(with("a", "1", "signin/totp"))},
		"b.en.md": {Data: []byte(with("b", "2", "err.totp_used, signin/totp"))},
		"c.en.md": {Data: []byte(with("c", "3", "err.totp_used"))},
	})
	names := func(page string, messages ...string) (all []string) {
		for _, a := range l.Helping(page, messages, i18n.English, 2) {
			all = append(all, a.Slug)
		}
		return all
	}
	if got := names("signin/totp"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("nothing is wrong: %v", got)
	}
	if got := names("signin/totp", "err.totp_used"); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("a used code: %v", got)
	}
	if got := names("signin/password"); got != nil {
		t.Errorf("another page: %v", got)
	}
}

// TestEveryStepIsHelped: each page of the flows that people get stuck in offers at
// least two entries, in both languages.
func TestEveryStepIsHelped(t *testing.T) {
	l := library(t, Builtin())
	for _, flow := range []string{"signin", "recovery", "enrolment"} {
		pages := web.Screens(flow)
		if len(pages) < 4 {
			t.Errorf("%s has the pages %v", flow, pages)
		}
		for _, page := range pages {
			for _, lang := range i18n.Langs {
				if n := len(l.Helping(page, nil, lang, mostHelp)); n < 2 {
					t.Errorf("%s in %s offers %d entries", page, lang, n)
				}
			}
		}
	}
}

// kept is what a tally has written.
type kept struct {
	answers []Answers
	misses  []Miss
	fails   error
}

func (k *kept) AddAnswers(_ context.Context, a Answers, _ time.Time) error {
	k.answers = append(k.answers, a)
	return k.fails
}

func (k *kept) AddMiss(_ context.Context, _ []byte, m Miss, _ int64) error {
	k.misses = append(k.misses, m)
	return k.fails
}

// TestTally: counts are bounded, nobody's words are kept that may say who asks,
// and what could not be written is written the next time. FAQ-1.
func TestTally(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	k := &kept{}
	digests, err := secret.NewMAC(1, map[int][]byte{1: []byte(strings.Repeat("k", 32))})
	if err != nil {
		t.Fatal(err)
	}
	tally := &Tally{Digests: digests, Now: func() time.Time { return now },
		InTx: func(_ context.Context, fn func(TallyTx) error) error { return fn(k) }}
	for range 50 {
		tally.Answer("198.51.100.0/24", "clock", i18n.English, true)
	}
	tally.Answer("203.0.113.0/24", "clock", i18n.English, false)
	for _, query := range []string{"Parking", "parking", "ＰＡＲＫＩＮＧ", "taro@example.net", "0901234567", "sps00002", strings.Repeat("x", 31), "", " "} {
		tally.Missed("198.51.100.0/24", query, i18n.English)
	}
	k.fails = fs.ErrClosed
	if tally.Flush(context.Background()) == nil {
		t.Fatal("a failure is not told")
	}
	k.fails, k.answers, k.misses = nil, nil, nil
	tally.Answer("203.0.113.0/24", "clock", i18n.English, false)
	if err := tally.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(k.answers) != 1 || k.answers[0].Yes != mostVotes || k.answers[0].No != 2 {
		t.Errorf("answers: %+v", k.answers)
	}
	if len(k.misses) != 1 || k.misses[0].Words != "parking" {
		t.Errorf("misses: %+v", k.misses)
	}
	for n := range 2 * mostKept {
		tally.Missed("198.51.100.0/24", fmt.Sprintf("word %d", n%1000), i18n.English)
		tally.Answer(fmt.Sprint(n), "clock", i18n.English, true)
	}
	k.answers, k.misses = nil, nil
	if err := tally.Flush(context.Background()); err != nil || len(k.misses) > mostKept || k.answers[0].Yes > mostKept {
		t.Errorf("%v, %d misses, %+v", err, len(k.misses), k.answers)
	}
}

// TestRelevance asks the queries of testdata/queries.tsv, which were written before
// any ranking was looked at; those marked held were never used to tune it. U16.
func TestRelevance(t *testing.T) {
	l := library(t, Builtin())
	file, err := os.Open("testdata/queries.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	right, first, all := map[string]int{}, map[string]int{}, map[string]int{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		parts := strings.Split(lines.Text(), "\t")
		lang, query, want, set := i18n.Lang(parts[0]), parts[1], parts[2], parts[3]
		found := l.Search(query, lang)
		n := slices.IndexFunc(found, func(f Found) bool { return f.Article.Slug == want })
		all[set]++
		switch {
		case n == 0:
			first[set]++
			fallthrough
		case n > 0 && n < 3:
			right[set]++
		default:
			t.Logf("%s %q: %s is not among the first three (%d)", set, query, want, n)
		}
	}
	for _, set := range []string{"tune", "held"} {
		t.Logf("%s: %d of %d among the first three, %d the first", set, right[set], all[set], first[set])
		if 10*right[set] < 9*all[set] {
			t.Errorf("%s: %d of %d", set, right[set], all[set])
		}
	}
}
