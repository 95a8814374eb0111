package operations

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Running tells which configuration runs.
type Running struct {
	Version string    `json:"version"` // a hash over all its files
	Since   time.Time `json:"since"`
	File    string    `json:"file"`
	Binary  string    `json:"binary"` // the program's own version
	// Reload is what the last attempt to load another one came to; nil when
	// there was none.
	Reload *Reload `json:"last_reload,omitempty"`
	// Stopped are the routes that write nothing until the tables fit their mappings
	// again.
	Stopped []Stopped `json:"stopped_routes,omitempty"`
	// Effective is the configuration as YAML, with every default filled in and
	// stars for secrets.
	Effective string `json:"effective"`
}

// Stopped is a route whose mapping does not fit the tables any more.
type Stopped struct {
	Route   string    `json:"route"`
	Since   time.Time `json:"since"`
	Faults  []string  `json:"faults"`            // what does not fit, one a line
	Changes []string  `json:"changes,omitempty"` // of the tables, as far as they are known
}

// Reload is one attempt to load the configuration again.
type Reload struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"` // a directory entry's DN, or signal
	Loaded bool      `json:"loaded"`
	// Faults says, one a line, why the configuration before it goes on.
	Faults []string `json:"faults,omitempty"`
}

func (h *Handler) showConfiguration(c *call) (any, error) {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return nil, err
	}
	if err := h.allow(c, gateway.Read, gateway.OnConfiguration); err != nil {
		return nil, err
	}
	return h.Configuration.Running(), nil
}

// Reloaded is the answer to a reload.
type Reloaded struct {
	Version string `json:"version"` // that runs now
	Before  string `json:"before"`  // that ran before; the same when nothing differed
}

func (h *Handler) reload(c *call) (any, error) {
	if err := h.allow(c, gateway.Reload, gateway.OnConfiguration); err != nil {
		return nil, err
	}
	reason, err := h.reason(c, false)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), h.config.RequestTimeout)
	defer cancel()
	before := h.Configuration.Running().Version
	if err := h.Configuration.Reload(ctx, gateway.Act{By: c.DN, Reason: reason}); err != nil {
		return nil, notLoaded(err)
	}
	return Reloaded{Version: h.Configuration.Running().Version, Before: before}, nil
}

// notLoaded tells the operator every fault of a configuration; and that it was not
// even looked at, when nobody could write down who wants it.
func notLoaded(err error) error {
	if f, ok := err.(*fault.Error); ok && (f.Code == fault.CodeNeedsRestart || f.Code == fault.CodeAudit || f.Kind() == fault.Unavailable) { //nolint:errorlint // faults of a configuration are joined or wrapped
		return f
	}
	f := fault.New(fault.CodeConfiguration, "").Because(err)
	for _, line := range Faults(err) {
		f = f.With(fault.Detail{Message: line})
	}
	return f
}

// Faults lists what is wrong with a configuration, one line each, as far as an
// operator may know it: causes, which may name servers and accounts, are the
// log's.
func Faults(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []string
		for _, one := range joined.Unwrap() {
			out = append(out, Faults(one)...)
		}
		return out
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return strings.Split(err.Error(), "\n")
	}
	if len(f.Details) == 0 {
		return []string{f.Message}
	}
	var out []string
	for _, d := range f.Details {
		out = append(out, f.Message+": "+d.String())
	}
	return out
}
