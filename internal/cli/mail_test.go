package cli

import (
	"bytes"
	"strings"
	"testing"
)

// TestMailBounce takes a relay's report; a letter to the same address is passed over. MAIL-10.
func TestMailBounce(t *testing.T) {
	s := install(t)
	const report = "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n" +
		"--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; hanako@example.com\r\nAction: failed\r\n\r\n--x--\r\n"
	for text, want := range map[string]string{report: "h•••@e•••.com: the address of 0 persons", "Subject: I am away\r\n\r\nSee you.": "not a delivery status notification"} {
		var out, errs bytes.Buffer
		if status := Main(t.Context(), []string{"mail", "bounce", "--config=" + s.file("warifu.yaml")}, strings.NewReader(text), &out, &errs); status != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%d %s %s, want %q", status, &out, &errs, want)
		}
	}
}
