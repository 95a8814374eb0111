//go:build !unix

package blob

import (
	"io"
	"os"
	"path/filepath"
)

// syncFolder does nothing: folders cannot be synced here, the file system writes
// names in order.
func syncFolder(string) error { return nil }

// rename gives a file its place. An open file cannot be renamed here, so a copy
// takes it.
func rename(f *os.File, to string) error {
	copied, err := os.CreateTemp(filepath.Dir(f.Name()), "*")
	if err != nil {
		return err
	}
	defer os.Remove(copied.Name())
	if _, err = io.Copy(copied, io.NewSectionReader(f, 0, 1<<62)); err == nil {
		err = copied.Sync()
	}
	if closed := copied.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(copied.Name(), to)
}
