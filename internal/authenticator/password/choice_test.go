package password

import (
	"bufio"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func newBlockList(t testing.TB, own string) *BlockList {
	t.Helper()
	b, err := NewBlockList(strings.NewReader(own))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	person = []string{"sps00001", "Miyako", "Hanako", "都", "花子", "みやこ", "はなこ", "情報環境支援センター", "O'Neill-Ångström"}
	site   = []string{"Miyako University", "都大学", "Library Portal"}
)

// TestFault proves PW-2, PW-3 and PW-4.
func TestFault(t *testing.T) {
	list := newBlockList(t, "Kinkaku-ji Temple 1397\n\n  東山三十六峰の桜  \n")
	for _, test := range []struct {
		password string
		beside   Fault
		alone    Fault
	}{
		// length
		{"", TooShort, TooShort},
		{"xk7#mq2", TooShort, TooShort},
		{"xk7#mq2v", "", TooShort},
		{"xk7#mq2vxk7#m9", "", TooShort},
		{"xk7#mq2vxk7#m92", "", ""},
		{"パスワードの桜餅", "", TooShort}, // 8 code points, 24 bytes
		{"パスワードの桜", TooShort, TooShort},
		{"カ\u3099キ\u3099ク\u3099ケ\u3099", TooShort, TooShort}, // 8 code points, 4 after NFC
		{longText(128), "", ""},
		{longText(129), TooLong, TooLong},
		{strings.Repeat("e\u0301o\u0300", 64), Simple, Simple}, // 256 code points, 128 after NFC
		{strings.Repeat("\U0001F9E9", 129), TooLong, TooLong},
		{strings.Repeat("a", MaxBytes+1), TooLong, TooLong},
		{strings.Repeat("\u1112\u1161\u11ab", 120), TooLong, TooLong}, // 1080 bytes that NFC makes 120 code points
		// no composition
		{"correct horse battery", "", ""},
		{"ただしいうまのでんちのほちきす", "", ""},
		{"               x", "", ""},
		// common
		{"password1", Breached, TooShort},
		{"PassWord1", Breached, TooShort},
		{"ｐａｓｓｗｏｒｄ１", Breached, TooShort},
		{"1qaz2wsx", Breached, TooShort},
		{"paſſword", Breached, TooShort},
		{"password1 ", "", TooShort}, // the whole, not a part
		{"xpassword1", "", TooShort},
		// the person
		{"SPS00001", Personal, TooShort},
		{"ｓｐｓ００００１", Personal, TooShort},
		{"miyakohanako", Personal, TooShort},
		{"Hanako.Miyako!", Personal, TooShort},
		{"hanako miyako sps", "", ""},
		{"sps00001sps00001", Personal, Personal},
		{"情報環境支援センター", Personal, TooShort},
		{"みやこ　はなこ　", Personal, TooShort},
		{"oneillångström", Personal, TooShort},
		{"O’NEILL A\u030angstro\u0308m", Personal, Personal},
		// the place
		{"miyakouniversity", Simple, Simple},
		{"Miyako-University", Simple, Simple},
		{"library portal miyako university", Simple, Simple},
		{"kinkaku-JI temple 1397", Simple, Simple},
		{"東山三十六峰の桜", Simple, TooShort},
		{"kinkakuji temple 1397", "", ""},
		// rows and repetitions
		{"aaaaaaaaaaaaaaa", Simple, Simple},
		{"あああああああああああああああ", Simple, Simple},
		{"abcabcabcabcabca", Simple, Simple},
		{"ponytailponytail", "", ""},
		{"ponytailponytailpony", "", ""},
		{"abcdefghijklmnop", Simple, Simple},
		{"zyxwvutsrqponmlk", Simple, Simple},
		{"345678901234567890", Simple, Simple},
		{"321098765432109876", Simple, Simple},
		{"アイウエオカキクケコサシスセソ", "", ""}, // the small letters stand between these
		{"abcdefghijklmnoq", "", ""},
		{"acegikmoqsuwybdfh", "", ""},
	} {
		for forced, want := range map[bool]Fault{true: test.beside, false: test.alone} {
			got := list.Fault(Choice{Password: test.password, SecondFactorForced: forced, Person: person, Site: site})
			if got != want {
				t.Errorf("%.40q, second factor %t: %q, want %q", test.password, forced, got, want)
			}
		}
	}
}

// longText returns n code points, of which the last makes it no repetition.
func longText(n int) string { return strings.Repeat("x", n-1) + "é" }

// TestCommonList reads the list to its end: PW-3 wants 30,000.
func TestCommonList(t *testing.T) {
	unpacked, err := gzip.NewReader(strings.NewReader(commonGZ))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	lines := bufio.NewScanner(unpacked)
	for lines.Scan() {
		line := lines.Text()
		if fold(line) != line || line == "" || len(all) > 0 && all[len(all)-1] >= line {
			t.Fatalf("line %d, %q, is not folded, or not in order", len(all)+1, line)
		}
		if len(line) > longestCommon {
			t.Errorf("%q is longer than longestCommon", line)
		}
		all = append(all, line)
	}
	if err := lines.Err(); err != nil || len(all) < 30_000 {
		t.Fatalf("%d lines, %v", len(all), err)
	}
	for i := 0; i < len(all); i += 4999 {
		if !hasCommon(all[i]) || hasCommon(all[i]+"\x01") {
			t.Errorf("%q is not found, or more than that", all[i])
		}
	}
	if last := all[len(all)-1]; !hasCommon(all[0]) || !hasCommon(last) || hasCommon(last+"~") || hasCommon("") {
		t.Error("the ends of the list are not found")
	}
	if !hasCommon("password") || !hasCommon("qwertyuiop") || hasCommon("warifu-demo-2026") {
		t.Error("one that everybody uses is missing, or that of the demonstration is there")
	}
}

// TestSpellings: neither case nor width of a blocked password lets it through,
// and nothing is said of one that is not blocked.
func TestSpellings(t *testing.T) {
	list := newBlockList(t, "institution-word-2026")
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"institution-word-2026", "miyako university library", "sps00001-and-hanako12"}).Draw(t, "word")
		spelled := strings.Map(func(r rune) rune {
			switch rapid.IntRange(0, 3).Draw(t, "spelling") {
			case 1:
				return unicode.ToUpper(r)
			case 2:
				return r + '！' - '!'
			}
			return r
		}, word)
		got := list.Fault(Choice{Password: spelled, Person: []string{"sps00001 and", "hanako12"}, Site: []string{"Miyako University", "library"}})
		if got != Simple && got != Personal {
			t.Fatalf("%q: %q", spelled, got)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 200, 2000).Draw(t, "text")
		got := list.Fault(Choice{Password: text, SecondFactorForced: rapid.Bool().Draw(t, "forced"), Person: person, Site: site})
		if n := utf8.RuneCountInString(text); got == "" && (n < MinLengthBeside || len(text) > MaxBytes) {
			t.Fatalf("%q is acceptable", text)
		}
	})
}

// TestLonger: what is acceptable beside a second factor and has fifteen code
// points is acceptable alone.
func TestLonger(t *testing.T) {
	var list BlockList
	rapid.Check(t, func(t *rapid.T) {
		c := Choice{Password: rapid.StringMatching(`[a-c0-2]{15,60}`).Draw(t, "password"), Person: person, Site: site}
		alone := list.Fault(c)
		c.SecondFactorForced = true
		if beside := list.Fault(c); beside != alone {
			t.Fatalf("%q: %q beside, %q alone", c.Password, beside, alone)
		}
	})
}

// TestBlockFile: every line of an institution's file counts; what cannot be read
// is an error, and nothing is left out in silence.
func TestBlockFile(t *testing.T) {
	list := newBlockList(t, "\ufeffFirst-Word-Of-It\r\n#not-a-comment-here\r\n last-without-newline")
	for _, word := range []string{"first-word-of-it", "#NOT-a-comment-here", "last-without-newline"} {
		if got := list.Fault(Choice{Password: word}); got != Simple {
			t.Errorf("%q: %q", word, got)
		}
	}
	for name, file := range map[string]string{
		"Shift_JIS":      "ok\n\x93\x8c\x8b\x9e\n",
		"a line too far": strings.Repeat("a\n", maxOwnLines+1),
		"a long line":    strings.Repeat("a", maxOwnLine+1),
	} {
		if list, err := NewBlockList(strings.NewReader(file)); !errors.Is(err, ErrBlockFile) || list != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := NewBlockList(nil); err != nil || list.Fault(Choice{Password: "password1", SecondFactorForced: true}) != Breached {
		t.Errorf("without a file: %v", err)
	}
}

// FuzzFault looks for a password that panics, or that is acceptable and cannot
// be hashed.
func FuzzFault(f *testing.F) {
	f.Add("correct horse battery", "horse")
	f.Add("O'Neill\xff\u0345ſ", "ß")
	list := newBlockList(f, "first-word-of-it")
	f.Fuzz(func(t *testing.T, password, word string) {
		got := list.Fault(Choice{Password: password, Person: []string{word}, Site: []string{word}})
		if got == "" && (checkLength(password) != nil || password == "") {
			t.Errorf("%q is acceptable", password)
		}
		if again := fold(fold(password)); again != fold(password) {
			t.Errorf("%q folds to %q, and that to %q", password, fold(password), again)
		}
	})
}

func BenchmarkFault(b *testing.B) {
	var list BlockList
	b.ReportAllocs()
	for b.Loop() {
		if f := list.Fault(Choice{Password: "zzzz correct horse battery", Person: person, Site: site}); f != "" {
			b.Fatal(f)
		}
	}
}
