package sqlserver

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
)

// Config is the store section of a configuration with driver sqlserver. Zero
// values stand for the defaults named with each field.
type Config struct {
	Driver string `yaml:"driver"` // sqlserver
	// DSN is a connection string or URL as go-mssqldb takes it, instead of the
	// keys of Connection. It holds a password, so dsn_file is the usual way.
	DSN        config.Secret `yaml:"dsn"`
	Connection `yaml:",inline"`

	// Lanes is how many batches are committed at the same time, each on its own
	// connection; 0 means 4.
	Lanes  int `yaml:"lanes"`
	Shards int `yaml:"shards"` // shards of each channel; 0 means 4; never lowered while deliveries wait
	// ConnectTimeout bounds dialling, TLS and login together, for each server;
	// 0 means 5 s. A token of Entra has to come within it, too.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	RequestTimeout time.Duration `yaml:"request_timeout"` // from a request to the end of its answer; 0 means 30 s
	// MigrationTimeout stands for request_timeout while migrations run: an index
	// on a large table takes its time. 0 means 1 h.
	MigrationTimeout time.Duration `yaml:"migration_timeout"`
	// Epoch is part of every wire id. Raise it after the database was restored
	// to an earlier point in time.
	Epoch int `yaml:"epoch"`
}

// Validate reports every fault of the section at once. It never repeats a
// connection string or a password. It opens the files that the section names,
// and no others.
func (c Config) Validate() error {
	var fs config.Faults
	bad := func(path, format string, args ...any) {
		fs = append(fs, config.Fault{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	switch given := c.Connection.given(); {
	case c.DSN.IsZero() && len(given) == 0:
		bad("server", "is missing; give server and database, or a whole dsn")
	case c.DSN.IsZero():
		c.Connection.validate(bad)
	default:
		for _, key := range given {
			bad(key, "belongs into the dsn; give a dsn or single keys, not both")
		}
		validateDSN(c.DSN.Reveal(), bad)
	}
	c.validateLimits(bad)
	return fs.Err()
}

func (c Config) validateLimits(bad faulter) {
	for name, n := range map[string]int{"lanes": c.Lanes, "shards": c.Shards, "epoch": c.Epoch} {
		if n < 0 {
			bad(name, "%d is negative", n)
		}
	}
	for name, d := range map[string]time.Duration{
		"connect_timeout": c.ConnectTimeout, "request_timeout": c.RequestTimeout, "migration_timeout": c.MigrationTimeout,
	} {
		if d < 0 {
			bad(name, "%s is negative", d)
		}
	}
}

// faulter notes one fault of the section.
type faulter func(path, format string, args ...any)

// Effective returns the settings with every default filled in.
func (c Config) Effective() Config {
	c = c.withDefaults()
	c.Shards = cmp.Or(c.Shards, sqlstore.DefaultShards)
	if c.DSN.IsZero() {
		c.Connection = c.Connection.withDefaults()
	}
	return c
}

func (c Config) withDefaults() Config {
	c.Lanes = cmp.Or(c.Lanes, 4)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 5*time.Second)
	c.RequestTimeout = cmp.Or(c.RequestTimeout, 30*time.Second)
	c.MigrationTimeout = cmp.Or(c.MigrationTimeout, time.Hour)
	return c
}

// barred are parameters of a connection string that would break a promise, each
// with the reason.
var barred = map[string]string{
	msdsn.LogParam:       "what messages hold would be printed",
	msdsn.ChangePassword: "every new connection would change the password",
	msdsn.GuidConversion: "the gateway reads identifiers as the server sends them",
	msdsn.Timezone:       "the gateway's times are UTC",
}

// attended are the Entra logins that ask a person.
var attended = []string{"activedirectoryinteractive", "activedirectorydevicecode"}

func validateDSN(dsn string, bad faulter) {
	params, err := parseDSN(dsn)
	if err != nil {
		bad("dsn", "%v", err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(barred)) {
		if params.Parameters[name] != "" {
			bad("dsn", "leave out %q: %s", name, barred[name])
		}
	}
	if params.Parameters[msdsn.Server] == "" {
		bad("dsn", "names no server")
	}
	if strings.EqualFold(params.Parameters[msdsn.ApplicationIntent], "ReadOnly") {
		bad("dsn", "leave out ApplicationIntent=ReadOnly: the store writes, and a read-only replica refuses that")
	}
	if login := params.Parameters[fedAuth]; slices.Contains(attended, strings.ToLower(login)) {
		bad("dsn", "fedauth=%s asks a person; the gateway runs alone", login)
	}
	if _, err := (target{dsn, params}).connectors(); err != nil {
		bad("dsn", "%v", err) // it speaks of the Entra login; the string itself was read above
	}
}

// parseDSN reads a connection string. Its error names the parameter at fault,
// and nothing that the string holds: that may be a password.
func parseDSN(dsn string) (msdsn.Config, error) {
	params, err := msdsn.Parse(dsn)
	if err == nil {
		return params, nil
	}
	what, _, quoted := strings.Cut(err.Error(), "'")
	if !quoted || !strings.HasPrefix(what, "invalid ") {
		return params, errors.New("is not a connection string of SQL Server")
	}
	return params, fmt.Errorf("is not a connection string of SQL Server: %s", strings.TrimSpace(what))
}
