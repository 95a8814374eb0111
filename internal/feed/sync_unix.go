//go:build unix

package feed

import (
	"errors"
	"os"
)

// syncDirectory brings names to the disk.
func syncDirectory(directory string) error {
	d, err := os.Open(directory)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
