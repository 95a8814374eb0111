package sqlite

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// Diagnose names what slows the store down, stops it or shows it to others.
// SQLite has no rights to look at; what every connection needs it sets itself.
func (d *dialect) Diagnose(ctx context.Context, _ []sqlstore.Use) ([]string, error) {
	var mode string
	if err := d.reader.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return nil, err
	}
	var out []string
	if mode != "wal" {
		out = append(out, fmt.Sprintf("the file is in journal mode %s, not wal: its file system may not support shared memory; readers and the writer then wait for each other. Put the file on a local disk", mode))
	}
	return append(out, permissions(d.path)...), nil
}

// permissions looks at who may read and write the file.
func permissions(path string) []string {
	info, err := os.Stat(path)
	if err != nil {
		return []string{fmt.Sprintf("the file cannot be looked at: %v", err)}
	}
	var out []string
	mode := info.Mode().Perm()
	if mode&0o077 != 0 && runtime.GOOS != "windows" {
		out = append(out, fmt.Sprintf("the file's mode is %#o: other users of this machine can read every message; chmod 600 %s", mode, path))
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return append(out, fmt.Sprintf("the file cannot be written, so every message is refused: %v", err))
	}
	file.Close() // nothing was written
	return out
}
