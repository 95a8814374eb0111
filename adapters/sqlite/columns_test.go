package sqlite_test

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"modernc.org/sqlite"

	"github.com/gatehouse/gatehouse/internal/gatewaytest"
	"github.com/gatehouse/gatehouse/internal/mappingtest"
)

// TestColumns: the tables' CHECK constraints are what SQL Server would refuse.
func TestColumns(t *testing.T) {
	// length(X) counts characters, and SQL Server's nvarchar UTF-16 units.
	err := sqlite.RegisterDeterministicScalarFunction("utf16_length", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		s, _ := args[0].(string)
		return int64(len(utf16.Encode([]rune(s)))), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "columns.db")
	s := openFile(t, path)
	if _, err := s.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	mappingtest.Checks(t, 200)
	gatewaytest.TestColumns(t, s, columns{db})
}

type columns struct{ db *sql.DB }

// Adapt: text is UTF-8, and what is no nvarchar takes ASCII.
func (columns) Adapt(c *mappingtest.Case) {
	for i := range c.Tables {
		for j := range c.Tables[i].Columns {
			col := &c.Tables[i].Columns[j]
			col.Charset = ""
			if other, ok := renamed[col.Native]; ok {
				col.Native = other
			}
		}
		// There are no clustered indexes, and the keys of the others have no limit.
		c.Tables[i].Clustered, c.Tables[i].Index = false, nil
	}
}

func (columns) Takes([]byte) bool { return true }

// renamed are types under names that SQLite parses, and takes for text.
var renamed = map[string]string{"sysname": "nvarchar(128)", "nvarchar(max)": "ntext", "varchar(max)": "text", "varbinary(max)": "image"}

func quote(t mappingtest.Table) string { return `"` + t.Schema + "." + t.Name + `"` }

func (d columns) Create(c *mappingtest.Case) error {
	for _, t := range c.Tables {
		parts := []string{"id INTEGER PRIMARY KEY"}
		for _, col := range t.Columns {
			declared := col.Name + " " + col.Native
			if !col.Null {
				declared += " NOT NULL"
			}
			if col.Default {
				declared += " DEFAULT " + initial(col.Native)
			}
			for _, r := range t.Refers {
				if r.Column == col.Name {
					declared += " REFERENCES " + quote(mappingtest.Table{Schema: "dbo", Name: r.Table}) + " (id)"
				}
			}
			parts = append(parts, declared+" CHECK ("+col.Name+" IS NULL OR "+constraint(col)+")")
		}
		for _, index := range [][]string{t.Key, {t.Drawn}} {
			if len(index) > 0 && index[0] != "" {
				parts = append(parts, "UNIQUE ("+strings.Join(index, ", ")+")")
			}
		}
		if _, err := d.db.Exec("CREATE TABLE " + quote(t) + " (" + strings.Join(parts, ", ") + ")"); err != nil {
			return err
		}
		if err := d.seed(t); err != nil {
			return err
		}
	}
	return nil
}

// seed inserts the rows that are there before any message.
func (d columns) seed(t mappingtest.Table) error {
	for _, row := range t.Seeds {
		var names, values []string
		for _, col := range t.Columns {
			if text := row[col.Name]; text != "NULL" {
				names, values = append(names, col.Name), append(values, written(col.Native, text))
			}
		}
		if _, err := d.db.Exec("INSERT INTO " + quote(t) + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"); err != nil {
			return err
		}
	}
	return nil
}

// written is a seed's value as this dialect keeps it.
func written(declared, text string) string {
	switch name, _, _ := native(declared); name {
	case "int", "bigint", "smallint":
		return text
	case "decimal":
		return strings.Replace(text, ".", "", 1)
	case "varbinary":
		return "x'" + text + "'"
	}
	return "'" + text + "'"
}

// native takes a type apart.
func native(t string) (name string, first, second int) {
	name, sizes, _ := strings.Cut(strings.TrimSuffix(t, ")"), "(")
	a, b, _ := strings.Cut(sizes, ",")
	first, _ = strconv.Atoi(a)
	second, _ = strconv.Atoi(b)
	return name, first, second
}

// initial is a default that fits the column.
func initial(t string) string {
	name, n, _ := native(t)
	switch name {
	case "date":
		return "'2026-01-01'"
	case "time":
		return "'00:00:00'"
	case "datetime", "datetime2", "datetimeoffset", "smalldatetime":
		fraction := n
		if name == "datetime" {
			fraction = 3
		}
		return strings.TrimSuffix("'2026-01-01 00:00:00."+strings.Repeat("0", fraction), ".") + "'"
	case "uniqueidentifier":
		return "'00000000-0000-0000-0000-000000000000'"
	case "varbinary", "binary", "image":
		return "x'" + strings.Repeat("00", n) + "'"
	case "nvarchar", "varchar", "char", "nchar", "ntext", "text":
		return "''"
	case "float", "real":
		return "0.0"
	}
	return "0"
}

// constraint is what SQL Server takes of a column of the type, in the form that
// this dialect keeps it.
func constraint(col mappingtest.Column) string {
	name, n, _ := native(col.Native)
	whole := func(least, most string) string {
		return fmt.Sprintf("typeof(%[1]s) = 'integer' AND %[1]s BETWEEN %[2]s AND %[3]s", col.Name, least, most)
	}
	text := func(length string, most int) string {
		if most == 0 {
			return "typeof(" + col.Name + ") = 'text'"
		}
		return fmt.Sprintf("typeof(%[1]s) = 'text' AND %[2]s(%[1]s) <= %[3]d", col.Name, length, most)
	}
	clock := "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
	glob := func(pattern string) string { return col.Name + " GLOB '" + pattern + "'" }
	switch name {
	case "nvarchar", "nchar", "ntext":
		return text("utf16_length", n)
	case "varchar", "char", "text":
		return text("length", n) + fmt.Sprintf(" AND length(CAST(%[1]s AS BLOB)) = length(%[1]s)", col.Name)
	case "uniqueidentifier":
		return glob(strings.Repeat("[0-9A-Fa-f]", 8) + strings.Repeat("-"+strings.Repeat("[0-9A-Fa-f]", 4), 3) + "-" + strings.Repeat("[0-9A-Fa-f]", 12))
	case "tinyint":
		return whole("0", "255")
	case "smallint":
		return whole("-32768", "32767")
	case "int":
		return whole("-2147483648", "2147483647")
	case "bigint":
		return "typeof(" + col.Name + ") = 'integer'"
	case "decimal":
		return whole("-"+strings.Repeat("9", n), strings.Repeat("9", n))
	case "money":
		return "typeof(" + col.Name + ") = 'integer'"
	case "smallmoney":
		return whole("-2147483648", "2147483647")
	case "bit":
		return col.Name + " IN (0, 1)"
	case "float":
		return fmt.Sprintf("typeof(%[1]s) = 'real' AND (%[1]s = 0 OR abs(%[1]s) BETWEEN 2.23E-308 AND 1.797693134862316E308)", col.Name)
	case "real":
		return fmt.Sprintf("typeof(%[1]s) = 'real' AND (%[1]s = 0 OR abs(%[1]s) BETWEEN 1.17E-38 AND 3.40282357E38)", col.Name)
	case "varbinary", "image":
		return fmt.Sprintf("typeof(%[1]s) = 'blob' AND (%[2]d = 0 OR length(%[1]s) <= %[2]d)", col.Name, n)
	case "binary":
		return fmt.Sprintf("typeof(%[1]s) = 'blob' AND length(%[1]s) = %[2]d", col.Name, n)
	case "date":
		return fmt.Sprintf("date(%[1]s) IS %[1]s AND %[1]s BETWEEN '0001-01-01' AND '9999-12-31'", col.Name)
	case "time":
		return fmt.Sprintf("(%s OR %s) AND substr(%s, 1, 2) < '24' AND length(%s) <= %d", glob(clock), glob(clock+".[0-9]*"), col.Name, col.Name, 9+n)
	}
	return moment(col.Name, name, n, clock)
}

func moment(column, name string, n int, clock string) string {
	first, last := "0001-01-01", "9999-12-31 24"
	pattern := "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9] " + clock
	switch name {
	case "datetime":
		first, n = "1753-01-01", 3
	case "smalldatetime":
		first, last, pattern = "1900-01-01", "2079-06-06 24", strings.TrimSuffix(pattern, "[0-5][0-9]")+"00"
	}
	if n > 0 {
		pattern += "." + strings.Repeat("[0-9]", n)
	}
	if name == "datetime" {
		pattern = strings.TrimSuffix(pattern, "[0-9]") + "[037]"
	}
	return fmt.Sprintf("%[1]s GLOB '%[2]s' AND %[1]s BETWEEN '%[3]s' AND '%[4]s' AND date(%[1]s) = substr(%[1]s, 1, 10)", column, pattern, first, last)
}

func (d columns) Read(t mappingtest.Table) ([]map[string]string, error) {
	var selected []string
	for _, col := range t.Columns {
		switch name, _, _ := native(col.Native); name {
		case "varbinary", "binary", "image":
			selected = append(selected, fmt.Sprintf("CASE WHEN %[1]s IS NULL THEN NULL ELSE lower(hex(%[1]s)) END", col.Name))
		case "float", "real":
			selected = append(selected, col.Name)
		default:
			selected = append(selected, "CAST("+col.Name+" AS TEXT)") // else the driver reads dates its own way
		}
	}
	rows, err := d.db.Query("SELECT " + strings.Join(selected, ", ") + " FROM " + quote(t) + " ORDER BY id")
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

// told writes a stored value as mappingtest.Holds does.
func told(declared string, v any) string {
	name, _, scale := native(declared)
	switch v := v.(type) {
	case nil:
		return "NULL"
	case float64:
		return strconv.FormatFloat(v+0, 'g', -1, map[bool]int{true: 32, false: 64}[name == "real"])
	case string:
		switch name {
		case "money", "smallmoney":
			return pointed(v, 4)
		case "decimal":
			return pointed(v, scale)
		case "uniqueidentifier":
			return strings.ToUpper(v)
		case "char", "nchar":
			return strings.TrimRight(v, " ")
		case "time", "datetime", "datetime2", "datetimeoffset", "smalldatetime":
			whole, fraction, _ := strings.Cut(strings.Replace(v, " ", "T", 1), ".")
			return whole + "." + (fraction + "0000000")[:7]
		}
		return v
	}
	return fmt.Sprintf("%T", v)
}

// pointed puts the point into a scaled integer.
func pointed(s string, scale int) string {
	if scale == 0 {
		return s
	}
	sign := ""
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, s = "-", rest
	}
	s = strings.Repeat("0", max(0, scale+1-len(s))) + s
	return sign + s[:len(s)-scale] + "." + s[len(s)-scale:]
}

func (d columns) Drop(c *mappingtest.Case) error { return d.children(c, "DROP TABLE IF EXISTS ") }

func (d columns) Empty(c *mappingtest.Case) error {
	if err := d.children(c, "DELETE FROM "); err != nil {
		return err
	}
	for _, t := range c.Tables {
		if err := d.seed(t); err != nil {
			return err
		}
	}
	return nil
}

// children runs a statement on each table, the last one first.
func (d columns) children(c *mappingtest.Case, statement string) error {
	for i := len(c.Tables) - 1; i >= 0; i-- {
		if _, err := d.db.Exec(statement + quote(c.Tables[i])); err != nil {
			return err
		}
	}
	return nil
}
