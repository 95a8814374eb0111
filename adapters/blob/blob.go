// Package blob keeps the octets of attachments in a directory, each under its
// SHA-256.
//
// What comes in is spooled to a file of its own and hashed on the way. Keep makes
// it last: the file is synced, takes its place by renaming, and the folder is
// synced. That comes before the commit of the message that refers to it, so that
// nothing committed refers to what is not there. What no message came to refer to
// is an orphan, and swept once it is old enough: Sweep moves a file out of the way
// before it judges its age, so that one that is kept anew at the same moment is
// either not moved or put back.
//
//	<directory>/spool/…     on their way in
//	<directory>/blobs/ab/…  by the first byte of the hash
//	<directory>/swept/…     being judged
//
// Several processes may share a directory; those of one database have to. The
// package refuses to know messages, and who may read them.
package blob

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Config is the section of the directory of attachments.
type Config struct {
	// Directory is where attachments are kept. All processes of one database share
	// it. Without it attachments are taken only as values of a message.
	Directory config.Path `yaml:"directory"`
	// Grace is how old an attachment is at least that no message refers to before
	// it is removed: longer than any message is on its way. Default: 24h.
	Grace time.Duration `yaml:"grace"`
}

// Validate checks the section.
func (c *Config) Validate() error {
	if c.Grace < 0 || c.Grace > 0 && c.Grace < time.Minute {
		return fmt.Errorf("grace: %v is less than 1m", c.Grace)
	}
	return nil
}

// Effective returns the section with every default filled in.
func (c Config) Effective() Config {
	c.Grace = cmp.Or(c.Grace, 24*time.Hour)
	return c
}

// Directory keeps attachments. It is safe for concurrent use.
type Directory struct {
	root  string
	grace time.Duration
	now   func() time.Time
}

// The folders of a directory.
const (
	spoolFolder = "spool"
	blobFolder  = "blobs"
	sweptFolder = "swept"
)

// Open makes the folders that are not there yet.
func Open(c Config, now func() time.Time) (*Directory, error) {
	c = c.Effective()
	d := &Directory{root: string(c.Directory), grace: c.Grace, now: now}
	for _, folder := range []string{spoolFolder, blobFolder, sweptFolder} {
		if err := os.MkdirAll(filepath.Join(d.root, folder), 0o700); err != nil {
			return nil, fmt.Errorf("directory of attachments: %w", err)
		}
	}
	return d, syncFolder(d.root)
}

// path is the place of a blob.
func (d *Directory) path(h gateway.Digest) string {
	name := hex.EncodeToString(h[:])
	return filepath.Join(d.root, blobFolder, name[:2], name)
}

// Spool opens a file for octets on their way in. The caller closes it by Discard,
// also after Keep.
func (d *Directory) Spool() (*Spooled, error) {
	f, err := os.CreateTemp(filepath.Join(d.root, spoolFolder), "*")
	if err != nil {
		return nil, fmt.Errorf("spooling an attachment: %w", err)
	}
	now := d.now() // the age that Sweep goes by is of this clock, also where the folder is another machine's
	if err := os.Chtimes(f.Name(), now, now); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &Spooled{directory: d, file: f, hash: sha256.New()}, nil
}

// Spooled is one attachment that may be kept. It is not safe for concurrent use.
type Spooled struct {
	directory *Directory
	file      *os.File
	hash      hash.Hash
	size      int64
	kept      bool
}

// Write implements io.Writer.
func (s *Spooled) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.hash.Write(p[:n])
	s.size += int64(n)
	return n, err
}

// Sum returns the hash and number of the octets written so far.
func (s *Spooled) Sum() (gateway.Digest, int64) { return gateway.Digest(s.hash.Sum(nil)), s.size }

// Octets reads all of them.
func (s *Spooled) Octets() ([]byte, error) {
	octets := make([]byte, s.size)
	_, err := s.file.ReadAt(octets, 0)
	if err == io.EOF && s.size == 0 {
		err = nil
	}
	return octets, err
}

// Keep has the octets outlive the process, under their hash. One that is there
// already is replaced, so that it counts as new.
func (s *Spooled) Keep(context.Context) error {
	if s.kept {
		return nil
	}
	h, _ := s.Sum()
	place := s.directory.path(h)
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("keeping an attachment: %w", err)
	}
	failpoint.Hit("blob-synced")
	if err := makeFolder(filepath.Dir(place)); err != nil {
		return fmt.Errorf("keeping an attachment: %w", err)
	}
	now := s.directory.now() // the file may have been long on its way
	if err := errors.Join(os.Chtimes(s.file.Name(), now, now), rename(s.file, place)); err != nil {
		return fmt.Errorf("keeping an attachment: %w", err)
	}
	s.kept = true
	failpoint.Hit("blob-renamed")
	if err := syncFolder(filepath.Dir(place)); err != nil {
		return fmt.Errorf("keeping an attachment: %w", err)
	}
	return nil
}

// Discard closes the file, and removes it unless it was kept.
func (s *Spooled) Discard() error {
	err := s.file.Close()
	if !s.kept {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}

// makeFolder makes a folder that outlives a crash.
func makeFolder(path string) error {
	err := os.Mkdir(path, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// Content returns the octets that a message was stored with.
func (d *Directory) Content(h gateway.Digest) gateway.Content { return &stored{d, h} }

// stored is a blob that is, or was, in its place.
type stored struct {
	directory *Directory
	hash      gateway.Digest
}

// Octets reads the blob and holds it against its hash.
func (s *stored) Octets() ([]byte, error) {
	octets, err := os.ReadFile(s.directory.path(s.hash))
	if errors.Is(err, fs.ErrNotExist) { // a sweep may be judging it
		octets, err = os.ReadFile(s.directory.judging(s.hash))
	}
	if errors.Is(err, fs.ErrNotExist) {
		octets, err = os.ReadFile(s.directory.path(s.hash))
	}
	if err == nil && sha256.Sum256(octets) != s.hash {
		return nil, fmt.Errorf("attachment %x: the file holds other octets", s.hash)
	}
	return octets, err
}

// Keep has the blob count as new: another message is about to refer to it.
func (s *stored) Keep(context.Context) error {
	now := s.directory.now()
	err := os.Chtimes(s.directory.path(s.hash), now, now)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Chtimes(s.directory.judging(s.hash), now, now); err == nil {
			// It will be put back, or is gone by now.
			_, err = os.Stat(s.directory.path(s.hash))
		}
	}
	return err
}
