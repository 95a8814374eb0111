package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// ManifestName is the file that lists the others.
const ManifestName = "manifest.json"

// Manifest is what a feed has. It holds up to Position: whatever was committed behind it is
// in no file yet.
type Manifest struct {
	Version  int       `json:"version"` // 1
	Feed     string    `json:"feed"`
	View     string    `json:"view"`
	Format   string    `json:"format"` // parquet
	Key      []string  `json:"key"`
	Schema   []Column  `json:"schema"`
	Position string    `json:"position"`
	At       time.Time `json:"at"` // when Position was taken
	Files    []File    `json:"files"`
}

// File is one file of a feed.
type File struct {
	Name string `json:"name"`
	// From and To are the stretch of the log that the file is of; From is empty in a
	// snapshot, which has all rows: what is listed before it is of no use any more.
	From     string    `json:"from"`
	To       string    `json:"to"`
	Snapshot bool      `json:"snapshot,omitempty"`
	Rows     int64     `json:"rows"`    // those that are gone among them
	Deleted  int64     `json:"deleted"` // those that are gone
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256"`
	Schema   []Column  `json:"schema,omitempty"` // where it is not the manifest's
	At       time.Time `json:"at"`
}

// Column is a column of the files, in order.
type Column struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Precision int      `json:"precision,omitempty"`
	Scale     int      `json:"scale,omitempty"`
	Rows      []Column `json:"rows,omitempty"` // of a list
}

var typeNames = map[mapping.ColumnKind]string{
	mapping.StringColumn: "string", mapping.IntegerColumn: "integer", mapping.DecimalColumn: "decimal", mapping.BoolColumn: "boolean", mapping.FloatColumn: "float",
	mapping.DateTimeColumn: "timestamp", mapping.DateColumn: "date", mapping.TimeColumn: "time", mapping.BytesColumn: "bytes",
}

func schemaOf(t *export.Table) []Column {
	var out []Column
	for _, c := range t.Columns {
		column := Column{Name: c.Name, Type: typeNames[c.Type.Kind]}
		if c.Type.Kind == mapping.DecimalColumn {
			column.Precision, column.Scale = c.Type.Precision, c.Type.Scale
		}
		out = append(out, column)
	}
	for _, c := range t.Children {
		out = append(out, Column{Name: c.Name, Type: "list", Rows: schemaOf(c)})
	}
	return out
}

// readManifest reads the manifest of a directory; nil where there is none.
func readManifest(directory string) (*Manifest, error) {
	path := filepath.Join(directory, ManifestName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Version != 1 {
		return nil, fmt.Errorf("%s is of version %d, which this program does not know", path, m.Version)
	}
	return m, nil
}

// write replaces the manifest of a directory.
func (m *Manifest) write(directory string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	draft := filepath.Join(directory, "."+ManifestName+partExtension)
	f, err := os.Create(draft)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft, filepath.Join(directory, ManifestName)); err != nil {
		return err
	}
	return syncDirectory(directory)
}

const (
	partPrefix    = "part-"
	partExtension = ".writing"
	fileExtension = ".parquet"
)

// tidy removes what is no part of the feed: files of a process that died before they were
// listed.
func tidy(directory string, m *Manifest) error {
	listed := map[string]bool{}
	if m != nil {
		for _, f := range m.Files {
			listed[f.Name] = true
		}
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	var faults []error
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, partExtension) && strings.HasPrefix(name, ".") || strings.HasPrefix(name, partPrefix) && strings.HasSuffix(name, fileExtension) && !listed[name] {
			faults = append(faults, os.Remove(filepath.Join(directory, name)))
		}
	}
	return errors.Join(faults...)
}

// of reports whether the manifest is of files with this schema.
func (m *Manifest) of(t *export.Table, key []string) bool {
	return reflect.DeepEqual(m.Schema, schemaOf(t)) && reflect.DeepEqual(m.Key, key)
}
