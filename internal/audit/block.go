package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"warifu/internal/secret"
)

// Row is an event as it is stored.
type Row struct {
	ID         string
	At         time.Time
	Name       Name
	Subscriber string
	Body       []byte // the event as JSON
	MAC        []byte // over id and body
	Missing    bool   // sealed, and no longer there
}

// Block seals rows, and the block before it.
type Block struct {
	No       int64 // from 1 on, without gaps
	SealedAt time.Time
	Events   int64
	Digest   []byte // SHA-256 over ids and MACs of the rows, in the order of the ids
	MAC      []byte // over all of this, and the MAC of the block before
}

var (
	errRowMAC  = errors.New("the row was changed, or was not written by the server")
	errColumns = errors.New("a column of the row was changed")
)

// RowMAC authenticates a row by itself.
func RowMAC(key *secret.MAC, id string, body []byte) []byte {
	return key.Sum("audit row", []byte(id), body)
}

// check says what is wrong with a row by itself.
func (r Row) check(key *secret.MAC) error {
	if !key.Verify("audit row", r.MAC, []byte(r.ID), r.Body) { //guard:AUD-1
		return errRowMAC
	}
	var e Event
	if err := json.Unmarshal(r.Body, &e); err != nil {
		return err
	}
	if e.At.UnixMilli() != r.At.UnixMilli() || e.Name != r.Name || e.Subscriber != r.Subscriber { //guard:AUD-1
		return errColumns
	}
	return nil
}

// digest is what a block keeps of its rows, which are in the order of their ids.
func digest(rows []Row) []byte {
	h := sha256.New()
	for _, r := range rows {
		for _, part := range [][]byte{[]byte(r.ID), r.MAC} {
			var length [8]byte
			binary.BigEndian.PutUint64(length[:], uint64(len(part)))
			h.Write(length[:])
			h.Write(part)
		}
	}
	return h.Sum(nil)
}

// content is what the MAC of a block is over.
func (b Block) content(previous []byte) [][]byte {
	var numbers [24]byte
	binary.BigEndian.PutUint64(numbers[0:], uint64(b.No)) //nolint:gosec // G115: the same 64 bits
	binary.BigEndian.PutUint64(numbers[8:], uint64(b.SealedAt.UnixMilli()))
	binary.BigEndian.PutUint64(numbers[16:], uint64(b.Events)) //nolint:gosec // G115: the same 64 bits
	return [][]byte{numbers[:], b.Digest, previous}
}
