package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// placeholders renders reply and publications with $row/column in place of what
// only the database knows. Where the contract takes no such text, a value of its
// type stands in for the rendering and the placeholder for that, afterwards. The
// note says why there is nothing to show.
func (t *trial) placeholders(in *mapping.Input) (*mapping.Rendered, string) {
	m := t.chosen.mapping
	types := m.ReturnTypes()
	stand, names := make([]mapping.Value, len(m.Returns)), make([]string, len(m.Returns))
	for i, r := range m.Returns {
		names[i] = "$" + m.Tables[r.Table].As + "/" + r.Column
		stand[i] = standIn(i, names[i], types[i])
	}
	rendered, err := m.Render(in, stand)
	if err != nil {
		return nil, "reply and publications depend on what is stored; --connect shows them (" + strings.ReplaceAll(fault.Of(err).Message, "\n", "; ") + ")"
	}
	for i, v := range stand {
		if v.Class == mapping.String {
			continue
		}
		rendered.Reply = replaced(rendered.Reply, v, names[i], false)
		for n := range rendered.Publications {
			p := &rendered.Publications[n]
			p.Body = replaced(p.Body, v, names[i], p.ContentType == "application/json")
			p.RoutingKey = string(replaced([]byte(p.RoutingKey), v, names[i], false))
		}
	}
	return rendered, ""
}

// replaced puts a placeholder where its stand-in was written.
func replaced(text []byte, v mapping.Value, name string, inJSON bool) []byte {
	s, was := string(text), v.Lexical()
	if inJSON {
		s = strings.ReplaceAll(s, `"`+was+`"`, strconv.Quote(name))
		name = strconv.Quote(name)
	}
	return []byte(strings.ReplaceAll(s, was, name))
}

// standIn is a value that every type takes, told apart from what messages hold:
// the placeholder itself where it may be.
func standIn(i int, name string, types []*contract.Simple) mapping.Value {
	takes := func(v mapping.Value) bool {
		for _, s := range types {
			if s.Check(v.Lexical()) != "" {
				return false
			}
		}
		return true
	}
	day := time.Date(2999, 12, 1+i%28, 0, 0, 0, 0, mapping.NoZone)
	candidates := []mapping.Value{
		{Class: mapping.String, Text: name},
		{Class: mapping.Integer, Number: apd.New(int64(7_310_000_000_000_000_001+i), 0)},
		{Class: mapping.Integer, Number: apd.New(int64(1_973_100_001+i), 0)},
		{Class: mapping.Decimal, Number: apd.New(int64(731_000_001+i), -2)},
		mapping.Moment(day),
		mapping.Day(day),
	}
	for _, v := range candidates {
		if takes(v) {
			return v
		}
	}
	for _, s := range types { // an enumeration, or a type that nothing above is of
		for _, v := range s.Enumeration {
			if value := (mapping.Value{Class: mapping.String, Text: v}); takes(value) {
				return value
			}
		}
	}
	return mapping.Value{Class: mapping.String, Text: fmt.Sprint(i)}
}
