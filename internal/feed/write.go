package feed

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/view"
)

// snapshot writes all rows as they are at one position.
func (r *round) snapshot(ctx context.Context) error {
	var position view.Position
	at := r.now()
	rows := r.searcher.Scan(ctx, r.sight, r.view.Name, r.query, func(p view.Position) { position = p })
	file := File{Snapshot: true, At: at.UTC()}
	draft, err := r.write(&file, func() view.Position { return position }, func(yield func(*view.Row, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(r.marked(row, 0), nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	next := &Manifest{Version: 1, Feed: r.config.Name, View: r.view.Name, Format: export.FormatParquet, Key: r.key, Schema: schemaOf(r.table)}
	if r.old != nil {
		for _, f := range r.old.Files {
			if f.Schema == nil && !r.old.of(r.table, r.key) {
				f.Schema = r.old.Schema
			}
			next.Files = append(next.Files, f)
		}
	}
	file.Name = next.name(fmt.Sprintf("%sstart-%012d", partPrefix, entries(position)))
	return r.add(ctx, next, &file, draft, position)
}

// stretch writes the rows that have changed up to a position.
func (r *round) stretch(ctx context.Context, to view.Position, at time.Time, keys [][]view.Value) error {
	from, err := export.ParsePosition(r.manifest.Position)
	if err != nil {
		return err
	}
	file := File{From: r.manifest.Position, At: at.UTC()}
	draft, err := r.write(&file, func() view.Position { return to }, r.rowsOf(ctx, keys, func() { file.Deleted++ }))
	if err != nil {
		return err
	}
	next := *r.manifest
	next.Files = append([]File(nil), r.manifest.Files...)
	file.Name = next.name(fmt.Sprintf("%s%012d-%012d", partPrefix, entries(from), entries(to)))
	return r.add(ctx, &next, &file, draft, to)
}

// name is a name that no file of the manifest has: all rows may be written twice at one
// position, when the view has got other fields.
func (m *Manifest) name(stem string) string {
	for n := 1; ; n++ {
		name := stem + fileExtension
		if n > 1 {
			name = stem + "-" + strconv.Itoa(n) + fileExtension
		}
		if !slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == name }) {
			return name
		}
	}
}

// entries is how many entries of the log a position is behind: it grows with every one.
func entries(p view.Position) (n int64) {
	for _, seq := range p {
		n += seq
	}
	return n
}

// write writes rows to a draft, and counts and hashes it. position is known with the first
// row.
func (r *round) write(file *File, position func() view.Position, rows iter.Seq2[*view.Row, error]) (draft string, err error) {
	f, err := os.CreateTemp(r.config.Directory, "."+partPrefix+"*"+partExtension)
	if err != nil {
		return "", err
	}
	draft = f.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(draft))
		}
	}()
	sum, buffer := sha256.New(), bufio.NewWriterSize(f, 1<<16)
	err = r.fill(io.MultiWriter(buffer, sum), file, position, rows)
	if err == nil {
		err = buffer.Flush()
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return draft, err
	}
	info, err := os.Stat(draft)
	if err != nil {
		return draft, err
	}
	file.Bytes, file.SHA256 = info.Size(), hex.EncodeToString(sum.Sum(nil))
	return draft, nil
}

// fill writes rows as Parquet.
func (r *round) fill(w io.Writer, file *File, position func() view.Position, rows iter.Seq2[*view.Row, error]) error {
	var out export.Writer
	begin := func() (err error) {
		out, err = export.NewParquet(w, r.table, &export.Head{View: r.view.Name, Query: "feed " + r.config.Name, Position: position(), At: file.At})
		return err
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if out == nil {
			if err := begin(); err != nil {
				return err
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
		file.Rows++
	}
	if out == nil {
		if err := begin(); err != nil {
			return err
		}
	}
	return out.Close()
}

// add gives a file its name and lists it.
func (r *round) add(ctx context.Context, next *Manifest, file *File, draft string, to view.Position) error {
	file.To = export.PositionText(to)
	failpoint.Hit("feed-written")
	act := gateway.Act{By: r.by, Reason: fmt.Sprintf("%s: %d rows of parquet at %s", file.Name, file.Rows, file.To)}
	if err := r.store.Audit(ctx, export.AuditEnded, gateway.OnView(r.view.Name), act); err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	if err := r.hold(ctx); err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	if err := os.Rename(draft, filepath.Join(r.config.Directory, file.Name)); err != nil {
		return err
	}
	if err := syncDirectory(r.config.Directory); err != nil {
		return err
	}
	failpoint.Hit("feed-named")
	next.Files = append(next.Files, *file)
	next.Position, next.At = file.To, file.At
	if err := r.publish(ctx, next); err != nil {
		return err
	}
	failpoint.Hit("feed-listed")
	r.log.InfoContext(ctx, "feed gone on with", "feed", r.config.Name, "file", file.Name, "rows", file.Rows, "deleted", file.Deleted, "position", file.To)
	return nil
}

// publish replaces the manifest.
func (r *round) publish(ctx context.Context, next *Manifest) error {
	if err := r.hold(ctx); err != nil {
		return err
	}
	if err := next.write(r.config.Directory); err != nil {
		return err
	}
	r.manifest, r.old = next, nil
	return nil
}
