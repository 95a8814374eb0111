package mapping

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// The names of the document that a query's reply reads as $page, which is in no
// namespace: rows with an element for each field, and of each child an element with
// its rows. A field that is null, or that whoever asks may not see, has no element.
//
//	<page>
//	  <row><order_no>PO-1</order_no><lines><row>…</row><cut>false</cut></lines></row>
//	  <next>…</next> <count>17</count> <at_least>false</at_least>
//	</page>
const (
	PageElement   = "page"
	RowElement    = "row"
	CutElement    = "cut"      // of a child: there are more rows than were asked for
	NextElement   = "next"     // the token of the page that follows; on the last page there is none
	CountElement  = "count"    // how many rows there are, where count: says so
	BeyondElement = "at_least" // there are more, which nobody has counted
)

// Viewed describes a view to a query.
type Viewed struct {
	Name     string
	Fields   []ViewedField
	Key      []string
	Children []ViewedChild
	// Typed says that the types of the fields are known, because the tables are.
	Typed bool
}

// ViewedField is a field of a view.
type ViewedField struct {
	Name         string
	Type         ColumnType // where the view is Typed
	Nullable     bool       // a row may have no value in it, by its column or by its join
	Filter, Sort bool
}

// ViewedChild is a child of a view.
type ViewedChild struct {
	Name string
	View *Viewed
}

func (v *Viewed) field(name string) *ViewedField {
	i := slices.IndexFunc(v.Fields, func(f ViewedField) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &v.Fields[i]
}

// names lists the fields that something can be said of.
func (v *Viewed) names(of func(*ViewedField) bool) []string {
	var out []string
	for i := range v.Fields {
		if of(&v.Fields[i]) {
			out = append(out, v.Fields[i].Name)
		}
	}
	return out
}

// builtinTypes are the types that values of columns have in the page.
var builtinTypes = [...]string{
	StringColumn: "string", BytesColumn: "base64Binary", IntegerColumn: "integer", DecimalColumn: "decimal", BoolColumn: "boolean",
	DateTimeColumn: "dateTime", DateColumn: "date", TimeColumn: "time", FloatColumn: "double",
}

func (v *Viewed) child(name string) *Viewed {
	i := slices.IndexFunc(v.Children, func(c ViewedChild) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return v.Children[i].View
}

// pageShape makes the declaration of the page.
type pageShape struct {
	// certain tells of which fields every row that is shown has a value, by the names
	// of the children on the way to them.
	certain func(path []string, f *ViewedField) bool
	guess   *contract.Simple // the type of every field, where the view is not Typed; nil: none
}

func (p *pageShape) page(q *Query, v *Viewed) *contract.Element {
	row := contract.Child{Element: p.row(v, nil), Max: contract.Unbounded}
	if q.Key != nil {
		row.Min, row.Max = 1, 1
	}
	children := []contract.Child{row}
	leaf := func(name, builtin string, least int) {
		children = append(children, contract.Child{Element: contract.Leaf(name, contract.Builtin(builtin)), Min: least, Max: 1})
	}
	if q.Key == nil {
		leaf(NextElement, "string", 0)
	}
	if q.Count {
		leaf(CountElement, "integer", 1)
		leaf(BeyondElement, "boolean", 1)
	}
	return contract.Record(PageElement, children...)
}

func (p *pageShape) row(v *Viewed, path []string) *contract.Element {
	var children []contract.Child
	for i := range v.Fields {
		f := &v.Fields[i]
		simple := p.guess
		if v.Typed {
			simple = contract.Builtin(builtinTypes[f.Type.Kind])
		}
		c := contract.Child{Element: contract.Leaf(f.Name, simple), Max: 1}
		if p.certain(path, f) {
			c.Min = 1
		}
		children = append(children, c)
	}
	for _, child := range v.Children {
		rows := contract.Child{Element: p.row(child.View, append(path[:len(path):len(path)], child.Name)), Max: contract.Unbounded}
		cut := contract.Child{Element: contract.Leaf(CutElement, contract.Builtin("boolean")), Min: 1, Max: 1}
		children = append(children, contract.Child{Element: contract.Record(child.Name, rows, cut), Max: 1})
	}
	return contract.Record(RowElement, children...)
}

// pagePath are the names on the way from the page to a node; ok is false of a node
// that is none of the page's.
func pagePath(page *contract.Element, s *xpath.Shape) (names []string, ok bool) {
	for ; s != nil; s = s.Parent {
		if s.Element == page {
			slices.Reverse(names)
			return names, true
		}
		if s.Element != nil {
			names = append(names, s.Element.Name.Local)
		}
	}
	return nil, false
}
