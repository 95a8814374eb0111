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

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/feed"
	"github.com/gatehouse/gatehouse/internal/view"
)

// feedSection is a view of which a warehouse gets the changes in files.
type feedSection struct {
	Feed string `yaml:"feed,required"` // its name
	View string `yaml:"view,required"` // which has to say live: true
	// Directory is where its files are; every gateway on the store has to see the same.
	Directory config.Path `yaml:"directory,required"`
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
	return feed.Config{Name: f.Feed, View: f.View, Directory: string(f.Directory), Every: f.Every, Classes: f.Classes, Expand: f.Expand}
}

// feedConfigs are the feeds as they run.
func (p *project) feedConfigs() []feed.Config {
	var out []feed.Config
	for _, f := range p.Feeds {
		out = append(out, f.config())
	}
	return out
}

// checkFeeds finds feeds of views that there are not, and what is there twice.
func (p *project) checkFeeds(root *config.Node, faults *config.Faults) {
	items := root.Get("feeds").Items()
	names, directories := map[string]bool{}, map[string]bool{}
	for i, f := range p.Feeds {
		if i >= len(items) || f.Feed == "" || f.View == "" || f.Directory == "" {
			continue // reported already
		}
		at, directory := items[i], filepath.Clean(string(f.Directory))
		if strings.Trim(f.Feed, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || len(f.Feed) > 40 {
			faults.Add(at.Get("feed").Fault("a feed's name has letters, digits and - _ . and at most 40 of them"))
		}
		if names[f.Feed] || directories[directory] {
			faults.Add(at.Fault("two feeds have the name %s, or the directory %s", f.Feed, f.Directory))
		}
		names[f.Feed], directories[directory] = true, true
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

// feeds are the feeds of the configuration, of which this process goes on with those that
// no other has.
func (s *service) feeds() []*feed.Feed {
	var out []*feed.Feed
	owner := uuid.NewString()
	open := func(ctx context.Context) (view.Searcher, error) {
		searcher, _, err := currentSearches{s}.Open(ctx)
		return searcher, err
	}
	for _, c := range s.project.feedConfigs() {
		out = append(out, feed.New(c, s.store, open, "feed:"+c.Name, owner, time.Now, s.log))
	}
	return out
}

func newFeed() *cobra.Command {
	var file, directory string
	cmd := &cobra.Command{
		Use:   "feed NAME",
		Short: "Go on with a feed now, or write it anew into another directory",
		Long: `Go on with a feed now, with the store's credentials, unless a gateway is at it.

With --directory the feed is written into another directory: an empty one gets all rows
as they are now. That is how a warehouse begins again, and how a feed is played again.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := readProject(file)
			if err != nil {
				return err
			}
			configs := p.feedConfigs()
			i := slices.IndexFunc(configs, func(c feed.Config) bool { return c.Name == args[0] })
			if i < 0 {
				return usageError{fmt.Errorf("there is no feed %q", args[0])}
			}
			c := configs[i]
			if directory != "" {
				c.Directory, c.Apart = directory, true
			}
			files, err := p.feedOnce(cmd.Context(), c, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d files written\n", files)
			return err
		},
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&directory, "directory", "", "`directory` to write to instead of the configured one")
	return cmd
}

// feedOnce goes on with a feed past any gateway.
func (p *project) feedOnce(ctx context.Context, c feed.Config, log *slog.Logger) (files int, err error) {
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
	files, err = feed.New(c, s, open, by, uuid.NewString(), time.Now, log).Once(ctx)
	return files, errors.Join(err, db.Close(), s.Close())
}
