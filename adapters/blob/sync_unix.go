//go:build unix

package blob

import "os"

// syncFolder has the names in a folder outlive a crash of the machine.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// rename gives an open file its place.
func rename(f *os.File, to string) error { return os.Rename(f.Name(), to) }
