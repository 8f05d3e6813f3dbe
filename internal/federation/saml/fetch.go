package saml

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

const (
	fetchTime     = 60 * time.Second // for a whole answer
	mostRedirects = 3
	maxTag        = 1024 // bytes of ETag or Last-Modified that are kept
)

var errRedirect = errors.New("saml: the answer leads to another host")

// NewFeedClient returns a client that waits at most a minute, and follows
// redirects within one host alone.
func NewFeedClient() *http.Client {
	return &http.Client{Timeout: fetchTime, CheckRedirect: func(r *http.Request, before []*http.Request) error {
		if first := before[0].URL; r.URL.Scheme != first.Scheme || r.URL.Host != first.Host || len(before) > mostRedirects { //guard:SAML-7
			return errRedirect
		}
		return nil
	}}
}

// fetched is what a source has answered.
type fetched struct {
	document           *os.File // nil: what we have is what there is
	temporary          bool
	etag, lastModified string
}

// close lets go of the document.
func (f fetched) close() error {
	if f.document == nil {
		return nil
	}
	err := f.document.Close()
	if f.temporary {
		err = errors.Join(err, os.Remove(f.document.Name()))
	}
	return err
}

// fetch gets the metadata, unless they are those that the state has.
func (f *Feeds) fetch(ctx context.Context, feed Feed, state FeedState) (fetched, error) {
	known := state.Generation > 0 && state.Source == feed.source() && feed.trusts(state.Signer)
	if feed.File != "" {
		return openFeed(feed.File, known, state.ETag)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, feed.URL, nil)
	if err != nil {
		return fetched{}, err
	}
	if known && state.ETag != "" {
		r.Header.Set("If-None-Match", state.ETag)
	}
	if known && state.LastModified != "" {
		r.Header.Set("If-Modified-Since", state.LastModified)
	}
	return f.get(r, known)
}

// openFeed opens a file, unless it has not changed.
func openFeed(name string, known bool, tag string) (fetched, error) {
	file, err := os.Open(name) //nolint:gosec // the configuration names it
	if err != nil {
		return fetched{}, err
	}
	about, err := file.Stat()
	if err != nil {
		return fetched{}, errors.Join(err, file.Close())
	}
	now := fmt.Sprintf("%d bytes of %d", about.Size(), about.ModTime().UnixNano())
	if known && now == tag {
		return fetched{etag: now}, file.Close()
	}
	return fetched{document: file, etag: now}, nil
}

// get reads the answer into a file, so that the source is not held up by what
// verifies it, and no memory is taken by it.
func (f *Feeds) get(r *http.Request, known bool) (got fetched, err error) {
	r.Header.Set("Accept", "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1")
	answer, err := f.Client.Do(r)
	if err != nil {
		return fetched{}, withoutAddress(err)
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusNotModified && known:
		return fetched{etag: r.Header.Get("If-None-Match"), lastModified: r.Header.Get("If-Modified-Since")}, nil
	case answer.StatusCode != http.StatusOK:
		return fetched{}, fmt.Errorf("saml: the answer is %d", answer.StatusCode)
	}
	file, err := os.CreateTemp("", "warifu-feed-")
	if err != nil {
		return fetched{}, err
	}
	got = fetched{document: file, temporary: true, etag: tag(answer, "ETag"), lastModified: tag(answer, "Last-Modified")}
	_, err = io.Copy(file, io.LimitReader(answer.Body, maxFeed+1)) // [ReadFeed] refuses one byte too many
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fetched{}, errors.Join(withoutAddress(err), got.close())
	}
	return got, nil
}

// tag returns a header of an answer, if it is not too long to be sent back.
func tag(answer *http.Response, name string) string {
	if value := answer.Header.Get(name); len(value) <= maxTag {
		return value
	}
	return ""
}

// withoutAddress returns what has happened to a request: its address is in the
// configuration, and may have a secret in it.
func withoutAddress(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("saml: fetch: %w", wrapped.Err)
	}
	return err
}
