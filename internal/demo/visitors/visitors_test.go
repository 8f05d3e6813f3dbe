package visitors

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/jba/templatecheck"
)

func TestShelf(t *testing.T) {
	s := NewShelf[int](3)
	for i := range 100 {
		s.Put(fmt.Sprint(i), i)
		s.Take(fmt.Sprint(i - 1))
	}
	for i := range 5 {
		s.Put(fmt.Sprint("x", i), i)
	}
	if _, ok := s.Get("x1"); ok || len(s.items) != 3 || len(s.order) > 6 {
		t.Errorf("%v %v", s.items, s.order)
	}
	if s.Put("x4", 9) {
		t.Error("a key was put twice")
	}
}

func TestTemplates(t *testing.T) {
	for i, set := range pages {
		if err := templatecheck.CheckHTML(set.Lookup("home.html"), page{}); err != nil {
			t.Errorf("%s: %v", langs[i], err)
		}
	}
}

// TestTexts finds words that only one language or no page has.
func TestTexts(t *testing.T) {
	home, err := pageFS.ReadFile("page/home.html")
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, match := range regexp.MustCompile(`t "(\w+)"`).FindAllStringSubmatch(string(home), -1) {
		used[match[1]] = true
	}
	for key, words := range texts {
		if words[0] == "" || words[1] == "" || !used[key] {
			t.Errorf("%s: %q, used %t", key, words, used[key])
		}
		delete(used, key)
	}
	if len(used) > 0 {
		t.Errorf("no text: %v", used)
	}
}
