package audit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzExportLine writes events whose fields somebody has chosen: each is one line of
// JSON, without a character that a terminal obeys, and says what the event says.
// AUD-3, A57.
func FuzzExportLine(f *testing.F) {
	for _, seed := range []string{"", "wrong\r\n{\"id\":\"forged\"}", "\x1b[2J", "\u009b31m", "\x7f\u0085\u2028\u2029", "=cmd|'/c calc'!A1", "\xff\xfe", "割符 <script>", `\u009b`, "\x00"} {
		f.Add("e1", seed, "detail")
		f.Add(seed, "reason", seed)
	}
	f.Add("0", "\x7f\u0085\xe2\x80", "\x86dtail") // halves of one letter
	f.Fuzz(func(t *testing.T, id, reason, detail string) {
		e := Event{At: time.UnixMilli(1764550000000).UTC(), Name: SignIn, Reason: reason, Target: detail, Detail: map[string]string{DetailDevice: detail}}
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := writeLine(&out, Row{ID: id, Body: body}); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u2029' }) || len(line) == out.Len() {
			t.Errorf("not one plain line: %q", out.String())
		}
		var got struct {
			ID string `json:"id"`
			Event
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		clean := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		if utf8.ValidString(id) && utf8.ValidString(reason) && utf8.ValidString(detail) {
			if got.ID != id || !reflect.DeepEqual(got.Event, e) {
				t.Errorf("%q says %+v, want %q %+v", line, got, id, e)
			}
		} else if strings.Count(got.Reason, "\ufffd") < strings.Count(clean(reason), "\ufffd") {
			t.Errorf("%q: the reason is %q", line, got.Reason)
		}
	})
}
