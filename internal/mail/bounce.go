package mail

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strings"
)

const (
	mostReport     = 1 << 20 // bytes of a report that are read
	mostRecipients = 100
)

// ErrNoReport means that a message is not a report of what could not be delivered.
var ErrNoReport = errors.New("mail: not a delivery status notification")

// Bounces returns the addresses of whom a relay reports that a mail could not be
// delivered for good (RFC 3464 §2.3), each once. [ErrNoReport] is its only error.
func Bounces(report io.Reader) (addresses []string, err error) {
	message, err := netmail.ReadMessage(io.LimitReader(report, mostReport))
	if err != nil {
		return nil, ErrNoReport
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || !strings.EqualFold(parameters["report-type"], "delivery-status") {
		return nil, ErrNoReport
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, ErrNoReport
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind == "message/delivery-status" {
			return failed(part), nil
		}
	}
}

// failed reads groups of fields: one of the message, then one of each recipient.
func failed(status io.Reader) (addresses []string) {
	fields := textproto.NewReader(bufio.NewReader(status))
	for range mostRecipients {
		group, err := fields.ReadMIMEHeader()
		address := recipient(group, "Original-Recipient")
		if address == "" {
			address = recipient(group, "Final-Recipient")
		}
		if address != "" && strings.EqualFold(strings.TrimSpace(group.Get("Action")), "failed") && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
		if err != nil {
			break
		}
	}
	return addresses
}

// recipient returns the address of a field such as "rfc822; hanako@example.com".
func recipient(group textproto.MIMEHeader, name string) string {
	kind, address, _ := strings.Cut(group.Get(name), ";")
	address = strings.ToLower(strings.Trim(strings.TrimSpace(address), "<>"))
	if !strings.EqualFold(strings.TrimSpace(kind), "rfc822") || CheckAddress(address) != nil {
		return ""
	}
	return address
}
