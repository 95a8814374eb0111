package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/view"
)

// holder sees all of every view: somebody who has the store's credentials.
type holder struct{}

// Sight implements view.Viewer.
func (holder) Sight(string) ([]view.Window, error) { return []view.Window{{}}, nil }

// past exports with the store's credentials, which is on record.
func (f *exportFlags) past(ctx context.Context, stdout, stderr io.Writer) error {
	p, err := readProject(f.remote.file)
	if err != nil {
		return err
	}
	if !slices.Contains(p.viewNames(), f.view) {
		return usageError{fmt.Errorf("--view: there is no view %q%s", f.view, didYouMean(f.view, p.viewNames()))}
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	s, err := p.Store.openExisting(ctx, log)
	if err != nil {
		return err
	}
	db, err := p.Store.openViews(log)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	err = f.read(ctx, &searches{project: p, database: db, log: log}, s, stdout, stderr)
	return errors.Join(err, db.Close(), s.Close())
}

// read writes the file from the store.
func (f *exportFlags) read(ctx context.Context, views *searches, s store, stdout, stderr io.Writer) error {
	by, err := localActor()
	if err != nil {
		return err
	}
	searcher, _, err := views.open(ctx)
	if err != nil {
		return err
	}
	v, err := searcher.View(f.view)
	if err != nil {
		return err
	}
	plan, err := rest.ExportPlan(f.query(), v)
	if err != nil {
		return err
	}
	position := ""
	audit := func(what, more string) error {
		return s.Audit(ctx, what, gateway.OnView(f.view), gateway.Act{By: by, Reason: plan.Act(more)})
	}
	begin := func(p view.Position) (*export.Head, error) {
		position = export.PositionText(p)
		return &export.Head{View: f.view, Query: plan.Text, Position: p, At: time.Now()}, audit(export.AuditBegun, "at "+position)
	}
	scan := func(q *view.Query, at func(view.Position)) iter.Seq2[*view.Row, error] {
		return searcher.Scan(ctx, holder{}, f.view, q, at)
	}
	return f.deliver(stdout, func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 1<<16)
		rows, err := plan.Write(out, scan, begin)
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			return err
		}
		f.tell(stderr, "%d rows at %s\n", rows, position)
		return audit(export.AuditEnded, fmt.Sprintf("%d rows at %s", rows, position))
	})
}

// deliver writes to standard output, or to a file that gets its name when it is whole.
func (f *exportFlags) deliver(stdout io.Writer, write func(io.Writer) error) error {
	if f.out == "" {
		return write(stdout)
	}
	part := f.out + ".part"
	file, err := os.Create(part)
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, f.out)
}

func (f *exportFlags) tell(stderr io.Writer, format string, args ...any) {
	if !f.quiet {
		fmt.Fprintf(stderr, format, args...)
	}
}
