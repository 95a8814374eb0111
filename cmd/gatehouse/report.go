package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/internal/odata"
	"github.com/gatehouse/gatehouse/internal/report"
	"github.com/gatehouse/gatehouse/internal/view"
)

// reportCall say what is asked of a report, and where the answer goes.
type reportCall struct {
	remote          remoteFlags
	filter, orderBy string
	format, out     string
	top             int
	direct          bool
}

func newReport() *cobra.Command {
	f := reportCall{remote: remoteFlags{public: true}}
	cmd := &cobra.Command{
		Use:   "report NAME",
		Short: "Count and sum stored rows, as a table, a chart, CSV or JSON",
		Long: `Print the lines of a report that the configuration declares.

The gateway is asked at its public door, as a user of the directory: what is counted
is what that user may read. With --direct the database of the configuration is asked,
and everything is counted.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(odata.Formats, f.format) {
				return usageError{fmt.Errorf("--format: %q is none of %s", f.format, strings.Join(odata.Formats, ", "))}
			}
			ask := f.get
			if f.direct {
				ask = f.read
			}
			answer, err := ask(cmd.Context(), cmd.ErrOrStderr(), args[0])
			if err != nil {
				return err
			}
			if f.out != "" {
				return os.WriteFile(f.out, answer, 0o600)
			}
			_, err = cmd.OutOrStdout().Write(answer)
			return err
		},
	}
	f.remote.add(cmd)
	cmd.Flags().BoolVar(&f.direct, "direct", false, "ask the database of the configuration instead of a running gateway, past all grants")
	cmd.Flags().StringVar(&f.filter, "filter", "", "count the rows for which this `condition` holds, such as status eq 'NEW'")
	cmd.Flags().StringVar(&f.orderBy, "orderby", "", "order lines by these `columns`, such as amount desc (default: by the groups)")
	cmd.Flags().IntVar(&f.top, "top", 0, "print so many lines (default: all)")
	cmd.Flags().StringVar(&f.format, "format", "text", strings.Join(odata.Formats, ", "))
	cmd.Flags().StringVarP(&f.out, "output", "o", "", "write to this `file`")
	return cmd
}

// query is what is asked, as an address has it.
func (f *reportCall) query() string {
	q := url.Values{"$format": {f.format}}
	if f.filter != "" {
		q.Set("$filter", f.filter)
	}
	if f.orderBy != "" {
		q.Set("$orderby", f.orderBy)
	}
	if f.top != 0 {
		q.Set("$top", strconv.Itoa(f.top))
	}
	return q.Encode()
}

// get asks a gateway.
func (f *reportCall) get(ctx context.Context, said io.Writer, name string) ([]byte, error) {
	c, err := f.remote.connection()
	if err == nil {
		err = f.remote.identify(c)
	}
	if err != nil {
		return nil, err
	}
	u := c.base.JoinPath(rest.Root, name)
	u.RawQuery = f.query()
	client := rest.Client{URL: u.String(), Username: c.user, Password: c.password, HTTP: c.http}
	answer, err := client.Get(ctx)
	if r, ok := errors.AsType[*rest.Refusal](err); ok {
		for _, p := range r.Problem.Errors {
			fmt.Fprintln(said, strings.Map(inert, strings.TrimSpace(p.Option+": "+p.Detail)))
		}
	}
	return answer, err
}

// allSeeing sees everything: who asks has the database itself.
type allSeeing struct{}

// Sight implements view.Viewer.
func (allSeeing) Sight(string) ([]view.Window, error) { return []view.Window{{}}, nil }

// read asks the database.
func (f *reportCall) read(ctx context.Context, said io.Writer, name string) (answer []byte, err error) {
	p, err := readProject(f.remote.file)
	if err != nil {
		return nil, err
	}
	if d := p.declared(name); d == nil || !d.IsReport() {
		return nil, fmt.Errorf("there is no report %q%s", name, didYouMean(name, p.reportNames()))
	}
	db, err := p.Store.openViews(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tables, err := db.Tables(ctx, p.viewTables()...)
	if err != nil {
		return nil, err
	}
	bound, err := p.bindViews(tables)
	i := slices.IndexFunc(bound.reports, func(r *view.Report) bool { return r.Name == name })
	if i < 0 {
		return nil, err
	}
	page, err := f.count(ctx, tables.Searcher(bound.views...), bound.reports[i])
	if err != nil {
		if r, ok := errors.AsType[*odata.Refusal](err); ok {
			for _, c := range r.Complaints {
				fmt.Fprintln(said, strings.Map(inert, c.Option+": "+c.Message))
			}
		}
		return nil, err
	}
	return rendered(f.format, bound.reports[i], page), nil
}

// count answers a report as the address of one is answered.
func (f *reportCall) count(ctx context.Context, from view.Reporter, r *view.Report) (*view.Page, error) {
	request, err := odata.Parse(f.query())
	if err != nil {
		return nil, err
	}
	q, err := request.BindReport(r, r.View)
	if err != nil {
		return nil, err
	}
	return from.Report(ctx, allSeeing{}, r, q)
}

// rendered writes lines in a format.
func rendered(format string, of *view.Report, page *view.Page) []byte {
	switch format {
	case "text":
		return report.Text(of, page)
	case "csv":
		return report.CSV(page)
	case "svg":
		return report.SVG(of, page)
	}
	return report.JSON(page, false)
}
