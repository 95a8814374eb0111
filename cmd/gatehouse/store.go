package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// store is what every command needs of a SQL store; both dialects are one.
type store interface {
	gateway.Store
	gateway.Rehearser
	gateway.ChangeLog
	gateway.Others
	gateway.SealingKeys
	Check(ctx context.Context, mappings []*mapping.Mapping) ([]string, error)
	Examine(ctx context.Context, m *mapping.Mapping) (*mapping.Examination, error)
	Status(ctx context.Context, business fs.FS) ([]sqlite.Migration, error)
	Up(ctx context.Context, business fs.FS) ([]sqlite.Migration, error)
	Grants(login string, schemas []string) string
	Close() error
}

// storeSection is the configuration's store section: the driver decides which
// adapter's keys it takes.
type storeSection struct {
	// Migrations is the folder of the business tables' migrations; it may be empty.
	Migrations config.Path
	// One of these is set.
	sqlite    *sqlite.Config
	sqlserver *sqlserver.Config
}

var drivers = []string{"sqlite", "sqlserver"}

// UnmarshalNode reads the section of the driver it names.
func (s *storeSection) UnmarshalNode(n *config.Node) error {
	switch driver := n.Get("driver").Text(); driver {
	case "sqlite":
		var section struct {
			sqlite.Config `yaml:",inline"`
			Migrations    config.Path `yaml:"migrations"`
		}
		err := n.Decode(&section)
		s.sqlite, s.Migrations = &section.Config, section.Migrations
		return validated(n, err, section.Config.Validate)
	case "sqlserver":
		var section struct {
			sqlserver.Config `yaml:",inline"`
			Migrations       config.Path `yaml:"migrations"`
		}
		err := n.Decode(&section)
		s.sqlserver, s.Migrations = &section.Config, section.Migrations
		return validated(n, err, section.Config.Validate)
	case "":
		return n.Fault("the driver is missing; it is %s", strings.Join(drivers, " or "))
	default:
		return n.Get("driver").Fault("there is no driver %q, only %s%s", driver, strings.Join(drivers, " and "), didYouMean(driver, drivers))
	}
}

// validated adds what Validate says to the faults of decoding, at the section's place.
func validated(n *config.Node, decoding error, validate func() error) error {
	var faults config.Faults
	faults.Add(decoding)
	if err := validate(); err != nil && decoding == nil {
		faults.Add(located(n, err))
	}
	return faults.Err()
}

// open opens the store. It applies no migrations.
func (s *storeSection) open(ctx context.Context, log *slog.Logger) (store, error) {
	if s.sqlserver != nil {
		return sqlserver.Open(ctx, *s.sqlserver, time.Now, log)
	}
	if err := isFolder(filepath.Dir(string(s.sqlite.Path))); err != nil {
		return nil, fmt.Errorf("store.path: %w to put the database in", err)
	}
	return sqlite.Open(ctx, *s.sqlite, time.Now, log)
}

// settings is the section as a reload compares it: whoever connects anew reads the
// files with secrets anew, so that a rotation is no change.
func (s storeSection) settings() storeSection {
	if s.sqlserver != nil {
		c := *s.sqlserver
		c.DSN, c.Password = c.DSN.Unread(), c.Password.Unread()
		s.sqlserver = &c
	}
	return s
}

// openExisting opens the store for everything but migrations: a database file
// that is not there yet is not made in passing.
func (s *storeSection) openExisting(ctx context.Context, log *slog.Logger) (store, error) {
	if s.sqlite != nil {
		if _, err := os.Stat(string(s.sqlite.Path)); errors.Is(err, fs.ErrNotExist) && s.folders() == nil {
			return nil, fault.New(fault.CodeSchema, "there is no database %s yet; run `gatehouse migrate up`", s.sqlite.Path)
		}
	}
	return s.open(ctx, log)
}

// business is the folder of the business tables' migrations, or nil.
func (s *storeSection) business() (fs.FS, error) {
	if s.Migrations == "" {
		return nil, nil
	}
	if err := isFolder(string(s.Migrations)); err != nil {
		return nil, fmt.Errorf("store.migrations: %w", err)
	}
	return os.DirFS(string(s.Migrations)), nil
}

// folders checks that the folders which the section names are there, in the
// words of Validate.
func (s *storeSection) folders() error {
	var faults []error
	if s.Migrations != "" {
		if err := isFolder(string(s.Migrations)); err != nil {
			faults = append(faults, fmt.Errorf("migrations: %w", err))
		}
	}
	if s.sqlite != nil {
		if err := isFolder(filepath.Dir(string(s.sqlite.Path))); err != nil {
			faults = append(faults, fmt.Errorf("path: %w to put the database in", err))
		}
	}
	return errors.Join(faults...)
}

func isFolder(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return fmt.Errorf("there is no folder %s", path)
	}
	return err
}
