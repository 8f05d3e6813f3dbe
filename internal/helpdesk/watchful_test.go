package helpdesk

import (
	"bytes"
	"testing"
)

// TestHD16Chosen: of all bytes that chance can give, one in twenty chooses an
// approval for a check call; without chance there is no approval. HD-16.
func TestHD16Chosen(t *testing.T) {
	var all [256]byte
	for i := range all {
		all[i] = byte(i)
	}
	d, n := Desk{Random: bytes.NewReader(all[:])}, 0
	for range all {
		chosen, err := d.chosen()
		if err != nil {
			t.Fatal(err)
		}
		if chosen {
			n++
		}
	}
	if n != 13 { // 5 % of 256
		t.Errorf("%d of 256 are chosen", n)
	}
	if _, err := d.chosen(); err == nil {
		t.Error("chosen without chance")
	}
}
