package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Limits of event streams (SSE-4).
const (
	Heartbeat     = 15 * time.Second
	streamLife    = 30 * time.Minute // then the browser connects again
	streamsPerKey = 2                // of one flow: one, and one that takes its place
)

// MostStreams is how many event streams a node keeps open where nothing else is said.
const MostStreams = 5000

var errStreams = errors.New("web: too many event streams")

// streams counts the open event streams of this node, or the answers that it keeps back.
type streams struct {
	mu    sync.Mutex
	byKey map[string]int
	all   int
}

func (s *streams) enter(key string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= most || s.byKey[key] >= streamsPerKey { //guard:SSE-4
		return false
	}
	s.all++
	s.byKey[key]++
	return true
}

func (s *streams) leave(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.byKey[key]--; s.byKey[key] == 0 {
		delete(s.byKey, key)
	}
}

// Hold reports whether one more answer with a key may be kept back until there is
// something to tell: of one key as many as streams, and so on the node, beside
// these. The function gives the place back.
func (s *Site) Hold(key string) (free func(), held bool) {
	if !s.holds.enter(key, s.MostStreams) {
		return func() {}, false
	}
	return func() { s.holds.leave(key) }, true
}

// A Stream tells one page of changes: server-sent events (HTML, section 9.2).
type Stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// Stream answers r with events until follow returns. Its context ends with the
// browser, with the node, and after half an hour. A stream may be asked for only
// by a page of this site; no more than two have the same key.
func (s *Site) Stream(w http.ResponseWriter, r *http.Request, key string, follow func(ctx context.Context, stream *Stream) error) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" { //guard:SSE-1
		return &Problem{Status: http.StatusForbidden, Stop: "stop.csrf", Err: errCrossOrigin}
	}
	if !s.streams.enter(key, s.MostStreams) {
		return &Problem{Status: http.StatusServiceUnavailable, Stop: "stop.unavailable", Err: errStreams}
	}
	defer s.streams.leave(key)
	stream := &Stream{w: w, control: http.NewResponseController(w)}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	// The time limits of other answers do not hold for this one, which has its own.
	if err := errors.Join(stream.control.SetWriteDeadline(time.Time{}), stream.control.SetReadDeadline(time.Time{})); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("web: stream: %w", err)
	}
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	if err := follow(ctx, stream); err != nil && ctx.Err() == nil {
		s.Log.InfoContext(ctx, "event stream ended", "route", r.Pattern, "err", err)
	}
	return nil
}

// EndStreams ends all event streams: the node stops. Browsers go to another one.
func (s *Site) EndStreams() { s.stop() }

// Send tells the page of an event. Neither name nor data may have line breaks.
func (st *Stream) Send(event, data string) error {
	return st.write("event: " + event + "\ndata: " + data + "\n\n")
}

// Beat keeps the connection alive, and finds out whether it is.
func (st *Stream) Beat() error { return st.write(":\n\n") }

func (st *Stream) write(text string) error {
	if _, err := st.w.Write([]byte(text)); err != nil {
		return err
	}
	return st.control.Flush()
}
