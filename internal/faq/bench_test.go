package faq

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"warifu/internal/i18n"
)

// many returns a library of so many entries: the built-in ones again and again,
// with words of their own.
func many(b *testing.B, n int) *Library {
	b.Helper()
	built := library(b, Builtin())
	files := fstest.MapFS{}
	for k := range n {
		for _, lang := range i18n.Langs {
			a := built.articles[built.slugs[k%len(built.slugs)]][lang]
			body := ""
			for _, p := range a.Passages() {
				body += p + fmt.Sprintf(" word%d\n\n", k*7919%n)
			}
			slug := fmt.Sprintf("entry-%d", k)
			files[slug+"."+string(lang)+".md"] = &fstest.MapFile{Data: []byte(entry(slug, fmt.Sprintf("%s %d", a.Title, k), body))}
		}
	}
	return library(b, files)
}

var asked = []string{"初期化したい", "QRコードが読み取れない", "無線", "wireless network", "forgoten pasword", "メールが届かない", "recovery code", "word17 時計", "what does the help desk ask"}

// BenchmarkSearch is one search, at the number of entries that come with the
// program and at larger ones; P11 is its slowest of a hundred.
func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{24, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := library(b, Builtin())
			if n > 24 {
				l = many(b, n)
			}
			var took []time.Duration
			for b.Loop() {
				for _, query := range asked {
					begun := time.Now()
					l.Search(query, i18n.Japanese)
					took = append(took, time.Since(begun))
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		})
	}
}

// BenchmarkLibrary is what the start of the program pays for the entries, and what
// they keep.
func BenchmarkLibrary(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := library(b, Builtin())
	runtime.GC()
	runtime.ReadMemStats(&after)
	for b.Loop() {
		library(b, Builtin())
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1024, "KiB-kept")
	runtime.KeepAlive(kept)
}
