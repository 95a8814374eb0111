package mapping

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
)

// What a page of a query has when its file does not say, and at most.
const (
	defaultPage = 20
	defaultMost = 100
	maxPage     = 1000
	maxExpanded = 1000
	// maxConditions bounds where: every form of the query is one of the combinations
	// of those conditions that a request may leave out.
	maxConditions = 30
)

// CompileQuery resolves the file of a query against its contract and the view that
// it names. The error is a config.Faults with everything that they do not allow. Of a
// view that is not Typed no more is judged than names: a Query that is compiled
// against one tells what it is about, and cannot answer.
func CompileQuery(f *QueryFile, c *contract.Contract, v *Viewed) (*Query, error) {
	if !v.Typed {
		return compileUntyped(f, c, v)
	}
	all, faults := compileQuery(f, c, v, pageShape{certain: func(_ []string, f *ViewedField) bool { return !f.Nullable }})
	if len(faults) > 0 {
		return nil, faults.Err()
	}
	return leastDemanding(f, c, v, all)
}

// compileUntyped compiles with every type that fields may turn out to have: what is
// wrong whichever they have, is wrong.
func compileUntyped(f *QueryFile, c *contract.Contract, v *Viewed) (*Query, error) {
	always := func([]string, *ViewedField) bool { return true }
	q, common := compileQuery(f, c, v, pageShape{certain: always})
	for _, guess := range builtinTypes {
		if len(common) == 0 {
			break
		}
		_, faults := compileQuery(f, c, v, pageShape{certain: always, guess: contract.Builtin(guess)})
		common = slices.DeleteFunc(common, func(f config.Fault) bool { return !slices.Contains(faults, f) })
	}
	return q, common.Err()
}

// leastDemanding compiles the query once more, so that it demands no more fields to
// be seen than its reply needs: the fewer, the more rows are shown to those who do not
// see everything. What the key has is seen of every row.
func leastDemanding(f *QueryFile, c *contract.Contract, v *Viewed, all *Query) (*Query, error) {
	demanded := map[string]bool{}
	shape := pageShape{certain: func(path []string, f *ViewedField) bool {
		return len(path) == 0 && slices.Contains(v.Key, f.Name) || demanded[below(strings.Join(path, "/"), f.Name)]
	}}
	if q, faults := compileQuery(f, c, v, shape); len(faults) == 0 {
		return q, nil
	}
	fields := all.Shown.paths(v, "")
	for _, path := range fields {
		demanded[path] = true
	}
	for _, path := range fields {
		delete(demanded, path)
		if _, faults := compileQuery(f, c, v, shape); len(faults) > 0 {
			demanded[path] = true
		}
	}
	q, faults := compileQuery(f, c, v, shape)
	q.Shown.demand("", demanded)
	return q, faults.Err()
}

// paths lists the fields that always have a value, by the names on the way to them.
func (s *Selection) paths(v *Viewed, path string) []string {
	var out []string
	for _, name := range s.Fields {
		if f := v.field(name); f != nil && !f.Nullable && !(path == "" && slices.Contains(v.Key, name)) {
			out = append(out, below(path, name))
		}
	}
	for i := range s.Children {
		child := &s.Children[i]
		out = append(out, child.Shown.paths(v.child(child.Name), below(path, child.Name))...)
	}
	return out
}

func (s *Selection) demand(path string, demanded map[string]bool) {
	for _, name := range s.Fields {
		if demanded[below(path, name)] {
			s.Demanded = append(s.Demanded, name)
		}
	}
	for i := range s.Children {
		s.Children[i].Shown.demand(below(path, s.Children[i].Name), demanded)
	}
}

// compileQuery compiles against one description of the page. The Query is there with
// faults, too, as far as it came.
func compileQuery(f *QueryFile, c *contract.Contract, v *Viewed, shape pageShape) (*Query, config.Faults) {
	file := f.mapping()
	m := &Mapping{Name: f.Query.text, Version: f.Version, File: f.Path, Contract: c, places: map[*xpath.Program]config.Fault{}}
	q := &Query{Name: m.Name, Version: f.Version, File: f.Path, Contract: c, View: f.View.text, Count: f.Count, mapping: m}
	k := &queryCompiler{compiler: &compiler{file: file, mapping: m, rows: map[string]*rowScope{}, asks: true}, query: q, source: f, view: v}
	if k.operation(); len(k.faults) == 0 {
		q.Service, q.Operation = m.Service, m.Operation
		k.ask()
		k.reply(shape)
		k.answers()
		q.Faults, q.Headers, q.Warnings = m.Faults, m.Headers, m.Warnings
	}
	return q, append(k.strangers(), k.faults...)
}

// queryCompiler compiles one query. What it has in common with mappings is the
// compiler's.
type queryCompiler struct {
	*compiler
	query  *Query
	source *QueryFile
	view   *Viewed
}

func (k *queryCompiler) ask() {
	scope := k.payload()
	k.keyed(scope)
	for i, r := range k.source.Where {
		switch {
		case r == nil || r.node == nil:
			k.fail(k.source.root.Get("where").Items()[i], "a value is missing")
		case i == maxConditions:
			k.fail(r.node, "a query has %d conditions at most", maxConditions)
		default:
			k.condition(r, scope)
		}
	}
	k.ordered()
	k.paged(scope)
}

// keyed compiles the key: every field of the view's, and nothing else.
func (k *queryCompiler) keyed(scope *xpath.Scope) {
	at := k.source.root.Get("key")
	if at == nil {
		return
	}
	for _, section := range []string{"where", "order", "page", "count"} {
		if n := k.source.root.Get(section); n != nil {
			k.fail(n, "%s is of many rows; key: asks for one", section)
		}
	}
	k.query.Key = []string{}
	for _, name := range k.view.Key {
		i := slices.IndexFunc(k.source.Key, func(c *columnRule) bool { return c.name == name })
		if i < 0 {
			k.fail(at, "the key of %s has %s too", k.view.Name, name)
			continue
		}
		p := k.operand(k.source.Key[i], k.view.field(name), scope, false)
		k.query.Key, k.query.key = append(k.query.Key, name), append(k.query.key, p)
		if p.optional || p.nillable {
			k.warn(k.source.Key[i].node, "%s may be absent; such a request is refused", name)
		}
	}
	for _, c := range k.source.Key {
		if !slices.Contains(k.view.Key, c.name) {
			k.fail(c.node, "%s is not in the key of %s, which is %s", c.name, k.view.Name, strings.Join(k.view.Key, ", "))
		}
	}
}

// condition compiles one entry of where.
func (k *queryCompiler) condition(r *conditionRule, scope *xpath.Scope) {
	f := k.fieldFor(r.Field, func(f *ViewedField) bool { return f.Filter }, "asked for in conditions", "filter")
	if f == nil {
		return
	}
	when := k.compiler.condition(r.When, scope)
	rules := r.comparisons()
	for op := Equal; op <= Contains; op++ {
		c := rules[op]
		if c == nil {
			continue
		}
		k.comparable(f, op, c)
		p := k.operand(c, f, scope, op == In)
		class := p.constant.Value.Class
		if p.value != nil {
			class = p.value.Type().Class
		}
		if p.nillable && op != Equal && op != NotEqual && p.form == constantForm {
			k.fail(c.node, "nothing compares with null but by eq and ne")
		}
		always := when == nil && !p.optional && (!p.nillable || op == Equal || op == NotEqual)
		k.query.Conditions = append(k.query.Conditions, Condition{Field: f.Name, Op: op, Always: always, Class: class, Source: c.node.Source()})
		k.query.conditions = append(k.query.conditions, conditionProgram{when, p})
	}
}

// comparable complains about comparisons that a field of a type does not have.
func (k *queryCompiler) comparable(f *ViewedField, op Comparison, c *columnRule) {
	if !k.view.Typed {
		return
	}
	switch kind := f.Type.Kind; {
	case op >= Greater && op <= LessOrEqual && (kind == BoolColumn || kind == BytesColumn):
		k.fail(c.node, "the field %s is %s, which is equal or not: eq, ne or in", f.Name, kind)
	case (op == StartsWith || op == Contains) && (kind != StringColumn || f.Type.UUID):
		k.fail(c.node, "the field %s is no text", f.Name)
	}
}

// fieldFor finds a field of the view that is offered for something.
func (k *queryCompiler) fieldFor(w word, offered func(*ViewedField) bool, what, list string) *ViewedField {
	return k.fieldNamed(w.text, w.node, offered, what, list)
}

func (k *queryCompiler) fieldNamed(name string, at *config.Node, offered func(*ViewedField) bool, what, list string) *ViewedField {
	f := k.view.field(name)
	switch {
	case f == nil:
		k.fail(at, "the view %s has no field %s%s", k.view.Name, name, didYouMean(name, k.view.names(offered)))
		return nil
	case !offered(f):
		k.fail(at, "%s cannot be %s: it is not in %s: of the view%s", name, what, list, didYouMean(name, k.view.names(offered)))
		return nil
	}
	return f
}

// operand compiles what a field is compared with.
func (k *queryCompiler) operand(c *columnRule, f *ViewedField, scope *xpath.Scope, many bool) columnProgram {
	p := columnProgram{form: valueForm, node: c.node}
	switch {
	case c.lookup != nil || c.codes != nil || c.truncate != nil || c.nulls:
		k.fail(c.node, "what a field is compared with is an expression, or has from:, zone: and default:, or value:")
	case c.constant != nil:
		k.constantFor(c, f, &p)
	default:
		k.sourceFor(c, f, scope, many, &p)
	}
	return p
}

func (k *queryCompiler) constantFor(c *columnRule, f *ViewedField, p *columnProgram) {
	p.form = constantForm
	want := Untyped
	if k.view.Typed && f != nil {
		want = xpath.ClassOf(contract.Builtin(builtinTypes[f.Type.Kind]))
	}
	p.constant, _ = k.literal(c.constant, want)
	p.nillable = p.constant.Kind == NullCell
}

func (k *queryCompiler) sourceFor(c *columnRule, f *ViewedField, scope *xpath.Scope, many bool, p *columnProgram) {
	if many {
		p.value = k.values(c.from, scope)
	} else {
		p.value = k.single(c.from, scope)
	}
	if p.value == nil {
		return
	}
	t := p.value.Type()
	p.nillable, p.optional = t.Nillable(), t.Optional()
	k.zone(c, t, p)
	k.fallback(c, t, p)
	if !k.view.Typed || f == nil {
		return
	}
	if complaint := misfit(t.Class, &ColumnModel{Name: f.Name, ColumnType: f.Type}); complaint != "" {
		k.fail(c.from.node, "%s: %s", f.Name, strings.Replace(complaint, "the column", "the field", 1))
	}
}

// single compiles an expression of at most one value.
func (k *queryCompiler) single(e *expression, scope *xpath.Scope) *xpath.Program {
	p := k.values(e, scope)
	if p != nil && p.Type().Repeats() {
		k.fail(e.node, "%s may be there several times, and one value is compared: compare with in:, or pick one with [1]", e.Source)
		return nil
	}
	return p
}

func (k *queryCompiler) ordered() {
	for _, w := range k.source.Order {
		name, desc, ok := orderBy(w)
		if !ok {
			k.fail(w.node, "expected a field, or a field and desc, as in ordered_at desc")
			continue
		}
		if f := k.fieldNamed(name, w.node, func(f *ViewedField) bool { return f.Sort }, "ordered by", "sort"); f == nil {
			continue
		}
		if slices.ContainsFunc(k.query.Order, func(o FieldOrder) bool { return o.Field == name }) {
			k.fail(w.node, "%s is in the order already", name)
			continue
		}
		k.query.Order = append(k.query.Order, FieldOrder{name, desc})
	}
}

// paged compiles how many rows a page has.
func (k *queryCompiler) paged(scope *xpath.Scope) {
	q := k.query
	q.Rows, q.Most = defaultPage, defaultMost
	r := k.source.Page
	if q.Key != nil {
		q.Rows, q.Most = 1, 1
		return
	}
	if r == nil || r.node == nil {
		return
	}
	q.Most = k.count(r.Most, q.Most, maxPage)
	q.Rows = k.count(r.Default, min(q.Rows, q.Most), q.Most)
	if r.Rows != nil {
		if q.rows = k.single(r.Rows, scope); q.rows != nil && q.rows.Type().Class != Integer {
			k.fail(r.Rows.node, "a page has a whole number of rows, and this is %s", q.rows.Type())
		}
	}
	if r.After != nil {
		if q.after = k.single(r.After, scope); q.after != nil && q.after.Type().Class != String && q.after.Type().Class != Untyped {
			k.fail(r.After.node, "where a page goes on is a text, and this is %s", q.after.Type())
		}
	}
}

// count reads a number of rows.
func (k *queryCompiler) count(n *config.Node, otherwise, most int) int {
	if n == nil {
		return otherwise
	}
	i, err := strconv.Atoi(n.Text())
	if err != nil || i < 1 || i > most {
		k.fail(n, "expected a number of rows from 1 to %d", most)
		return otherwise
	}
	return i
}

// reply compiles the reply, and finds out what it uses of the page.
func (k *queryCompiler) reply(shape pageShape) {
	op := k.mapping.Operation
	if op.Output == nil || op.Output.Element == nil {
		k.fail(k.source.Contract.node, "the operation %s answers with nothing; a query needs an answer", op.Name)
		return
	}
	page := shape.page(k.query, k.view)
	scope := k.payload()
	scope.Variables["page"] = &xpath.Variable{Shape: &xpath.Shape{Element: page}, Slot: pageSlot}
	k.mapping.reply = k.xml(op.Output.Element, k.source.Reply, scope)
	if k.mapping.reply == nil {
		return
	}
	s := &selector{compiler: k, page: page}
	k.query.Shown = s.selection()
	k.unpaged(s)
	k.expanded(k.source.Expand, &k.query.Shown, k.view)
}

// unpaged warns of pages that cannot go on.
func (k *queryCompiler) unpaged(s *selector) {
	if k.query.Key == nil && s.next != (k.query.after != nil) {
		at, missing := k.source.Reply.node, "the reply does not show $page/next"
		if s.next {
			missing = "no page.after: takes it from a request"
		}
		k.warn(at, "rows beyond the first page cannot be had: %s", missing)
	}
}

// expanded reads how many rows of children are asked for.
func (k *queryCompiler) expanded(rules expandRules, s *Selection, v *Viewed) {
	var known []string
	for _, c := range v.Children {
		known = append(known, c.Name)
	}
	for _, r := range rules {
		i := slices.IndexFunc(s.Children, func(c ChildSelection) bool { return c.Name == r.name })
		if i < 0 && slices.Contains(known, r.name) {
			k.fail(r.node, "the reply uses nothing of %s", r.name)
			continue
		}
		if i < 0 {
			k.fail(r.node, "the view %s has no child %s%s", v.Name, r.name, didYouMean(r.name, known))
			continue
		}
		s.Children[i].Rows = k.count(r.Rows, 0, maxExpanded)
		k.expanded(r.Expand, &s.Children[i].Shown, v.child(r.name))
	}
}

// selector gathers what expressions use of the page.
type selector struct {
	compiler *queryCompiler
	page     *contract.Element
	next     bool
}

func (s *selector) selection() Selection {
	var out Selection
	k := s.compiler
	for p, at := range k.mapping.places {
		for _, u := range p.Uses() {
			if u.Shape == nil {
				continue
			}
			for _, shape := range u.Shape.Kinds() {
				if path, ok := pagePath(s.page, shape); ok {
					s.use(&out, path, u.Whole, at)
				}
			}
		}
	}
	out.sort(k.view)
	return out
}

// use notes one path from the page.
func (s *selector) use(out *Selection, path []string, whole bool, at config.Fault) {
	k := s.compiler
	if whole {
		at.Message = "a row has no text of its own; name its fields"
		k.faults = append(k.faults, at)
	}
	s.next = s.next || slices.Equal(path, []string{NextElement})
	if len(path) > 0 && path[0] == RowElement {
		out.add(k.view, path[1:])
	}
}

// add adds what a path from a row leads to.
func (s *Selection) add(v *Viewed, path []string) {
	if len(path) == 0 {
		return
	}
	child := v.child(path[0])
	if child == nil {
		if !s.uses(path[0]) {
			s.Fields = append(s.Fields, path[0])
		}
		return
	}
	at := slices.IndexFunc(s.Children, func(c ChildSelection) bool { return c.Name == path[0] })
	if at < 0 {
		at = len(s.Children)
		s.Children = append(s.Children, ChildSelection{Name: path[0]})
	}
	if len(path) > 2 { // the child, its row, and what is in it
		s.Children[at].Shown.add(child, path[2:])
	}
}

// sort puts fields and children in the order of the view: expressions are gathered in
// none.
func (s *Selection) sort(v *Viewed) {
	place := func(name string) int {
		if i := slices.IndexFunc(v.Fields, func(f ViewedField) bool { return f.Name == name }); i >= 0 {
			return i
		}
		return len(v.Fields) + slices.IndexFunc(v.Children, func(c ViewedChild) bool { return c.Name == name })
	}
	slices.SortFunc(s.Fields, func(a, b string) int { return place(a) - place(b) })
	slices.SortFunc(s.Children, func(a, b ChildSelection) int { return place(a.Name) - place(b.Name) })
	for i := range s.Children {
		s.Children[i].Shown.sort(v.child(s.Children[i].Name))
	}
}
