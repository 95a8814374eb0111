package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// Names of the sets of migrations that the gateway itself knows.
const (
	LedgerSet   = "gateway"  // the gateway's own tables
	BusinessSet = "business" // the tables that mappings write
)

// Migration is one migration file and what became of it.
type Migration struct {
	Set       string    `json:"set"`
	Version   int64     `json:"version"`
	File      string    `json:"file"`                // empty when it is known to the database alone
	Checksum  string    `json:"checksum"`            // SHA-256 of the file, in hexadecimal
	AppliedAt time.Time `json:"applied_at,omitzero"` // zero: pending
	Drift     string    `json:"drift,omitempty"`     // how the file differs from what was applied
}

// Pending reports whether the migration is still to be applied.
func (m Migration) Pending() bool { return m.AppliedAt.IsZero() }

// Newer reports whether the migration is one that only a newer binary, or a newer
// folder, knows. Tables only grow, so an older binary may go on with it.
func (m Migration) Newer() bool { return m.File == "" }

// Status compares the gateway's own migrations, and those of business unless it
// is nil, with what was applied. It changes nothing.
func (s *Store) Status(ctx context.Context, business fs.FS) ([]Migration, error) {
	var out []Migration
	for _, set := range s.sets(business) {
		found, err := s.status(ctx, set)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// Up applies what is pending, the gateway's own migrations first. It refuses to
// when an applied file has changed since (drift). Of several processes at once
// one applies and the others wait. It returns what it applied.
func (s *Store) Up(ctx context.Context, business fs.FS) ([]Migration, error) {
	release, err := s.dialect.Exclude(ctx)
	if err != nil {
		return nil, s.fail("waiting for the migration lock", err)
	}
	applied, err := s.up(ctx, business)
	return applied, errors.Join(err, s.fail("releasing the migration lock", release()))
}

func (s *Store) up(ctx context.Context, business fs.FS) ([]Migration, error) {
	var applied []Migration
	for _, set := range s.sets(business) {
		done, err := s.upSet(ctx, set)
		applied = append(applied, done...)
		if err != nil {
			return applied, err
		}
	}
	return applied, nil
}

// Grants returns the script that lets a login run the gateway: it may read and
// write rows, and change no table. Schemas are those of the business tables.
func (s *Store) Grants(login string, schemas []string) string {
	return s.dialect.Grants(login, schemas)
}

// set is a named file system of migrations.
type set struct {
	name  string
	files fs.FS
}

func (s *Store) sets(business fs.FS) []set {
	sets := []set{{LedgerSet, s.migrations}}
	if business != nil {
		sets = append(sets, set{BusinessSet, business})
	}
	return sets
}

func (s *Store) status(ctx context.Context, set set) ([]Migration, error) {
	files, err := s.files(set)
	if err != nil {
		return nil, err
	}
	recorded, err := s.recorded(ctx, set.name)
	if err != nil {
		return nil, s.fail("reading the applied migrations", err)
	}
	for i := range files {
		m := &files[i]
		r, ok := recorded[m.Version]
		if !ok {
			continue
		}
		m.AppliedAt = r.AppliedAt
		if r.Checksum != m.Checksum {
			m.Drift = "the file has changed since it was applied"
		}
		delete(recorded, m.Version)
	}
	for _, r := range recorded {
		r.Drift = "applied, but unknown to this binary"
		files = append(files, r)
	}
	return files, nil
}

// files lists the migrations of a set with their checksums.
func (s *Store) files(set set) ([]Migration, error) {
	provider, err := s.provider(set, nil)
	if err != nil {
		return nil, err
	}
	var out []Migration
	for _, source := range provider.ListSources() {
		content, err := fs.ReadFile(set.files, source.Path)
		if err != nil {
			return nil, fmt.Errorf("reading migration %s: %w", source.Path, err)
		}
		sum := sha256.Sum256(content)
		out = append(out, Migration{Set: set.name, Version: source.Version, File: path.Base(source.Path), Checksum: hex.EncodeToString(sum[:])})
	}
	return out, nil
}

func (s *Store) provider(set set, files []Migration) (*goose.Provider, error) {
	table := &versionTable{store: s, set: set.name, files: files}
	provider, err := goose.NewProvider(goose.DialectCustom, s.dialect.Pool(), set.files,
		goose.WithStore(table), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, fmt.Errorf("migrations of set %s: %w", set.name, err)
	}
	return provider, nil
}

func (s *Store) upSet(ctx context.Context, set set) ([]Migration, error) {
	files, err := s.status(ctx, set)
	if err != nil {
		return nil, err
	}
	if err := drift(files); err != nil {
		return nil, err
	}
	provider, err := s.provider(set, files)
	if err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		results = partial.Applied
	}
	var applied []Migration
	for _, r := range results {
		for _, f := range files {
			if f.Version == r.Source.Version {
				f.AppliedAt = s.now().UTC()
				applied = append(applied, f)
			}
		}
	}
	if err != nil {
		return applied, fmt.Errorf("migrations of set %s: %w", set.name, err)
	}
	return applied, nil
}

func drift(files []Migration) error {
	var details []fault.Detail
	for _, f := range files {
		if f.Drift != "" {
			details = append(details, fault.Detail{Source: fmt.Sprintf("%s/%05d", f.Set, f.Version), Message: f.Drift})
		}
	}
	if details == nil {
		return nil
	}
	return fault.New(fault.CodeSchema, "the migrations in the database are not the ones of this binary").With(details...)
}

// recorded reads what was applied; a database without the table has nothing.
func (s *Store) recorded(ctx context.Context, name string) (map[int64]Migration, error) {
	exists, err := s.hasVersionTable(ctx, s.dialect.Pool())
	if err != nil || !exists {
		return map[int64]Migration{}, err
	}
	rows, err := s.dialect.Pool().QueryContext(ctx, s.text.applied, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[int64]Migration{}
	for rows.Next() {
		m := Migration{Set: name}
		if err := rows.Scan(&m.Version, &m.Checksum, s.dialect.ScanTime(&m.AppliedAt)); err != nil {
			return nil, err
		}
		out[m.Version] = m
	}
	return out, rows.Err()
}

func (s *Store) hasVersionTable(ctx context.Context, q database.DBTxConn) (bool, error) {
	var n int
	err := q.QueryRowContext(ctx, s.text.versionTable).Scan(&n)
	return n > 0, err
}

// versionTable is goose's view of the table of applied migrations, which keeps
// a checksum with each version: a file that changed after it was applied is
// found out.
type versionTable struct {
	store *Store
	set   string
	files []Migration
}

// Tablename implements database.Store.
func (t *versionTable) Tablename() string { return t.store.dialect.Text("{migration}") }

// TableExists implements goose's optional check.
func (t *versionTable) TableExists(ctx context.Context, db database.DBTxConn) (bool, error) {
	return t.store.hasVersionTable(ctx, db)
}

// CreateVersionTable implements database.Store.
func (t *versionTable) CreateVersionTable(ctx context.Context, db database.DBTxConn) error {
	for _, text := range t.store.dialect.VersionTable() {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// Insert implements database.Store.
func (t *versionTable) Insert(ctx context.Context, db database.DBTxConn, req database.InsertRequest) error {
	if req.Version == 0 {
		return nil // goose's own mark of an empty history; the table says so itself
	}
	for _, f := range t.files {
		if f.Version != req.Version {
			continue
		}
		name := fmt.Sprintf("%s/%d", t.set, req.Version)
		failpoint.HitFor("migrate", name)
		_, err := db.ExecContext(ctx, t.store.text.record, t.set, req.Version, f.Checksum, t.store.dialect.Time(t.store.now()))
		failpoint.HitFor("migrated", name)
		return err
	}
	return fmt.Errorf("migration %d is not among the files", req.Version)
}

// Delete implements database.Store.
func (t *versionTable) Delete(ctx context.Context, db database.DBTxConn, version int64) error {
	_, err := db.ExecContext(ctx, t.store.text.unrecord, t.set, version)
	return err
}

// GetMigration implements database.Store.
func (t *versionTable) GetMigration(ctx context.Context, db database.DBTxConn, version int64) (*database.GetMigrationResult, error) {
	list, err := t.list(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if m.Version == version {
			return &database.GetMigrationResult{IsApplied: true, Timestamp: m.AppliedAt}, nil
		}
	}
	return nil, database.ErrVersionNotFound
}

// GetLatestVersion implements database.Store.
func (t *versionTable) GetLatestVersion(ctx context.Context, db database.DBTxConn) (int64, error) {
	list, err := t.list(ctx, db)
	if err != nil {
		return 0, err
	}
	if len(list) == 0 {
		return 0, nil
	}
	return list[0].Version, nil
}

// ListMigrations implements database.Store.
func (t *versionTable) ListMigrations(ctx context.Context, db database.DBTxConn) ([]*database.ListMigrationsResult, error) {
	list, err := t.list(ctx, db)
	if err != nil {
		return nil, err
	}
	var out []*database.ListMigrationsResult
	for _, m := range list {
		out = append(out, &database.ListMigrationsResult{Version: m.Version, IsApplied: true})
	}
	return append(out, &database.ListMigrationsResult{Version: 0, IsApplied: true}), nil
}

// list reads the applied versions, newest first.
func (t *versionTable) list(ctx context.Context, db database.DBTxConn) ([]Migration, error) {
	rows, err := db.QueryContext(ctx, t.store.text.applied, t.set)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Migration
	for rows.Next() {
		m := Migration{Set: t.set}
		if err := rows.Scan(&m.Version, &m.Checksum, t.store.dialect.ScanTime(&m.AppliedAt)); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}
