package feed

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"time"

	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/fault"
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
	// Writer is the holder of the lease that wrote the manifest: whoever held it before
	// writes no other.
	Writer int64  `json:"writer,omitempty"`
	Files  []File `json:"files"`
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

// readManifest reads the manifest of a place and its version; nil where there is none.
func readManifest(ctx context.Context, place Place) (*Manifest, string, error) {
	text, version, err := place.Read(ctx, ManifestName, MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, "", fault.New(fault.CodeFeedContent, "%s of %s cannot be read", ManifestName, place).Because(err)
	}
	if m.Version != 1 {
		return nil, "", fault.New(fault.CodeFeedContent, "%s of %s is of version %d, which this program does not know", ManifestName, place, m.Version)
	}
	return m, version, nil
}

// text is the manifest as it is written.
func (m *Manifest) text() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

// of reports whether the manifest is of files with this schema.
func (m *Manifest) of(t *export.Table, key []string) bool {
	return reflect.DeepEqual(m.Schema, schemaOf(t)) && reflect.DeepEqual(m.Key, key)
}
