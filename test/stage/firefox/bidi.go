package firefox

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// bidi is a WebDriver BiDi session over a WebSocket (RFC 6455), as far as a client
// that sends texts needs one.
type bidi struct {
	conn net.Conn

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
}

type reply struct {
	ID      int             `json:"id"`
	Type    string          `json:"type"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
}

// dial opens the connection of a session to come.
func dial(address string) (*bidi, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		u.Path, u.Host, base64.StdEncoding.EncodeToString([]byte(rand.Text()[:16])))
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the browser answers %s", answer.Status)
	}
	b := &bidi{conn: conn, waiting: make(map[int]chan reply)}
	go b.read(in)
	return b, nil
}

// call sends a command, and fills in its result if it comes within the limit.
func (b *bidi) call(limit time.Duration, method string, params, result any) error {
	answer := make(chan reply, 1)
	b.mu.Lock()
	b.next++
	id := b.next
	b.waiting[id] = answer
	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	if err == nil {
		_, err = b.conn.Write(frame(text))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	var r reply
	open := true
	select {
	case r, open = <-answer:
	case <-time.After(limit):
		return fmt.Errorf("%s: no answer to %.200s", method, text)
	}
	switch {
	case !open:
		return fmt.Errorf("%s: the browser has gone", method)
	case r.Type != "success":
		return fmt.Errorf("%s: %s: %s", method, r.Error, r.Message)
	case result == nil:
		return nil
	}
	return json.Unmarshal(r.Result, result)
}

// frame is a text in one frame; Firefox drops a client whose mask is zero.
func frame(text []byte) []byte {
	f := []byte{0x81}
	switch n := len(text); {
	case n < 126:
		f = append(f, 0x80|byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 0x80|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 0x80|127), uint64(n))
	}
	mask := []byte(rand.Text()[:4])
	f = append(f, mask...)
	for i, c := range text {
		f = append(f, c^mask[i%4])
	}
	return f
}

// read hands each answer to who waits for it.
func (b *bidi) read(in *bufio.Reader) {
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, answer := range b.waiting {
			close(answer)
		}
	}()
	for {
		text, err := readMessage(in)
		if err != nil {
			return
		}
		var r reply
		if json.Unmarshal(text, &r) != nil || r.ID == 0 {
			continue // an event
		}
		b.mu.Lock()
		answer := b.waiting[r.ID]
		delete(b.waiting, r.ID)
		b.mu.Unlock()
		answer <- r
	}
}

// readMessage reads the frames of one message; those of a server have no mask.
func readMessage(in *bufio.Reader) (text []byte, err error) {
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(in, head); err != nil {
			return nil, err
		}
		length := uint64(head[1] & 0x7f)
		if size := map[uint64]int{126: 2, 127: 8}[length]; size > 0 {
			long := make([]byte, 8)
			if _, err := io.ReadFull(in, long[8-size:]); err != nil {
				return nil, err
			}
			length = binary.BigEndian.Uint64(long)
		}
		payload := make([]byte, length)
		if _, err := io.ReadFull(in, payload); err != nil {
			return nil, err
		}
		if head[0]&0x0f < 3 { // not ping, pong, close
			text = append(text, payload...)
		}
		if head[0]&0x80 != 0 {
			return text, nil
		}
	}
}
