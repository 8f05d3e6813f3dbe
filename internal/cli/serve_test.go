package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// TestReload takes the services of the file over, all or none, and says that what else
// has changed waits for a restart.
func TestReload(t *testing.T) {
	s := install(t)
	file := s.file("warifu.yaml")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := serveCommand{withConfig{Config: file}}
	a, err := c.open(&Env{Context: t.Context(), Err: &log, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.DB.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const services = "\nservices:\n- {id: lms, name: {ja: 学習, en: Learning}, protocol: oidc, type: spa, auth: none, redirect_uris: [https://lms.example/cb]}\n"
	without := strings.ReplaceAll(string(before), "services: []", "")
	for _, step := range []struct{ text, says string }{
		{without + services, "are taken over"},
		{without + services + "nonsense: 1\n", "stay as they were"},
		{without + strings.Replace(services, "https:", "http:", 1), "stay as they were"},
		{without + services + "session: {idle: 30m}\n", "after a restart"},
	} {
		log.Reset()
		s.write("warifu.yaml", step.text)
		c.reload(t.Context(), a)
		if _, err := a.Services.Find(t.Context(), "lms"); err != nil || !strings.Contains(log.String(), step.says) {
			t.Errorf("%v, %s, want %q", err, &log, step.says)
		}
	}
	s.write("warifu.yaml", without)
	c.reload(t.Context(), a)
	if _, err := a.Services.Find(t.Context(), "lms"); err == nil {
		t.Error("the service is still there")
	}
}
