package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/bucket"
	"github.com/gatehouse/gatehouse/adapters/operations"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/feed"
	"github.com/gatehouse/gatehouse/internal/view"
)

// feedSection is a view of which a warehouse gets the changes in files.
type feedSection struct {
	Feed string `yaml:"feed,required"` // its name
	View string `yaml:"view,required"` // which has to say live: true
	// Directory is where its files are; every gateway on the store has to see the same.
	// Give this or a bucket.
	Directory config.Path `yaml:"directory"`
	// Bucket is where its files are in an object store.
	Bucket *bucket.Config `yaml:"bucket"`
	// Every is how often changes are looked for. Default: 5m.
	Every time.Duration `yaml:"every"`
	// Classes are those of which fields are in the files too.
	Classes []string `yaml:"classes"`
	// Expand lists the children that are in the files, as lists.
	Expand []string `yaml:"expand"`
}

// Effective returns the section with every default filled in.
func (f feedSection) Effective() feedSection {
	f.Every = cmp.Or(f.Every, 5*time.Minute)
	return f
}

func (f feedSection) config() feed.Config {
	f = f.Effective()
	return feed.Config{Name: f.Feed, View: f.View, Every: f.Every, Classes: f.Classes, Expand: f.Expand}
}

// place is where the files are.
func (f feedSection) place() (feed.Place, error) {
	if f.Bucket == nil {
		return feed.NewDirectory(string(f.Directory)), nil
	}
	return bucket.New(*f.Bucket)
}

// placeName tells places from each other.
func (f feedSection) placeName() string {
	if f.Bucket == nil {
		return filepath.Clean(string(f.Directory))
	}
	return f.Bucket.String()
}

// feedSettings are the feeds as they are to be compared with those of another
// configuration: secrets that come from files are read again by themselves.
func (p *project) feedSettings() []feedSection {
	out := slices.Clone(p.Feeds)
	for i := range out {
		if b := out[i].Bucket; b != nil {
			out[i].Bucket = new(b.Unread())
		}
	}
	return out
}

// checkFeeds finds feeds of views that there are not, and what is there twice.
func (p *project) checkFeeds(root *config.Node, faults *config.Faults) {
	items := root.Get("feeds").Items()
	names, places := map[string]bool{}, map[string]bool{}
	for i, f := range p.Feeds {
		if i >= len(items) || f.Feed == "" || f.View == "" {
			continue // reported already
		}
		at := items[i]
		if f.Bucket != nil {
			faults.Add(located(at.Get("bucket"), f.Bucket.Validate()))
		}
		if (f.Directory == "") == (f.Bucket == nil) {
			faults.Add(at.Fault("a feed has a directory or a bucket, one of them"))
			continue
		}
		if strings.Trim(f.Feed, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || len(f.Feed) > 40 {
			faults.Add(at.Get("feed").Fault("a feed's name has letters, digits and - _ . and at most 40 of them"))
		}
		if names[f.Feed] || places[f.placeName()] {
			faults.Add(at.Fault("two feeds have the name %s, or the place %s", f.Feed, f.placeName()))
		}
		names[f.Feed], places[f.placeName()] = true, true
		if f.Every < 0 {
			faults.Add(at.Get("every").Fault("%v is negative", f.Every))
		}
		p.checkFeed(f, at, faults)
	}
}

func (p *project) checkFeed(f feedSection, at *config.Node, faults *config.Faults) {
	d := p.declared(f.View)
	if d == nil || d.IsReport() {
		faults.Add(at.Get("view").Fault("there is no view %q%s", f.View, didYouMean(f.View, p.viewNames())))
		return
	}
	if _, live := d.LiveTable(); !live {
		faults.Add(at.Get("view").Fault("the view %s does not say live: true; nobody notes which of its rows change", f.View))
	}
	_, children := d.FieldNames()
	for i, name := range f.Expand {
		if !slices.Contains(children, name) {
			faults.Add(at.Get("expand").Items()[i].Fault("the view %s has no child %q%s", f.View, name, didYouMean(name, children)))
		}
	}
	for i, name := range f.Classes {
		if !slices.Contains(view.ClassNames, name) {
			faults.Add(at.Get("classes").Items()[i].Fault("expected %s, found %q", strings.Join(view.ClassNames, " or "), name))
		}
	}
}

// openFeeds makes the feeds of the configuration, of which this process goes on with those
// that no other has.
func (s *service) openFeeds() error {
	owner := uuid.NewString()
	open := func(ctx context.Context) (view.Searcher, error) {
		searcher, _, err := currentSearches{s}.Open(ctx)
		return searcher, err
	}
	for _, section := range s.project.Feeds {
		place, err := section.place()
		if err != nil {
			return fmt.Errorf("feed %s: %w", section.Feed, err)
		}
		s.feeds = append(s.feeds, feed.New(section.config(), feed.Parts{
			Place: place, Store: s.store, Open: open, By: "feed:" + section.Feed, Owner: owner,
			Now: time.Now, Metrics: s.watch.feeds, Log: s.log,
		}))
	}
	return nil
}

// checkFeeds looks at the buckets of feeds; nothing is written to them.
func (r *running) checkFeeds(ctx context.Context, report *checkReport) error {
	var faults []error
	for _, section := range r.project.Feeds {
		if section.Bucket == nil {
			continue
		}
		b, err := bucket.New(*section.Bucket)
		if err == nil {
			var found string
			if found, err = b.Check(ctx); err == nil {
				report.servers(&report.Feeds, "feed", section.Feed+": "+found)
			}
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("feed %s: %w", section.Feed, err))
		}
	}
	return errors.Join(faults...)
}

// feedProbe is a probe of a feed. Messages are taken without it.
func feedProbe(f *feed.Feed) operations.Probe {
	return operations.Probe{Name: "feed " + f.Name(), Ask: func(context.Context) (time.Time, error) {
		state := f.State()
		if state.Up {
			return state.Since, nil
		}
		return state.Since, fault.New(state.Code, "%s", state.Reason)
	}}
}

func newFeed() *cobra.Command {
	var file, directory string
	cmd := &cobra.Command{
		Use:   "feed NAME",
		Short: "Go on with a feed now, or write it anew into another directory",
		Long: `Go on with a feed now, with the store's credentials, unless a gateway is at it.

With --directory the feed is written into a directory instead: an empty one gets all rows
as they are now. That is how a warehouse begins again, and how a feed is played again.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := readProject(file)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(p.Feeds, func(f feedSection) bool { return f.Feed == args[0] })
			if i < 0 {
				return usageError{fmt.Errorf("there is no feed %q", args[0])}
			}
			section := p.Feeds[i]
			c := section.config()
			if directory != "" {
				section.Directory, section.Bucket, c.Apart = config.Path(directory), nil, true
			}
			place, err := section.place()
			if err != nil {
				return err
			}
			files, err := p.feedOnce(cmd.Context(), c, place, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d files written\n", files)
			return err
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&directory, "directory", "", "`directory` to write to instead of the configured directory or bucket")
	return cmd
}

// feedOnce goes on with a feed past any gateway.
func (p *project) feedOnce(ctx context.Context, c feed.Config, place feed.Place, log *slog.Logger) (files int, err error) {
	by, err := localActor()
	if err != nil {
		return 0, err
	}
	s, err := p.Store.openExisting(ctx, log)
	if err != nil {
		return 0, err
	}
	db, err := p.Store.openViews(log)
	if err != nil {
		return 0, errors.Join(err, s.Close())
	}
	all := &searches{project: p, database: db, log: log}
	open := func(ctx context.Context) (view.Searcher, error) {
		searcher, _, err := all.open(ctx)
		return searcher, err
	}
	files, err = feed.New(c, feed.Parts{Place: place, Store: s, Open: open, By: by, Owner: uuid.NewString(), Now: time.Now, Log: log}).Once(ctx)
	return files, errors.Join(err, db.Close(), s.Close())
}
