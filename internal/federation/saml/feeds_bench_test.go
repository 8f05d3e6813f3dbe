package saml_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"warifu/internal/federation/saml"
)

var highest = regexp.MustCompile(`VmHWM:\s+([0-9]+) kB`)

// mebibytes is the highest resident memory that a status of Linux tells, 0 of
// another system.
func mebibytes(status []byte) float64 {
	found := highest.FindSubmatch(status)
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(found[1]), 64)
	return n / 1024
}

// BenchmarkRefresh takes an aggregate of 12,000 services from a file into SQLite,
// with the process that verifies it, and tells the highest memory of both.
func BenchmarkRefresh(b *testing.B) {
	u := newUnion(b, migratedDB(b))
	feed, took := filepath.Join(b.TempDir(), "feed.xml"), filepath.Join(b.TempDir(), "status")
	if err := os.WriteFile(feed, []byte(saml.LargeFeed(b, 12_000)), 0o600); err != nil {
		b.Fatal(err)
	}
	u.feed.URL, u.feed.File = "", feed
	f := u.node()
	f.Verify = saml.InProcess(must[string](b)(os.Executable()), saml.VerifyCommand, took)
	u.publish(1)
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the highest is that of now
	before, _ := os.ReadFile("/proc/self/status")
	for i := 0; b.Loop(); i++ {
		u.pass(time.Hour)
		now := time.Unix(int64(i), 0)
		if err := os.Chtimes(feed, now, now); err != nil { // it has changed
			b.Fatal(err)
		}
		u.refresh(f)
		if s := u.state(); s.Services != 12_000 || s.Failures != 0 {
			b.Fatalf("%+v", s)
		}
	}
	after, _ := os.ReadFile("/proc/self/status")
	child, err := os.ReadFile(took)
	if err != nil || bytes.Equal(child, after) {
		b.Fatal(err)
	}
	b.ReportMetric(mebibytes(child), "MiB-of-the-process")
	b.ReportMetric(mebibytes(after)-mebibytes(before), "MiB-more-of-the-server")
	about, err := os.Stat(feed)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(about.Size())/(1<<20), "MiB-of-metadata")
}

// BenchmarkLookUp finds services of a large feed that were not looked up lately.
func BenchmarkLookUp(b *testing.B) {
	u := newUnion(b, migratedDB(b))
	u.put(saml.LargeFeed(b, 12_000))
	u.refresh(u.node())
	f := u.node()
	for i := 0; b.Loop(); i++ {
		if _, err := found(f, strconv.Itoa(i*7919%12_000)); err != nil {
			b.Fatal(err)
		}
	}
}
