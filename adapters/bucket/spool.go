package bucket

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatehouse/gatehouse/internal/fault"
)

const spoolPrefix = "gatehouse-feed-"

// spooled is a draft in a local file, which has no name any more where the system lets an
// open file be without one: then nothing is left of it whenever the process dies.
type spooled struct {
	*bufio.Writer
	bucket *Bucket
	file   *os.File
	named  bool
}

// spool opens a local file, and removes what dead processes left. One that is in use
// cannot be removed where it has a name.
func (b *Bucket) spool() (*spooled, error) {
	dir := string(b.config.Spool)
	if dir == "" {
		dir = os.TempDir()
	}
	old, err := filepath.Glob(filepath.Join(dir, spoolPrefix+"*"))
	if err != nil {
		return nil, noSpool(err)
	}
	for _, name := range old {
		_ = os.Remove(name) // in use by another process, or gone
	}
	f, err := os.CreateTemp(dir, spoolPrefix+"*")
	if err != nil {
		return nil, noSpool(err)
	}
	s := &spooled{Writer: bufio.NewWriterSize(f, 1<<16), bucket: b, file: f}
	s.named = os.Remove(f.Name()) != nil
	return s, nil
}

func noSpool(err error) error {
	return fault.New(fault.CodeFeedUnavailable, "a file of the feed cannot be spooled here").Because(fmt.Errorf("spool: %w", err))
}

// Write implements io.Writer.
func (s *spooled) Write(p []byte) (int, error) {
	n, err := s.Writer.Write(p)
	if err != nil {
		return n, noSpool(err)
	}
	return n, nil
}

// Keep implements feed.Draft.
func (s *spooled) Keep(ctx context.Context, name string) error {
	err := s.Flush()
	size, seekErr := s.file.Seek(0, io.SeekCurrent)
	if err := errors.Join(err, seekErr); err != nil {
		return noSpool(err)
	}
	return s.bucket.bring(ctx, name, s.file, size)
}

// Discard implements feed.Draft.
func (s *spooled) Discard() error {
	err := s.file.Close()
	if s.named {
		err = errors.Join(err, os.Remove(s.file.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return err
}
