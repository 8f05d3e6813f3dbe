package extension

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPolicies runs a browser whose institution has set the policies of the sample
// and one more: a passphrase is required, the lock comes in time whatever was
// chosen, and nothing leaves in clear.
func TestPolicies(t *testing.T) {
	t.Parallel()
	plain := newChromium(t)
	id := plain.id
	managed := filepath.Join(t.TempDir(), "policies", "managed")
	if err := os.MkdirAll(managed, 0o755); err != nil {
		t.Fatal(err)
	}
	policies := fmt.Sprintf(`{"3rdparty": {"extensions": {%q: {"requirePassphrase": true, "maxUnlockMinutes": 30, "disablePlainExport": true}}}}`, id)
	if err := os.WriteFile(filepath.Join(managed, "authenticator.json"), []byte(policies), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startChromium(t, t.TempDir(), dist+"/chromium", chromedp.ExecPath(governed(t, filepath.Dir(filepath.Dir(managed)))))
	t.Cleanup(c.close)
	b := c.manage("add")
	b.until(`document.body.innerText.includes("アカウントを保護します") && !document.body.innerText.includes("ロックしない")`)
	c.holdLockedIn(b)
	minutes := eval[float64](b, `chrome.alarms.get("lock").then((alarm) => (alarm.scheduledTime - Date.now()) / 60_000)`)
	if minutes < 29 || minutes > 30 {
		t.Errorf("it locks in %.1f minutes, want 30", minutes)
	}
	b.open(c.address("manage.html#export"))
	b.shows("所属機関の設定により使えません。")
	if formats := eval[string](b, `[...document.getElementById("format").options].map(({value}) => value).join()`); formats != "warifu,aegis" {
		t.Errorf("the formats are %s", formats)
	}
	b.open(c.address("manage.html#settings"))
	b.shows("遅くとも 30 分でロックします。")
	b.hides("ロックをやめる")
}

// governed is a program that runs Chromium with a folder in place of /etc/chromium,
// for that process alone.
func governed(t *testing.T, etc string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "chromium")
	script := fmt.Sprintf("#!/bin/sh\nexec unshare --map-root-user --mount sh -c 'mount --bind \"$0\" /etc/chromium && exec /usr/bin/chromium \"$@\"' %q \"$@\"\n", etc)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return program
}
