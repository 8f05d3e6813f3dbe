package extension

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"warifu/test/stage/firefox"
)

// TestPolicies runs a browser whose institution has set the policies of the sample
// and one more: a passphrase is required, the lock comes in time whatever was
// chosen, and nothing leaves in clear.
func TestPolicies(t *testing.T) {
	t.Parallel()
	plain := newChromium(t)
	id := plain.id
	etc := t.TempDir()
	write(t, filepath.Join(etc, chromiumPolicies, "authenticator.json"), fmt.Sprintf(`{"3rdparty": {"extensions": {%q: {"requirePassphrase": true, "maxUnlockMinutes": 30, "disablePlainExport": true}}}}`, id))
	c := startChromium(t, t.TempDir(), dist+"/chromium", chromedp.ExecPath(governed(t, etc, "/usr/bin/chromium")))
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

// chromiumPolicies is the folder below /etc of what an institution demands of
// Chromium.
const chromiumPolicies = "chromium/policies/managed"

// TestForceInstalled has an institution install its own release by the samples of
// the policies, which go with the build: the CRX by an update manifest in Chromium,
// and the XPI, which Mozilla has not signed, in Firefox ESR. Both demand a
// passphrase, as the samples say.
func TestForceInstalled(t *testing.T) {
	t.Parallel()
	release, id := released(t)
	files := httptest.NewServer(http.StripPrefix("/authenticator/", http.FileServer(http.Dir(release))))
	t.Cleanup(files.Close)
	sample := func(name string) string {
		content, err := os.ReadFile(filepath.Join(release, "policy", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(content), releaseOrigin, files.URL)
	}
	write(t, filepath.Join(release, "update.xml"), sample("update.xml"))
	etc := t.TempDir()
	write(t, filepath.Join(etc, chromiumPolicies, "authenticator.json"), sample("chromium.json"))
	write(t, filepath.Join(etc, chromiumPolicies, "test.json"), `{"DeveloperToolsAvailability": 1}`) // else its pages cannot be driven
	unsigned := `{"policies": {"Preferences": {"xpinstall.signatures.required": {"Value": false, "Status": "locked"}},`
	write(t, filepath.Join(etc, "firefox/policies/policies.json"), strings.Replace(sample("policies.json"), `{
	"policies": {`, unsigned, 1))

	c := startBare(t, t.TempDir(), chromedp.ExecPath(governed(t, etc, "/usr/bin/chromium")), chromedp.Flag("disable-background-networking", false))
	t.Cleanup(c.close)
	c.id = id
	c.find("service_worker", c.address("background.js"))
	b := c.manage("add")
	b.until(`document.body.innerText.includes("アカウントを保護します") && !document.body.innerText.includes("ロックしない")`)
	if version := eval[string](b, `chrome.runtime.getManifest().version + " " + chrome.runtime.getManifest().content_scripts[0].matches`); version != "1.0.0 "+releaseOrigin+"/*" {
		t.Errorf("installed is %s", version)
	}

	f := firefox.Start(t, governed(t, etc, firefox.Program), map[string]any{"extensions.webextensions.uuids": geckoAddresses})
	page := f.NewTab("tab", "about:blank")
	page.OpenWhenThere(inFirefox("manage.html#add"))
	page.Until(`document.body.innerText.includes("アカウントを保護します") && !document.body.innerText.includes("ロックしない")`)
}

const releaseOrigin = "https://sso.miyako.example"

// released makes a release under a key of its own, with the CRX and the XPI in it,
// and returns its folder and its id in Chromium.
func released(t *testing.T) (folder, id string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	folder = filepath.Join(dir, "dist")
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	write(t, filepath.Join(dir, "public.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
	for _, step := range [][]string{
		{"node", "../../extension/build.mjs", "release", "--origin", releaseOrigin, "--key", filepath.Join(dir, "public.pem"), "--out", folder},
		{"chromium", "--no-sandbox", "--headless", "--user-data-dir=" + filepath.Join(dir, "profile"), "--pack-extension=" + filepath.Join(folder, "chromium"), "--pack-extension-key=" + filepath.Join(dir, "key.pem")},
		{"cp", filepath.Join(folder, "authenticator-release-firefox.zip"), filepath.Join(folder, "firefox.xpi")},
	} {
		if out, err := exec.Command(step[0], step[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", step, err, out)
		}
	}
	digest := sha256.Sum256(public)
	for _, half := range hex.EncodeToString(digest[:16]) {
		id += string("abcdefghijklmnop"[strings.IndexRune("0123456789abcdef", half)])
	}
	return folder, id
}

// write writes a file, and makes its folder.
func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// governed is a program that runs another with a folder laid over /etc, for that
// process alone.
func governed(t *testing.T, etc, program string) string {
	t.Helper()
	governing := filepath.Join(t.TempDir(), filepath.Base(program))
	script := fmt.Sprintf("#!/bin/sh\nexec unshare --map-root-user --mount sh -c 'mount -t overlay overlay -o lowerdir=\"$0\":/etc /etc && exec \"$@\"' %q %q \"$@\"\n", etc, program)
	if err := os.WriteFile(governing, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return governing
}
