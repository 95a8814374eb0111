package feed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"time"

	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/view"
)

// snapshot writes all rows as they are at one position.
func (r *round) snapshot(ctx context.Context) error {
	var position view.Position
	at := r.now()
	rows := r.searcher.Scan(ctx, r.sight, r.view.Name, r.query, func(p view.Position) { position = p })
	file := File{Snapshot: true, At: at.UTC()}
	draft, err := r.write(ctx, &file, func() view.Position { return position }, func(yield func(*view.Row, error) bool) {
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
	file.Name = fmt.Sprintf("%sstart-%012d-%s%s", partPrefix, entries(position), mark(r.fence), fileExtension)
	return r.add(ctx, next, &file, draft, position)
}

// stretch writes the rows that have changed up to a position.
func (r *round) stretch(ctx context.Context, to view.Position, at time.Time, keys [][]view.Value) error {
	from, err := export.ParsePosition(r.manifest.Position)
	if err != nil {
		return err
	}
	file := File{From: r.manifest.Position, At: at.UTC()}
	draft, err := r.write(ctx, &file, func() view.Position { return to }, r.rowsOf(ctx, keys, func() { file.Deleted++ }))
	if err != nil {
		return err
	}
	next := *r.manifest
	next.Files = append([]File(nil), r.manifest.Files...)
	file.Name = fmt.Sprintf("%s%012d-%012d-%s%s", partPrefix, entries(from), entries(to), mark(r.fence), fileExtension)
	return r.add(ctx, &next, &file, draft, to)
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
func (r *round) write(ctx context.Context, file *File, position func() view.Position, rows iter.Seq2[*view.Row, error]) (Draft, error) {
	draft, err := r.place.Draft(ctx, partPrefix+mark(r.fence))
	if err != nil {
		return nil, err
	}
	w := &measured{to: draft, hash: sha256.New()}
	if err := r.fill(w, file, position, rows); err != nil {
		return nil, errors.Join(err, draft.Discard())
	}
	file.Bytes, file.SHA256 = w.bytes, hex.EncodeToString(w.hash.Sum(nil))
	return draft, nil
}

// measured counts and hashes what goes through it.
type measured struct {
	to    io.Writer
	hash  hash.Hash
	bytes int64
}

// Write implements io.Writer.
func (m *measured) Write(p []byte) (int, error) {
	n, err := m.to.Write(p)
	m.hash.Write(p[:n])
	m.bytes += int64(n)
	return n, err
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
func (r *round) add(ctx context.Context, next *Manifest, file *File, draft Draft, to view.Position) (err error) {
	defer func() { err = errors.Join(err, draft.Discard()) }()
	file.To = export.PositionText(to)
	failpoint.Hit("feed-written")
	act := gateway.Act{By: r.by, Reason: fmt.Sprintf("%s: %d rows of parquet at %s", file.Name, file.Rows, file.To)}
	if err := r.store.Audit(ctx, export.AuditEnded, gateway.OnView(r.view.Name), act); err != nil {
		return err
	}
	if err := r.hold(ctx); err != nil {
		return err
	}
	if err := draft.Keep(ctx, file.Name); err != nil {
		return err
	}
	failpoint.Hit("feed-named")
	next.Files = append(next.Files, *file)
	next.Position, next.At = file.To, file.At
	if err := r.publish(ctx, next); err != nil {
		return err
	}
	failpoint.Hit("feed-listed")
	r.metrics.added(r.config.Name, file)
	r.log.InfoContext(ctx, "feed gone on with", "feed", r.config.Name, "file", file.Name, "rows", file.Rows, "deleted", file.Deleted, "position", file.To)
	return nil
}

// publish replaces the manifest that was read, and no other.
func (r *round) publish(ctx context.Context, next *Manifest) error {
	if err := r.hold(ctx); err != nil {
		return err
	}
	next.Writer = r.fence
	text, err := next.text()
	if err != nil {
		return err
	}
	version, err := r.place.Replace(ctx, ManifestName, text, r.version)
	if err != nil {
		version, err = r.replaced(ctx, text, err)
	}
	if err != nil {
		return err
	}
	r.manifest, r.old, r.version = next, nil, version
	r.metrics.published(next)
	r.tidy(ctx)
	return nil
}

// replaced looks whether the manifest was replaced, though the answer to that is lost, or
// denies it: one try may have succeeded, and the next one found its work.
func (r *round) replaced(ctx context.Context, text []byte, why error) (version string, err error) {
	there, version, err := r.place.Read(ctx, ManifestName, MaxManifest)
	if err == nil && bytes.Equal(there, text) {
		return version, nil
	}
	if !errors.Is(why, ErrReplaced) {
		return "", why
	}
	if err := r.stillHeld(ctx); err != nil {
		return "", err
	}
	return "", fault.New(fault.CodeFeedContent, "somebody without the lease replaced %s of %s", ManifestName, r.place).Because(why)
}
