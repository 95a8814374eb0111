package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/gatehouse/gatehouse/adapters/sqlite"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// store is what every command needs of a SQL store; both dialects are one.
type store interface {
	gateway.Store
	Check(ctx context.Context) ([]string, error)
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
	sqlite     *sqlite.Config
}

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
		return err
	case "":
		return n.Fault("the driver is missing; it is sqlite or sqlserver")
	default:
		return n.Get("driver").Fault("there is no driver %q%s; it is sqlite or sqlserver", driver, didYouMean(driver, []string{"sqlite", "sqlserver"}))
	}
}

// open opens the store. It applies no migrations.
func (s *storeSection) open(ctx context.Context, log *slog.Logger) (store, error) {
	return sqlite.Open(ctx, *s.sqlite, time.Now, log)
}

// business is the folder of the business tables' migrations, or nil.
func (s *storeSection) business() (fs.FS, error) {
	if s.Migrations == "" {
		return nil, nil
	}
	if _, err := os.Stat(string(s.Migrations)); err != nil {
		return nil, fmt.Errorf("store.migrations: %w", err)
	}
	return os.DirFS(string(s.Migrations)), nil
}
