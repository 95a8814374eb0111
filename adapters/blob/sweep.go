package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// sweepPart is how many blobs are asked for at once.
const sweepPart = 500

// judging is where a blob is while its age is judged.
func (d *Directory) judging(h gateway.Digest) string {
	return filepath.Join(d.root, sweptFolder, hex.EncodeToString(h[:]))
}

// Sweep removes what is older than the grace and not referred to, and what a
// process that ended has left on its way in. Only one process sweeps at a time.
func (d *Directory) Sweep(ctx context.Context, referred func(context.Context, []gateway.Digest) (map[gateway.Digest]bool, error)) (removed int, err error) {
	before := d.now().Add(-d.grace)
	err = errors.Join(d.putBack(), d.sweepSpool(before))
	folders, readErr := os.ReadDir(filepath.Join(d.root, blobFolder))
	err = errors.Join(err, readErr)
	for _, folder := range folders {
		if ctx.Err() != nil || err != nil {
			break
		}
		var n int
		n, err = d.sweepFolder(ctx, filepath.Join(d.root, blobFolder, folder.Name()), before, referred)
		removed += n
	}
	return removed, err
}

// putBack ends what a sweep had begun that was cut short: nothing is lost by
// having it judged again.
func (d *Directory) putBack() error {
	left, err := os.ReadDir(filepath.Join(d.root, sweptFolder))
	for _, e := range left {
		if h, ok := hashOf(e.Name()); ok {
			err = errors.Join(err, d.restore(h))
		}
	}
	return err
}

// restore puts a blob back in its place, unless there is a newer one.
func (d *Directory) restore(h gateway.Digest) error {
	err := os.Link(d.judging(h), d.path(h))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Remove(d.judging(h))
}

func (d *Directory) sweepSpool(before time.Time) error {
	files, err := os.ReadDir(filepath.Join(d.root, spoolFolder))
	for _, f := range files {
		info, gone := f.Info()
		if gone != nil || !info.ModTime().Before(before) {
			continue
		}
		if e := os.Remove(filepath.Join(d.root, spoolFolder, f.Name())); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

func (d *Directory) sweepFolder(ctx context.Context, folder string, before time.Time, referred func(context.Context, []gateway.Digest) (map[gateway.Digest]bool, error)) (removed int, err error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return 0, err
	}
	var old []gateway.Digest
	for i, f := range files {
		if h, ok := hashOf(f.Name()); ok {
			if info, err := f.Info(); err == nil && info.ModTime().Before(before) {
				old = append(old, h)
			}
		}
		if len(old) < sweepPart && i < len(files)-1 || len(old) == 0 {
			continue
		}
		held, err := referred(ctx, old)
		if err != nil {
			return removed, err
		}
		failpoint.Hit("sweep-asked")
		for _, h := range old {
			if held[h] {
				continue
			}
			gone, err := d.remove(h, before)
			if err != nil {
				return removed, err
			}
			if gone {
				removed++
			}
		}
		old = old[:0]
	}
	return removed, nil
}

// remove takes a blob out of its place, looks again at how old that file is, and
// removes it or puts it back.
func (d *Directory) remove(h gateway.Digest, before time.Time) (gone bool, err error) {
	err = os.Rename(d.path(h), d.judging(h))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	failpoint.Hit("sweep-moved")
	info, err := os.Stat(d.judging(h))
	if err != nil {
		return false, err
	}
	if !info.ModTime().Before(before) {
		return false, d.restore(h)
	}
	return true, os.Remove(d.judging(h))
}

func hashOf(name string) (h gateway.Digest, ok bool) {
	n, err := hex.Decode(h[:], []byte(name[:min(len(name), 2*len(h))]))
	return h, err == nil && n == len(h) && len(name) == 2*len(h)
}
