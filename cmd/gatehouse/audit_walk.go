package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

const (
	// auditTelling is how often a long verification says how far it has come.
	auditTelling = 30 * time.Second
	// maxAnchors bounds the file of noted heads, in bytes.
	maxAnchors = 16 << 20
)

// walk verifies the trail, from where the file of --resume says that the last one
// came to.
func (f *auditFlags) walk(ctx context.Context, progress io.Writer, trail auditTrail, since time.Time, expected []gateway.AuditHead) (*gateway.AuditReport, error) {
	w, err := f.resumed(trail, since)
	if err != nil {
		return nil, err
	}
	from := trail.read(&w.Span)
	told := time.Now()
	for !w.Done() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := w.Step(from); err != nil {
			return nil, err
		}
		if err := f.keep(w); err != nil {
			return nil, err
		}
		if !w.Done() && time.Since(told) >= auditTelling {
			fmt.Fprintln(progress, w.Progress())
			told = time.Now()
		}
	}
	report, err := w.End(from, expected)
	if err == nil && f.resume != "" {
		err = os.Remove(f.resume)
	}
	return report, err
}

func (f *auditFlags) resumed(trail auditTrail, since time.Time) (*gateway.AuditWalk, error) {
	w := &gateway.AuditWalk{}
	switch src, err := os.ReadFile(f.resume); {
	case f.resume == "", errors.Is(err, fs.ErrNotExist):
		span, err := trail.begin(since)
		if err != nil {
			return nil, err
		}
		return gateway.NewAuditWalk(span), nil
	case err != nil:
		return nil, err
	default:
		decoder := json.NewDecoder(bytes.NewReader(src))
		decoder.DisallowUnknownFields()
		err := errors.Join(decoder.Decode(w), w.Check())
		if _, more := decoder.Token(); err == nil && !errors.Is(more, io.EOF) {
			err = errors.New("something follows")
		}
		if err != nil {
			return nil, usageError{fmt.Errorf("--resume: %s is not of this command: %w", f.resume, err)}
		}
		return w, nil
	}
}

// keep writes down how far it has come: the whole file, or the one before it.
func (f *auditFlags) keep(w *gateway.AuditWalk) error {
	if f.resume == "" {
		return nil
	}
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	next := f.resume + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, f.resume)
}

// noted reads the heads of --expect and --anchor.
func (f *auditFlags) noted() ([]gateway.AuditHead, error) {
	var out []gateway.AuditHead
	for _, text := range f.expected {
		h, err := notedHead([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("--expect: %w", err)
		}
		out = append(out, h)
	}
	if f.anchor == "" {
		return out, nil
	}
	file, err := os.Open(f.anchor)
	if err != nil {
		return nil, fmt.Errorf("--anchor: %w", err)
	}
	defer file.Close()
	src, err := io.ReadAll(io.LimitReader(file, maxAnchors+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--anchor: %w", err)
	case len(src) > maxAnchors:
		return nil, fmt.Errorf("--anchor: %s has more than %d bytes", f.anchor, maxAnchors)
	}
	before := len(out)
	for number, line := range bytes.Split(src, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		h, err := notedHead(line)
		if err != nil {
			return nil, fmt.Errorf("--anchor: %s:%d: %w", f.anchor, number+1, err)
		}
		out = append(out, h)
	}
	if len(out) == before { // nothing was noted: nothing would be proven
		return nil, fmt.Errorf("--anchor: %s has no heads", f.anchor)
	}
	return out, nil
}

func notedHead(text []byte) (h gateway.AuditHead, err error) {
	if err = h.UnmarshalText(text); err == nil && h.Seq == 0 {
		err = fmt.Errorf("%s is no entry: they are counted from 1", text)
	}
	return h, err
}
