package feed

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Directory is a Place on a file system. A file appears by being renamed, once it is on
// the disk. There is nothing in a file system that compares and replaces at once: between
// the look at the manifest and its renaming, the lease alone keeps two writers apart.
type Directory struct{ path string }

// NewDirectory returns a directory, which is made when it is first written to.
func NewDirectory(path string) *Directory { return &Directory{path} }

// String implements Place.
func (d *Directory) String() string { return d.path }

// Prepare implements Place.
func (d *Directory) Prepare(context.Context) error { return unusable(os.MkdirAll(d.path, 0o750)) }

// Read implements Place.
func (d *Directory) Read(_ context.Context, name string, atMost int64) ([]byte, string, error) {
	f, err := os.Open(filepath.Join(d.path, name))
	if err != nil {
		return nil, "", unusable(err)
	}
	content, err := io.ReadAll(io.LimitReader(f, atMost+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, "", unusable(err)
	}
	if int64(len(content)) > atMost {
		return nil, "", fault.New(fault.CodeFeedContent, "%s has more than %d bytes", f.Name(), atMost)
	}
	return content, versionOf(content), nil
}

func versionOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Replace implements Place, except that another process may come between.
func (d *Directory) Replace(ctx context.Context, name string, content []byte, version string) (string, error) {
	_, there, err := d.Read(ctx, name, MaxManifest)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if there != version {
		return "", ErrReplaced
	}
	draft, err := d.Draft(ctx, name)
	if err != nil {
		return "", err
	}
	_, err = draft.Write(content)
	if err == nil {
		err = draft.Keep(ctx, name)
	}
	return versionOf(content), unusable(errors.Join(err, draft.Discard()))
}

// Draft implements Place.
func (d *Directory) Draft(_ context.Context, mark string) (Draft, error) {
	f, err := os.CreateTemp(d.path, "."+mark+"-*"+draftExtension)
	if err != nil {
		return nil, unusable(err)
	}
	return &file{directory: d, file: f, Writer: bufio.NewWriterSize(f, 1<<16)}, nil
}

// Names implements Place.
func (d *Directory) Names(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		entries, err := os.ReadDir(d.path)
		if err != nil {
			yield("", unusable(err))
			return
		}
		for _, e := range entries {
			if !yield(e.Name(), nil) {
				return
			}
		}
	}
}

// Remove implements Place.
func (d *Directory) Remove(_ context.Context, name string) error {
	err := os.Remove(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return unusable(err)
}

// file is a draft in a directory.
type file struct {
	*bufio.Writer
	directory *Directory
	file      *os.File
	kept      bool
}

// Write implements io.Writer.
func (f *file) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	return n, unusable(err)
}

// Keep implements Draft.
func (f *file) Keep(_ context.Context, name string) error {
	if err := errors.Join(f.Flush(), f.file.Sync(), f.file.Close()); err != nil {
		return unusable(err)
	}
	if err := os.Rename(f.file.Name(), filepath.Join(f.directory.path, name)); err != nil {
		return unusable(err)
	}
	f.kept = true
	return unusable(syncDirectory(f.directory.path))
}

// Discard implements Draft.
func (f *file) Discard() error {
	if f.kept {
		return nil
	}
	err := f.file.Close()
	if errors.Is(err, fs.ErrClosed) {
		err = nil // by Keep
	}
	return unusable(errors.Join(err, os.Remove(f.file.Name())))
}

// unusable makes a fault of what the file system says, but for what is not there.
func unusable(err error) error {
	if _, known := errors.AsType[*fault.Error](err); err == nil || known || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fault.New(fault.CodeFeedUnavailable, "").Because(fmt.Errorf("directory: %w", err))
}
