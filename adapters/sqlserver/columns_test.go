package sqlserver_test

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mappingtest"
)

// TestColumns asks the server itself what its columns take.
func TestColumns(t *testing.T) {
	dsn := createDatabase(t)
	s := openStore(t, dsn)
	if _, err := s.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlserver", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	mappingtest.Checks(t, 20) // a table takes long to make there
	gatewaytest.TestColumns(t, s, columns{db, emulated(t, db)})
}

type columns struct {
	db       *sql.DB
	emulated bool
}

// emulated reports a server that only speaks SQL Server's language: Babelfish
// leaves JSON's escapes in the texts that it reads from it, and keeps
// microseconds. What it gets wrong by that is not what this test is about.
func emulated(t *testing.T, db *sql.DB) bool {
	var text string
	if err := db.QueryRowContext(t.Context(), `SELECT JSON_VALUE('["\"\t"]', '$[0]')`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text != "\"\t"
}

func (d columns) Takes(payload []byte) bool {
	return !d.emulated || !bytes.ContainsAny(payload, "\\\r") && !regexp.MustCompile(`&(#9|#10|#13|#34|#xA|#xD|#x9|quot);|>[^<]*[\n\t"][^<]*[^\s<][^<]*<|'[^']*["\n\t]`).Match(payload)
}

// Adapt: the tables have the database's own code page.
func (d columns) Adapt(c *mappingtest.Case) {
	for i := range c.Tables {
		for j := range c.Tables[i].Columns {
			col := &c.Tables[i].Columns[j]
			if strings.HasPrefix(col.Native, "varchar") || strings.HasPrefix(col.Native, "char") {
				col.Charset = "windows-1252"
			}
			if d.emulated {
				col.Native = strings.Replace(col.Native, "(7)", "(6)", 1)
			}
		}
	}
}

func (d columns) Create(c *mappingtest.Case) error {
	for _, name := range c.Sequences {
		if _, err := d.db.Exec("CREATE SEQUENCE dbo." + name + " AS bigint START WITH 1"); err != nil {
			return err
		}
	}
	for _, t := range c.Tables {
		parts := []string{"id bigint IDENTITY PRIMARY KEY" + when(t.Clustered, " NONCLUSTERED")}
		for _, col := range t.Columns {
			declared := col.Name + " " + col.Native
			if col.Null {
				declared += " NULL"
			} else {
				declared += " NOT NULL"
			}
			if col.Default {
				declared += " DEFAULT " + initial(col.Native)
			}
			for _, r := range t.Refers {
				if r.Column == col.Name {
					declared += " REFERENCES dbo." + r.Table + " (id)"
				}
			}
			parts = append(parts, declared)
		}
		for _, index := range [][]string{t.Key, {t.Drawn}} {
			if len(index) > 0 && index[0] != "" {
				parts = append(parts, "UNIQUE "+when(t.Clustered, "CLUSTERED ")+"("+strings.Join(index, ", ")+")")
			}
		}
		if _, err := d.db.Exec("CREATE TABLE dbo." + t.Name + " (" + strings.Join(parts, ", ") + ")"); err != nil {
			return err
		}
		if t.Index != nil {
			if _, err := d.db.Exec("CREATE INDEX ix_" + t.Name + " ON dbo." + t.Name + " (" + strings.Join(t.Index, ", ") + ")"); err != nil {
				return err
			}
		}
		if err := d.seed(t); err != nil {
			return err
		}
	}
	return nil
}

func when(yes bool, word string) string {
	if yes {
		return word
	}
	return ""
}

// seed inserts the rows that are there before any message.
func (d columns) seed(t mappingtest.Table) error {
	for _, row := range t.Seeds {
		var names, values []string
		for _, col := range t.Columns {
			switch text := row[col.Name]; {
			case text == "NULL":
			case strings.HasPrefix(col.Native, "varbinary"):
				names, values = append(names, col.Name), append(values, "0x"+text)
			default:
				names, values = append(names, col.Name), append(values, "N'"+text+"'")
			}
		}
		if _, err := d.db.Exec("INSERT INTO dbo." + t.Name + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"); err != nil {
			return err
		}
	}
	return nil
}

// initial is a default that fits the column.
func initial(t string) string {
	name, _, _ := strings.Cut(t, "(")
	switch name {
	case "date", "datetime", "datetime2", "datetimeoffset", "smalldatetime":
		return "'2026-01-01'"
	case "time":
		return "'00:00:00'"
	case "uniqueidentifier":
		return "'00000000-0000-0000-0000-000000000000'"
	case "nvarchar", "varchar", "char", "nchar", "sysname":
		return "''"
	case "varbinary", "binary":
		return "0x00"
	}
	return "0"
}

func (d columns) Read(t mappingtest.Table) ([]map[string]string, error) {
	var selected []string
	for _, col := range t.Columns {
		if col.Native == "uniqueidentifier" {
			selected = append(selected, "CONVERT(varchar(36), "+col.Name+")")
		} else {
			selected = append(selected, col.Name)
		}
	}
	rows, err := d.db.Query("SELECT " + strings.Join(selected, ", ") + " FROM dbo." + t.Name + " ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []map[string]string
	for rows.Next() {
		values, into := make([]any, len(t.Columns)), make([]any, len(t.Columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := map[string]string{}
		for i, col := range t.Columns {
			row[col.Name] = told(col.Native, values[i])
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// told writes a value as mappingtest.Holds does.
func told(native string, v any) string {
	name, _, _ := strings.Cut(native, "(")
	switch v := v.(type) {
	case nil:
		return "NULL"
	case bool:
		return map[bool]string{false: "0", true: "1"}[v]
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v+0, 'g', -1, map[bool]int{true: 32, false: 64}[name == "real"])
	case time.Time:
		switch name {
		case "date":
			return v.Format(time.DateOnly)
		case "time":
			return v.Format("15:04:05.0000000")
		}
		// The driver gives datetime as the 300ths of a second that it is.
		if name == "datetime" {
			v = v.Truncate(time.Millisecond)
		}
		return v.UTC().Format("2006-01-02T15:04:05.0000000")
	case []byte:
		if name == "varbinary" || name == "binary" {
			return hex.EncodeToString(v)
		}
		return string(v)
	case string:
		switch name {
		case "char", "nchar":
			return strings.TrimRight(v, " ")
		case "uniqueidentifier":
			return strings.ToUpper(v)
		}
		return v
	}
	return fmt.Sprintf("%T", v)
}

func (d columns) Empty(c *mappingtest.Case) error {
	if err := d.children(c, "DELETE FROM dbo."); err != nil {
		return err
	}
	for _, t := range c.Tables {
		if err := d.seed(t); err != nil {
			return err
		}
	}
	return nil
}

func (d columns) Drop(c *mappingtest.Case) error {
	if err := d.children(c, "DROP TABLE IF EXISTS dbo."); err != nil {
		return err
	}
	for _, name := range c.Sequences {
		if _, err := d.db.Exec("DROP SEQUENCE IF EXISTS dbo." + name); err != nil {
			return err
		}
	}
	return nil
}

// children runs a statement on each table, the last one first.
func (d columns) children(c *mappingtest.Case, statement string) error {
	for i := len(c.Tables) - 1; i >= 0; i-- {
		if _, err := d.db.Exec(statement + c.Tables[i].Name); err != nil {
			return err
		}
	}
	return nil
}
