package mailcatcher

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

const maxDepth = 5 // of parts within parts

var words = mime.WordDecoder{CharsetReader: charsetReader}

// parse reads a message as well as it can: one that makes no sense is kept as
// the text that it is.
func parse(raw []byte) Message {
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Message{Text: text(raw)}
	}
	m := Message{Subject: decodeHeader(parsed.Header.Get("Subject")), From: decodeHeader(parsed.Header.Get("From"))}
	addresses := mail.AddressParser{WordDecoder: &words}
	if from, err := addresses.Parse(parsed.Header.Get("From")); err == nil {
		m.From = from.Address
		if from.Name != "" {
			m.From = from.Name + " <" + from.Address + ">"
		}
	}
	if date, err := parsed.Header.Date(); err == nil {
		m.Date = date
	}
	m.readPart(textproto.MIMEHeader(parsed.Header), parsed.Body, maxDepth)
	return m
}

func decodeHeader(value string) string {
	decoded, err := words.DecodeHeader(value)
	if err != nil {
		return value
	}
	return decoded
}

// readPart takes the first text and the first HTML that it finds.
func (m *Message) readPart(header textproto.MIMEHeader, body io.Reader, depth int) {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	if boundary := params["boundary"]; strings.HasPrefix(kind, "multipart/") && boundary != "" && depth > 0 {
		parts := multipart.NewReader(body, boundary)
		for part, err := parts.NextRawPart(); err == nil; part, err = parts.NextRawPart() {
			m.readPart(part.Header, part, depth-1)
		}
		return
	}
	content := decodeBody(header.Get("Content-Transfer-Encoding"), params["charset"], body)
	switch {
	case kind == "text/plain" && m.Text == "":
		m.Text = content
	case kind == "text/html" && m.HTML == "":
		m.HTML = content
	}
}

func decodeBody(encoding, charset string, body io.Reader) string {
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	if decoded, err := charsetReader(charset, body); err == nil {
		body = decoded
	}
	content, _ := io.ReadAll(body) // what can be read is shown
	return text(content)
}

// charsetReader knows the character sets of browsers, those of Japanese mails included.
func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	if charset == "" {
		return r, nil
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return encoding.NewDecoder().Reader(r), nil
}

func text(content []byte) string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(content), "�"), "\r\n", "\n")
}
