package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Filter says which events are wanted. What is empty does not limit.
type Filter struct {
	From, To   time.Time
	Subscriber string
	Name       Name
}

// detail is what is recorded of a filter.
func (f Filter) detail() map[string]string {
	detail := make(map[string]string)
	if !f.From.IsZero() {
		detail["from"] = f.From.Format(time.RFC3339)
	}
	if !f.To.IsZero() {
		detail["to"] = f.To.Format(time.RFC3339)
	}
	if f.Name != "" {
		detail["name"] = string(f.Name)
	}
	return detail
}

// ExportTx is what exporting needs of a transaction.
type ExportTx interface {
	// AuditAfter returns rows in the order of time and id, after a time and an id.
	AuditAfter(ctx context.Context, f Filter, at time.Time, id string, most int) ([]Row, error)
	AppendAudit(ctx context.Context, e Event) error
}

// Exporter writes the trail for others.
type Exporter struct {
	InTx func(ctx context.Context, fn func(ExportTx) error) error
	Now  func() time.Time
}

// Export writes the events as JSON lines: line breaks and escapes that somebody
// smuggled into a field are escaped (AUD-3). That the trail was read is recorded
// first (AUD-4).
func (x *Exporter) Export(ctx context.Context, w io.Writer, f Filter, actor string) error {
	err := x.InTx(ctx, func(tx ExportTx) error {
		return tx.AppendAudit(ctx, Event{At: x.Now(), Name: TrailRead, Actor: actor, Subscriber: f.Subscriber,
			Detail: f.detail()})
	})
	if err != nil {
		return err
	}
	at, id := f.From, ""
	for {
		var rows []Row
		err := x.InTx(ctx, func(tx ExportTx) (err error) {
			rows, err = tx.AuditAfter(ctx, f, at, id, blockEvents)
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := writeLine(w, row); err != nil {
				return err
			}
			at, id = row.At, row.ID
		}
		if len(rows) < blockEvents {
			return nil
		}
	}
}

func writeLine(w io.Writer, row Row) error {
	line := struct {
		ID string `json:"id"`
		Event
	}{ID: row.ID}
	if err := json.Unmarshal(row.Body, &line.Event); err != nil {
		return err
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", neutral(text))
	return err
}

// neutral escapes what JSON may leave as it is, and a terminal obeys all the
// same: DEL, and the control characters from U+0080 on, of which U+009B does
// what ESC [ does.
func neutral(text []byte) []byte {
	isControl := func(r rune) bool { return r >= 0x7f && r <= 0x9f }
	if !bytes.ContainsFunc(text, isControl) {
		return text
	}
	var escaped bytes.Buffer
	for _, r := range string(text) {
		if isControl(r) {
			fmt.Fprintf(&escaped, `\u%04x`, r)
		} else {
			escaped.WriteRune(r)
		}
	}
	return escaped.Bytes()
}
