package main

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// world is what a database has.
type world struct {
	customers []map[string]any
	orders    []map[string]any
	lines     []map[string]any
}

func (w *world) clone() *world {
	copied := func(rows []map[string]any) (out []map[string]any) {
		for _, r := range rows {
			out = append(out, maps.Clone(r))
		}
		return out
	}
	return &world{copied(w.customers), copied(w.orders), copied(w.lines)}
}

// consistent reports whether the tables take it.
func (w *world) consistent() bool {
	unique := func(rows []map[string]any, columns ...string) bool {
		seen := map[string]bool{}
		for _, r := range rows {
			key := ""
			for _, c := range columns {
				key += fmt.Sprint(r[c], "|")
			}
			if seen[key] {
				return false
			}
			seen[key] = true
		}
		return true
	}
	return unique(w.orders, "order_no") && unique(w.customers, "customer_no") && unique(w.lines, "order_id", "line_no")
}

var (
	guardedFields = []string{"order_no", "status", "region", "amount", "note", "margin", "customer", "customer_name"}
	lineFields    = []string{"line_no", "sku", "price"}
	classOf       = map[string]string{"note": "personal", "margin": "secret", "customer_name": "personal", "price": "personal"}
	domains       = map[string][]any{
		"status": {"NEW", "OPEN", "SENT"}, "region": {"north", "south", "alice", nil}, "amount": {1, 2, 3, nil}, "note": {"ring", "ringing", "quiet", nil}, "margin": {5, 6, 7},
		"sku": {"a", "b"}, "price": {1, 2, nil}, "name": {"Ann", "Bob", "Cid"},
	}
)

func drawWorld(t *rapid.T) *world {
	w := &world{}
	for i := range 3 {
		w.customers = append(w.customers, map[string]any{"id": i + 1, "customer_no": fmt.Sprintf("c%d", i+1), "name": value(t, "name")})
	}
	for i := range rapid.IntRange(4, 14).Draw(t, "orders") {
		w.orders = append(w.orders, drawOrder(t, i+1))
		for n := range rapid.IntRange(0, 2).Draw(t, "lines") {
			w.lines = append(w.lines, map[string]any{"order_id": i + 1, "line_no": n + 1, "sku": value(t, "sku"), "price": value(t, "price")})
		}
	}
	return w
}

func value(t *rapid.T, column string) any { return rapid.SampledFrom(domains[column]).Draw(t, column) }

func drawOrder(t *rapid.T, id int) map[string]any {
	row := map[string]any{"id": id, "order_no": fmt.Sprintf("o%d", id), "customer_id": rapid.SampledFrom([]any{1, 2, 3, nil}).Draw(t, "customer")}
	for _, c := range []string{"status", "region", "amount", "note", "margin"} {
		row[c] = value(t, c)
	}
	return row
}

// field is what a field of the view has in a row.
func (w *world) field(row map[string]any, name string) any {
	switch name {
	case "customer", "customer_name":
		for _, c := range w.customers {
			if row["customer_id"] == c["id"] {
				return c[map[string]string{"customer": "customer_no", "customer_name": "name"}[name]]
			}
		}
		return nil
	}
	return row[name]
}

// shows reports whether a grant shows rows of this kind, told without what runs.
func (w *world) shows(g *gateway.Grant, row map[string]any) bool {
	return !slices.ContainsFunc(g.Rows, func(f gateway.RowFilter) bool {
		has := w.field(row, f.Column)
		return has == nil || !slices.ContainsFunc(f.Values, func(v string) bool {
			return fmt.Sprint(has) == map[string]string{"$principal/login": "alice", "$principal/attribute/region": "south"}[v] || fmt.Sprint(has) == v
		})
	})
}

func inGrant(g *gateway.Grant, name string) bool {
	return g.Columns == nil || slices.Contains(g.Columns, name)
}

func classed(g *gateway.Grant, name string) bool {
	return classOf[name] == "" || slices.Contains(g.Classes, classOf[name])
}

// told is all that somebody with these grants may know: the rows of which he sees the
// key, each with the fields that he sees, and their lines.
func (w *world) told(grants []gateway.Grant) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, row := range w.orders {
		one := map[string]any{}
		for i := range grants {
			g := &grants[i]
			if !w.shows(g, row) {
				continue
			}
			for _, f := range guardedFields {
				if inGrant(g, f) && classed(g, f) {
					one[f] = w.field(row, f)
				}
			}
			if inGrant(g, "lines") {
				w.tellLines(one, g, row)
			}
		}
		if key, ok := one["order_no"]; ok {
			out[key.(string)] = one
		}
	}
	return out
}

func (w *world) tellLines(one map[string]any, g *gateway.Grant, row map[string]any) {
	lines, _ := one["lines"].(map[int]map[string]any)
	if lines == nil {
		lines = map[int]map[string]any{}
	}
	for _, l := range w.lines {
		if l["order_id"] != row["id"] {
			continue
		}
		line := lines[l["line_no"].(int)]
		if line == nil {
			line = map[string]any{}
		}
		for _, f := range lineFields {
			if classed(g, f) {
				line[f] = l[f]
			}
		}
		lines[l["line_no"].(int)] = line
	}
	one["lines"] = lines
}

// otherwise is a world that differs in what may not be seen, as far as one comes by.
func (w *world) otherwise(t *rapid.T, grants []gateway.Grant, keen string) *world {
	same := fmt.Sprint(w.told(grants))
	at := w
	for range rapid.IntRange(10, 30).Draw(t, "changes") {
		next := at.clone()
		next.change(t, keen)
		if next.consistent() && fmt.Sprint(next.told(grants)) == same {
			at = next
		}
	}
	return at
}

func (w *world) change(t *rapid.T, keen string) {
	switch rapid.IntRange(0, 11).Draw(t, "change") {
	case 0: // a new row
		row := drawOrder(t, 20+len(w.orders))
		row["order_no"] = rapid.SampledFrom([]string{"o0", "o15", "o25", "o7", "o99"}).Draw(t, "order_no")
		w.orders = append(w.orders, row)
		w.lines = append(w.lines, map[string]any{"order_id": row["id"], "line_no": 1, "sku": "a", "price": 2})
	case 1:
		if len(w.orders) > 0 {
			i := rapid.IntRange(0, len(w.orders)-1).Draw(t, "order")
			id := w.orders[i]["id"]
			w.orders = slices.Delete(w.orders, i, i+1)
			w.lines = slices.DeleteFunc(w.lines, func(l map[string]any) bool { return l["order_id"] == id })
		}
	case 2:
		c := rapid.SampledFrom(w.customers).Draw(t, "customer")
		if rapid.Bool().Draw(t, "name") {
			c["name"] = value(t, "name")
		} else {
			c["customer_no"] = rapid.SampledFrom([]string{"c1", "c2", "c3", "c4", "c5"}).Draw(t, "customer_no")
		}
	case 3:
		if len(w.lines) > 0 {
			l := rapid.SampledFrom(w.lines).Draw(t, "line")
			c := rapid.SampledFrom([]string{"sku", "price"}).Draw(t, "column")
			l[c] = value(t, c)
		}
	default:
		if len(w.orders) > 0 {
			row := rapid.SampledFrom(w.orders).Draw(t, "order")
			c := rapid.SampledFrom([]string{"status", "region", "amount", "note", "margin", "customer_id", "order_no"}).Draw(t, "column")
			if keen != "" && rapid.IntRange(0, 2).Draw(t, "of the field") > 0 {
				c = keen
			}
			switch c {
			case "customer_id":
				row[c] = rapid.SampledFrom([]any{1, 2, 3, nil}).Draw(t, "customer")
			case "order_no":
				row[c] = rapid.SampledFrom([]string{"o0", "o15", "o3", "o99"}).Draw(t, "order_no")
			default:
				row[c] = value(t, c)
			}
		}
	}
}

// drawGrants are those of somebody on the view; there may be none.
func drawGrants(t *rapid.T, role string) (out []gateway.Grant) {
	for range rapid.SampledFrom([]int{2, 1, 3, 2, 2, 0}).Draw(t, "grants of "+role) {
		g := gateway.Grant{Role: role, May: []gateway.Verb{gateway.Read}, On: "view/orders"}
		if rapid.Bool().Draw(t, "some columns") {
			g.Columns = []string{}
			if rapid.IntRange(0, 5).Draw(t, "key") > 0 {
				g.Columns = append(g.Columns, "order_no")
			}
			for _, c := range append(guardedFields[1:len(guardedFields):len(guardedFields)], "lines") {
				if rapid.Bool().Draw(t, c) {
					g.Columns = append(g.Columns, c)
				}
			}
		}
		for _, c := range []string{"personal", "secret"} {
			if rapid.IntRange(0, 2).Draw(t, c) == 0 {
				g.Classes = append(g.Classes, c)
			}
		}
		for range rapid.SampledFrom([]int{0, 1, 1, 0, 2}).Draw(t, "row filters") {
			g.Rows = append(g.Rows, drawRows(t))
		}
		out = append(out, g)
	}
	return out
}

// partlyHidden are fields that some windows have and others have not.
var partlyHidden = []string{"margin", "note", "amount", "status", "region"}

// drawPartly are grants of which one shows rows without a field, and another some of
// these rows with it. What decides which rows are seen must not tell the field of the
// others.
func drawPartly(t *rapid.T, role string) (out []gateway.Grant, field string) {
	field = rapid.SampledFrom(partlyHidden).Draw(t, "partly hidden")
	plain := gateway.Grant{Role: role, May: []gateway.Verb{gateway.Read}, On: "view/orders"}
	for _, f := range append(slices.Clone(guardedFields), "lines") {
		if f != field {
			plain.Columns = append(plain.Columns, f)
		}
	}
	some := gateway.Grant{Role: role, May: []gateway.Verb{gateway.Read}, On: "view/orders", Columns: []string{"order_no", field}, Classes: []string{"personal", "secret"}}
	by := rapid.SampledFrom([]string{"region", "customer", "status"}).Draw(t, "shown by")
	if by == field {
		by = "customer"
	}
	from := map[string][]string{"region": {"north", "south"}, "customer": {"c1", "c2"}, "status": {"NEW", "OPEN"}}[by]
	some.Rows = []gateway.RowFilter{{Column: by, Values: []string{rapid.SampledFrom(from).Draw(t, "value")}}}
	return []gateway.Grant{plain, some}, field
}

func drawRows(t *rapid.T) gateway.RowFilter {
	column := rapid.SampledFrom([]string{"region", "region", "status", "customer", "margin", "amount", "order_no"}).Draw(t, "row filter")
	from := map[string][]string{
		"region": {"north", "south", "$principal/login", "$principal/attribute/region"}, "status": {"NEW", "OPEN"}, "customer": {"c1", "c2"},
		"margin": {"5", "6"}, "amount": {"1", "no number"}, "order_no": {"o1", "o2", "o3"},
	}[column]
	return gateway.RowFilter{Column: column, Values: rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 2, rapid.ID[string]).Draw(t, "values")}
}
