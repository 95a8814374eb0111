package feed

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Place is where the files of one feed are: a directory, or a bucket. Names have no
// slash. What goes wrong is a fault of the CodeFeed ones. It is used by one round at a
// time.
type Place interface {
	// String says where it is, for logs; there is no secret in it.
	String() string
	// Prepare looks, at the beginning of a round, whether files can be brought here, and
	// makes what is missing for it.
	Prepare(ctx context.Context) error
	// Read returns a whole file of at most so many bytes, and its version; where there is
	// none the error is fs.ErrNotExist.
	Read(ctx context.Context, name string, atMost int64) (content []byte, version string, err error)
	// Replace puts a file in the place of the one that has that version, or, for an empty
	// one, where there is no file: whole or not at all. Where something else is there the
	// error is ErrReplaced. Any other leaves open whether the file was replaced.
	Replace(ctx context.Context, name string, content []byte, version string) (now string, err error)
	// Draft begins a file that nobody reads before it is whole. mark tells it from the
	// drafts of others.
	Draft(ctx context.Context, mark string) (Draft, error)
	// Names yields the names of what is there, of what was begun and never became whole,
	// too. What came or went lately may be missing from it, or be in it.
	Names(ctx context.Context) iter.Seq2[string, error]
	// Remove removes a file, and what was begun under its name. What is not there is no
	// error.
	Remove(ctx context.Context, name string) error
}

// Draft is a file on its way.
type Draft interface {
	io.Writer
	// Keep has the file be there, whole, under a name that nobody has used before. It lasts
	// when there is no error; with one it may be there.
	Keep(ctx context.Context, name string) error
	// Discard lets go of the draft, and of all of it that is not kept.
	Discard() error
}

// ErrReplaced says that a file is not the one any more that was read.
var ErrReplaced = errors.New("the file was replaced meanwhile")

// MaxManifest is how large a manifest is read, in bytes: some 150,000 files.
const MaxManifest = 64 << 20
