package sqlview

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/view"
)

// statement is a text that is being written, with its arguments.
type statement struct {
	dialect  Dialect
	model    model
	declared []string // variables, where the dialect has them
	args     []any
}

// maxArguments is how many a statement has at most: SQL Server takes 2,100.
const maxArguments = 2000

func (s *statement) bind(arg any) string {
	s.args = append(s.args, arg)
	return s.dialect.Parameter(len(s.args))
}

// whole puts the parts of a statement together.
func (s *statement) whole(query string) string {
	return strings.Join(s.declared, "") + query + s.dialect.Options()
}

// scope is where fields are found while a SELECT is written: the view's table under
// some name, and the joins that turn out to be needed.
type scope struct {
	*statement
	view *view.View
	// root writes a column of the view's table.
	root  func(column string) string
	alias string // what the names of joins begin with
	need  []bool // by join
}

func (s *statement) scope(v *view.View, alias string, root func(string) string) *scope {
	return &scope{s, v, root, alias, make([]bool, len(v.Joins))}
}

// named is a root under a name.
func (s *statement) named(alias string) func(string) string {
	return func(column string) string { return alias + "." + s.dialect.Quote(column) }
}

// field writes a field, and says what its column is.
func (s *scope) field(f int) (string, *Column, error) {
	c, err := s.model.field(s.view, f)
	if err != nil {
		return "", nil, err
	}
	return s.of(s.view.Fields[f].Join, s.view.Fields[f].Column), c, nil
}

// of writes a column of a join, or of the view's table.
func (s *scope) of(join int, column string) string {
	if join < 0 {
		return s.root(column)
	}
	s.require(join)
	return s.name(join) + "." + s.dialect.Quote(column)
}

func (s *scope) name(join int) string { return s.alias + strconv.Itoa(join) }

func (s *scope) require(join int) {
	for join >= 0 && !s.need[join] {
		s.need[join] = true
		join = s.view.Joins[join].From
	}
}

// joins writes what was needed. Whatever a foreign key promises, a row stays when
// what it refers to is not there: a constraint may be disabled.
func (s *scope) joins() string {
	var b strings.Builder
	for i := range s.view.Joins {
		if !s.need[i] {
			continue
		}
		j := &s.view.Joins[i]
		fmt.Fprintf(&b, "\n LEFT JOIN %s AS %s ON ", s.dialect.Table(j.Table), s.name(i))
		for k, column := range j.Columns {
			if k > 0 {
				b.WriteString(" AND ")
			}
			b.WriteString(s.name(i) + "." + s.dialect.Quote(j.Refers[k]) + " = " + s.of(j.From, column))
		}
	}
	return b.String()
}

// kept gathers columns of the view's table that a SELECT around another needs of it.
type kept struct {
	*statement
	alias string
	names []string
}

func (k *kept) column(name string) string {
	for i, n := range k.names {
		if n == name {
			return k.alias + ".c" + strconv.Itoa(i)
		}
	}
	k.names = append(k.names, name)
	return k.alias + ".c" + strconv.Itoa(len(k.names)-1)
}

// selected lists them in the inner SELECT.
func (k *kept) selected(alias string) string {
	var b strings.Builder
	for i, n := range k.names {
		fmt.Fprintf(&b, ", %s.%s AS c%d", alias, k.dialect.Quote(n), i)
	}
	return b.String()
}
