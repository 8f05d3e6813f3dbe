package saml

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Verify reads metadata as [ReadFeed] does.
type Verify func(ctx context.Context, document io.Reader, c Check, each func(Record) error) (Summary, error)

// VerifyCommand is the command, which no help shows, by which the program verifies
// metadata in a process of its own.
const VerifyCommand = "verify-feed"

// childMemory is what the process may take before its garbage is collected all the
// time.
const childMemory = "GOMEMLIMIT=128MiB"

const endTime = 5 * time.Second // from the end of the process to that of what it has started

const maxLine = 2 * maxEntity // of what the process answers

// line is one line of its answer: a service, and at last what became of the whole.
type line struct {
	Record  *Record  `json:"record,omitempty"`
	Summary *Summary `json:"summary,omitempty"`
	Fault   string   `json:"fault,omitempty"`
}

// InProcess returns what verifies in another process of a program: what a document
// that is made to do harm takes there, in time or memory, is not the server's.
func InProcess(program string, args ...string) Verify {
	return func(ctx context.Context, document io.Reader, c Check, each func(Record) error) (Summary, error) {
		first, err := json.Marshal(c)
		if err != nil {
			return Summary{}, err
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		child := exec.CommandContext(ctx, program, args...) //nolint:gosec // it is this program itself
		child.Env = []string{childMemory}                   // and nothing of ours, in which there may be secrets
		child.Stdin = io.MultiReader(bytes.NewReader(append(first, '\n')), document)
		child.WaitDelay = endTime
		var stderr tail
		child.Stderr = &stderr
		out, err := child.StdoutPipe()
		if err != nil {
			return Summary{}, err
		}
		if err := child.Start(); err != nil {
			return Summary{}, fmt.Errorf("saml: verify: %w", err)
		}
		summary, err := readLines(out, each)
		if err != nil { // it may be in the middle of the next line
			cancel()
			_ = out.Close() // Wait would close it, too
		}
		if ended := child.Wait(); err == nil && ended != nil {
			err = fmt.Errorf("saml: verify: %w: %s", ended, stderr.text)
		}
		return summary, err
	}
}

// readLines returns the summary that ends the answer, and nothing if the answer
// does not come to that.
func readLines(out io.Reader, each func(Record) error) (Summary, error) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return Summary{}, fmt.Errorf("saml: verify: %w", err)
		}
		switch {
		case l.Record != nil:
			if err := each(*l.Record); err != nil {
				return Summary{}, err
			}
		case l.Summary != nil:
			return *l.Summary, nil
		default:
			return Summary{}, errors.New(l.Fault)
		}
	}
	if err := lines.Err(); err != nil {
		return Summary{}, fmt.Errorf("saml: verify: %w", err)
	}
	return Summary{}, errors.New("saml: verify: the process ended without an answer")
}

// tail keeps the beginning of what a process complains of.
type tail struct{ text []byte }

// Write keeps what there is room for.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[:min(len(p), maxFaultLength-len(t.text))]...)
	return len(p), nil
}

// VerifyHere is the other side of [InProcess]: it reads what to hold the metadata
// to from the first line of in, and the metadata from the rest. That metadata are
// refused is an answer, too, and no error.
func VerifyHere(in io.Reader, out io.Writer) error {
	source := bufio.NewReader(in)
	first, err := source.ReadBytes('\n')
	if err != nil {
		return err
	}
	var c Check
	if err := json.Unmarshal(first, &c); err != nil {
		return err
	}
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	summary, err := ReadFeed(source, c, func(r Record) error { return encoder.Encode(line{Record: &r}) })
	last := line{Summary: &summary}
	if err != nil {
		last = line{Fault: told(err)}
	}
	return errors.Join(encoder.Encode(last), buffered.Flush())
}

// NewVerify returns [InProcess] of this program itself.
func NewVerify() (Verify, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("saml: verify: %w", err)
	}
	return InProcess(program, VerifyCommand), nil
}
