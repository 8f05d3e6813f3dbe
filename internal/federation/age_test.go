package federation

import (
	"encoding/json"
	"testing"
	"time"
)

// TestAge reads what is written, what was stored before, and nothing else.
func TestAge(t *testing.T) {
	for text, want := range map[string]time.Duration{`"1h30m"`: 90 * time.Minute, `"45s"`: 45 * time.Second, `3600000000000`: time.Hour, `0`: 0} {
		var got Age
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != Age(want) {
			t.Errorf("%s = %v, %v, want %v", text, time.Duration(got), err, want)
		}
		written, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var again Age
		if err := json.Unmarshal(written, &again); err != nil || again != got {
			t.Errorf("%s is written as %s and read as %v, %v", text, written, time.Duration(again), err)
		}
	}
	for _, text := range []string{`"soon"`, `"1"`, `""`, `{}`, `1.5`, `true`} {
		var got Age
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s = %v", text, time.Duration(got))
		}
	}
}
