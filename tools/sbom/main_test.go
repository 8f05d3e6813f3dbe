package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime/debug"
	"testing"
)

// TestDescribe names the program, the standard library and what is linked, a
// replaced module by what replaces it.
func TestDescribe(t *testing.T) {
	b := describe(&debug.BuildInfo{
		GoVersion: "go1.26.8", Path: "warifu/cmd/warifu", Main: debug.Module{Path: "warifu", Version: "v1.2.3+dirty"},
		Deps: []*debug.Module{
			{Path: "github.com/BurntSushi/toml", Version: "v1.4.1", Sum: "h1:x="},
			{Path: "old.example/a", Version: "v1.0.0", Replace: &debug.Module{Path: "new.example/a", Version: "v1.0.1+incompatible"}},
		},
	})
	if got, want := b.Metadata.Component.PURL, "pkg:golang/warifu@v1.2.3%2Bdirty"; got != want || b.Metadata.Component.Name != "warifu" {
		t.Errorf("program %s, want %s", got, want)
	}
	for i, want := range []string{"pkg:golang/std@1.26.8", "pkg:golang/github.com/burntsushi/toml@v1.4.1", "pkg:golang/new.example/a@v1.0.1%2Bincompatible"} {
		if got := b.Components[i].PURL; got != want {
			t.Errorf("component %d: %s, want %s", i, got, want)
		}
	}
}

// TestRun reads a program, the test itself, and gives the same text twice.
func TestRun(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := run([]string{program}, out); err != nil {
			t.Fatal(err)
		}
	}
	if !json.Valid(first.Bytes()) || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("%s\n%s", &first, &second)
	}
	if run(nil, &first) == nil || run([]string{"main.go"}, &first) == nil {
		t.Error("no error without a program")
	}
}
