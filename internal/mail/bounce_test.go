package mail

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const report = "From: MAILER-DAEMON@relay.example\r\nTo: no-reply@miyako.example\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=delivery-status; boundary=\"x\"\r\n\r\n" +
	"--x\r\nContent-Type: text/plain\r\n\r\nI am sorry.\r\n" +
	"--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n" +
	"Final-Recipient: rfc822; Hanako@Example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" +
	"Original-Recipient: rfc822;<taro@example.com>\r\nFinal-Recipient: rfc822; other@example.net\r\nAction: Failed\r\nStatus: 5.2.1\r\n\r\n" +
	"Final-Recipient: rfc822; later@example.com\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n" +
	"Final-Recipient: x400; nobody\r\nAction: failed\r\n\r\n" +
	"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n--x--\r\n"

// TestBounces reads who could not be reached for good, and nobody else. MAIL-10.
func TestBounces(t *testing.T) {
	got, err := Bounces(strings.NewReader(report))
	if err != nil || !slices.Equal(got, []string{"hanako@example.com", "taro@example.com"}) {
		t.Errorf("%v, %v", got, err)
	}
	for name, text := range map[string]string{
		"nothing":            "",
		"a letter":           "Subject: Out of office\r\n\r\nFinal-Recipient: rfc822; hanako@example.com\r\nAction: failed\r\n",
		"another report":     strings.Replace(report, "report-type=delivery-status", "report-type=disposition-notification", 1),
		"a report of no one": strings.Replace(report, "message/delivery-status", "text/plain", 1),
	} {
		if got, err := Bounces(strings.NewReader(text)); !errors.Is(err, ErrNoReport) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// FuzzBounces reads whatever somebody may send, and no address that mail cannot go to.
func FuzzBounces(f *testing.F) {
	f.Add(report)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Bounces(strings.NewReader(text))
		if err != nil && !errors.Is(err, ErrNoReport) {
			t.Error(err)
		}
		for _, address := range all {
			if CheckAddress(address) != nil {
				t.Errorf("%q", address)
			}
		}
	})
}
