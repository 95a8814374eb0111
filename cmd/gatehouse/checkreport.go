package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// checkReport is what check has found: told on out as it comes, and JSON in the end.
type checkReport struct {
	OK        bool             `json:"ok"`
	Faults    []string         `json:"faults,omitempty"` // why it is not
	Services  []checkedService `json:"services,omitempty"`
	Routes    []checkedRoute   `json:"routes,omitempty"`
	Queries   []checkedQuery   `json:"queries,omitempty"`
	Views     []checkedView    `json:"views,omitempty"`
	WaysIn    []checkedWay     `json:"ways_in,omitempty"`
	Channels  []checkedChannel `json:"channels,omitempty"`
	Warnings  []string         `json:"warnings,omitempty"`
	Directory []string         `json:"directory,omitempty"`
	Issuers   []string         `json:"issuers,omitempty"`
	Broker    []string         `json:"broker,omitempty"`
	Partners  []string         `json:"partners,omitempty"`
	Feeds     []string         `json:"feeds,omitempty"`
	Database  []string         `json:"database,omitempty"`

	out io.Writer
}

// checkedWay is an endpoint and what senders prove there who they are with.
type checkedWay struct {
	Endpoint string   `json:"endpoint"`
	Ways     []string `json:"ways"`
}

// checkedView is a view, or a report of one.
type checkedView struct {
	View   string `json:"view"`
	File   string `json:"file"`
	Report string `json:"report,omitempty"` // the view that it is of
	// Warnings are what the database's tables say to it.
	Warnings []string `json:"warnings,omitempty"`
}

// checkedChannel is a channel and what it leads to.
type checkedChannel struct {
	Channel string `json:"channel"`
	To      string `json:"to"`
}

// checkedService is a service of a contract.
type checkedService struct {
	Service    string `json:"service"` // system/name
	Operations int    `json:"operations"`
	Schema     string `json:"schema"` // ok, or degraded: and why
}

// checkedRoute is a route with its mapping.
type checkedRoute struct {
	Route     string   `json:"route"`
	Operation string   `json:"operation"`
	Tables    int      `json:"tables"`
	Channels  []string `json:"channels,omitempty"`
	// Split is the path to the parts that become messages of their own, Around
	// what is read outside of them.
	Split  string   `json:"split,omitempty"`
	Around []string `json:"around,omitempty"`
	Faults []string `json:"faults,omitempty"` // that the mapping answers with
	// Unrepeatable is what the mapping reads and the ledger never keeps.
	Unrepeatable []string `json:"unrepeatable,omitempty"`
	Warnings     []string `json:"warnings,omitempty"`
	// Check is what the database's tables say to it; nil when it was not asked.
	Check *mapping.Examination `json:"check,omitempty"`
}

func (r *checkReport) line(format string, args ...any) { fmt.Fprintf(r.out, format+"\n", args...) }

func (r *checkReport) service(s checkedService) {
	r.Services = append(r.Services, s)
	r.line("contract  %s: %s, schema %s", s.Service, plural.Of(s.Operations, "operation", "operations"), s.Schema)
}

func (r *checkReport) way(w checkedWay) {
	r.WaysIn = append(r.WaysIn, w)
	r.line("way in    %s: %s", w.Endpoint, strings.Join(w.Ways, ", "))
}

func (r *checkReport) view(v checkedView) {
	r.Views = append(r.Views, v)
	if v.Report != "" {
		r.line("report    %s: of %s", v.View, v.Report)
		return
	}
	r.line("view      %s", v.View)
}

func (r *checkReport) channel(c checkedChannel) {
	r.Channels = append(r.Channels, c)
	r.line("channel   %s: %s", c.Channel, c.To)
}

func (r *checkReport) route(one checkedRoute) {
	r.Routes = append(r.Routes, one)
	r.line("route     %s: %s, %s, channels %v", one.Route, one.Operation, plural.Of(one.Tables, "table", "tables"), one.Channels)
	if one.Split != "" {
		r.line("  split   a message for each %s%s", one.Split, sameWhile(one.Around))
	}
	for _, f := range one.Faults {
		r.line("  fault   %s", f)
	}
	if len(one.Unrepeatable) > 0 {
		r.line("  again   messages cannot be repeated: the mapping reads %s, where a password may be, and that is never kept", strings.Join(one.Unrepeatable, ", "))
	}
	for _, w := range one.Warnings {
		r.line("  warning: %s", w)
	}
}

func (r *checkReport) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.Warnings = append(r.Warnings, text)
	r.line("warning: %s", text)
}

// servers tells lines about one of the servers, and keeps them.
func (r *checkReport) servers(kept *[]string, name string, lines ...string) {
	*kept = append(*kept, lines...)
	for _, line := range lines {
		r.line("%-9s %s", name, line)
	}
}

// tables tells what a route's mapping and the tables have to do with each other.
func (r *checkReport) tables(route string, found *mapping.Examination) {
	for i := range r.Routes {
		if r.Routes[i].Route == route {
			r.Routes[i].Check = found
		}
	}
	verdict := "agree with the mapping"
	if len(found.Complaints) > 0 {
		verdict = "do not fit the mapping"
	}
	r.line("tables    %s: %s", route, verdict)
	for _, c := range found.Complaints {
		r.line("  fault: %s", c.Detail)
		r.mends(c.Mends)
	}
	for _, n := range found.Narrowings {
		r.line("  narrowing: %s", n)
		r.mends(n.Mends)
	}
	for _, n := range found.Losses {
		r.line("  loss: %s", n)
	}
	for _, n := range found.Notes {
		r.line("  note: %s", n)
	}
}

func (r *checkReport) mends(mends []mapping.Mend) {
	for _, m := range mends {
		r.line("    mend: %s", m)
	}
}

// linesOf is an error line by line; none for nil.
func linesOf(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}
