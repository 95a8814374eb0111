package compat

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// content compares the content models of two types of child elements (XSD 1.0
// part 1 §3.8). Whether anything is refused or admitted is decided by the models;
// what has changed is put into words child by child, and what those words do not
// account for is shown by an example.
func (c *comparison) content(n *node, at finding, old, new *contract.Type) {
	a := c.alphabet(old.Content, new.Content)
	gone, come := a.include(old.Content, new.Content), a.include(new.Content, old.Content)
	w := &contentWords{comparison: c, node: n, at: at, gone: gone, come: come, oldType: old, newType: new}
	w.children()
	w.moved()
	w.unaccounted()
	for _, m := range sortedMet(gone.met) {
		c.meet(n, m.symbol, m.from, m.to)
	}
	for _, m := range sortedMet(come.met) {
		c.meet(n, m.symbol, m.to, m.from)
	}
}

func sortedMet(in map[met]bool) []met {
	out := make([]met, 0, len(in))
	for m := range in {
		out = append(out, m)
	}
	slices.SortFunc(out, func(x, y met) int {
		return cmp.Or(compareNames(x.symbol, y.symbol), comparePositions(x.from.position(), y.from.position()), comparePositions(x.to.position(), y.to.position()))
	})
	return out
}

func (l leaf) position() contract.Position {
	if l.element == nil {
		return contract.Position{}
	}
	return l.element.Position
}

// contentWords says how the children of a type differ.
type contentWords struct {
	*comparison
	node             *node
	at               finding
	gone, come       *inclusion // what the new model refuses of the old one, and the other way round
	oldType, newType *contract.Type
	// refuses and admits are what the words so far account for.
	refuses, admits verdict
}

// find adds a finding. Nothing refuses where the models as a whole do not.
func (w *contentWords) find(f finding) {
	if w.gone.refused == no {
		f.refuses = no
	}
	if w.come.refused == no {
		f.admits = no
	}
	w.refuses, w.admits = max(w.refuses, f.refuses), max(w.admits, f.admits)
	w.node.find(f)
}

// children compares what may occur, each child with its cardinality.
func (w *contentWords) children() {
	before, after := w.oldType.Children(), w.newType.Children()
	renamed := map[contract.Name]bool{}
	for _, was := range before {
		name := w.names.now(was.Element.Name)
		if i := childNamed(after, name); i >= 0 {
			w.cardinality(was, after[i])
			continue
		}
		if i := w.sameLocal(before, after, was); i >= 0 {
			renamed[after[i].Element.Name] = true
			w.childForm(was, after[i])
			continue
		}
		w.childGone(was, after)
	}
	for _, now := range after {
		if !renamed[now.Element.Name] && !slices.ContainsFunc(before, func(was contract.Child) bool { return w.names.now(was.Element.Name) == now.Element.Name }) {
			w.childCame(now)
		}
	}
	w.substitutes(before, after)
}

func childNamed(in []contract.Child, name contract.Name) int {
	return slices.IndexFunc(in, func(c contract.Child) bool { return c.Element.Name == name })
}

// sameLocal finds the child that was only moved to another namespace: the one of
// the same local name that is new.
func (w *contentWords) sameLocal(before, after []contract.Child, was contract.Child) int {
	return slices.IndexFunc(after, func(now contract.Child) bool {
		return now.Element.Name.Local == was.Element.Name.Local &&
			!slices.ContainsFunc(before, func(other contract.Child) bool { return w.names.now(other.Element.Name) == now.Element.Name })
	})
}

func (c *comparison) step(name contract.Name) string { return "/" + c.names.text(name) }

func (w *contentWords) childForm(was, now contract.Child) {
	w.find(finding{kind: "element-namespace", step: w.step(now.Element.Name), refuses: yes, admits: yes,
		what: "the element is in another namespace", was: space(was.Element.Name), is: space(now.Element.Name),
		old: was.Element.Position, new: now.Element.Position})
	w.cardinality(was, now)
	w.node.lead(w.step(now.Element.Name), w.elementNode(was.Element, now.Element))
}

func (w *contentWords) childGone(was contract.Child, after []contract.Child) {
	f := finding{kind: "element-removed", step: w.step(was.Element.Name), old: was.Element.Position, new: w.at.new,
		what: "the element is gone", was: occurs(was), refuses: yes, admits: sure(was.Min > 0)}
	if other := w.likely(was, after); other != nil {
		f.what = fmt.Sprintf("the element is gone; perhaps it is %s now", w.names.text(other.Element.Name))
	}
	w.find(f)
}

// likely is the child that one which is gone may have become: new, and of the
// same named type.
func (w *contentWords) likely(was contract.Child, after []contract.Child) *contract.Child {
	var out *contract.Child
	for i, now := range after {
		same := was.Element.Type.Name.Local != "" && w.names.now(was.Element.Type.Name) == now.Element.Type.Name
		known := slices.ContainsFunc(w.oldType.Children(), func(c contract.Child) bool { return w.names.now(c.Element.Name) == now.Element.Name })
		if same && !known {
			if out != nil {
				return nil
			}
			out = &after[i]
		}
	}
	return out
}

func (w *contentWords) childCame(now contract.Child) {
	f := finding{kind: "element-added", step: w.step(now.Element.Name), old: w.at.old, new: now.Element.Position,
		what: "an optional element has come", is: occurs(now), admits: yes}
	if now.Min > 0 {
		f.kind, f.what, f.refuses = "element-required", "a required element has come", yes
	}
	w.find(f)
}

// cardinality compares how often a child may occur when all groups around it
// are taken together.
func (w *contentWords) cardinality(was, now contract.Child) {
	if was.Min == now.Min && was.Max == now.Max {
		return
	}
	narrower := now.Min > was.Min || now.Max != contract.Unbounded && (was.Max == contract.Unbounded || now.Max < was.Max)
	wider := now.Min < was.Min || was.Max != contract.Unbounded && (now.Max == contract.Unbounded || now.Max > was.Max)
	f := finding{step: w.step(now.Element.Name), old: was.Element.Position, new: now.Element.Position,
		was: occurs(was), is: occurs(now), refuses: sure(narrower), admits: sure(wider)}
	switch {
	case was.Min == 0 && now.Min > 0:
		f.kind, f.what = "element-required", "the element is required now"
	case was.Min > 0 && now.Min == 0 && !narrower:
		f.kind, f.what = "element-optional", "the element is no longer required"
	case narrower && wider:
		f.kind, f.what = "cardinality-changed", "the element may occur another number of times"
	case narrower:
		f.kind, f.what = "cardinality-narrowed", "the element may not occur as many times as it did"
		if now.Min > was.Min {
			f.what = "the element must occur more often"
		}
	default:
		f.kind, f.what = "cardinality-widened", "the element may occur more often"
		if now.Min < was.Min {
			f.what = "the element need not occur so often"
		}
	}
	w.find(f)
}

func occurs(c contract.Child) string {
	return strconv.Itoa(c.Min) + ".." + most(c.Max)
}

func most(n int) string {
	if n == contract.Unbounded {
		return "unbounded"
	}
	return strconv.Itoa(n)
}

// substitutes compares the members of substitution groups (§3.3.6).
func (w *contentWords) substitutes(before, after []contract.Child) {
	for _, was := range before {
		i := childNamed(after, w.names.now(was.Element.Name))
		if i < 0 {
			continue
		}
		now := after[i].Element
		gone, come := w.members(was.Element, now)
		for _, e := range gone {
			w.find(finding{kind: "substitute-removed", step: w.step(now.Name), old: e.Position, new: now.Position, refuses: yes,
				what: fmt.Sprintf("%s may no longer stand for the element", w.names.text(e.Name))})
		}
		for _, e := range come {
			w.find(finding{kind: "substitute-added", step: w.step(now.Name), old: was.Element.Position, new: e.Position, admits: yes,
				what: fmt.Sprintf("%s may stand for the element", w.names.text(e.Name))})
		}
		w.headBlock(was.Element, now)
		if was.Element.Abstract != now.Abstract {
			w.find(finding{kind: "element-abstract", step: w.step(now.Name), old: was.Element.Position, new: now.Position,
				refuses: sure(now.Abstract), admits: sure(was.Element.Abstract),
				what: map[bool]string{true: "the element is abstract now: only its substitutes may occur", false: "the element is no longer abstract"}[now.Abstract]})
		}
	}
}

// headBlock compares what an abstract head and its type block; no message has
// the head itself, so that nothing else leads there.
func (w *contentWords) headBlock(old, new *contract.Element) {
	if !old.Abstract && !new.Abstract {
		return
	}
	at := finding{step: w.step(new.Name), old: old.Position, new: new.Position}
	had, has := len(old.Substitutes) > 0, len(new.Substitutes) > 0
	blocked(w.node, at, "the element", elementBlock(old), elementBlock(new), had, has)
	blocked(w.node, at, "the element's type", typeBlock(old.Type), typeBlock(new.Type), had, has)
}

// members are the substitutes that only one of two declarations has.
func (w *contentWords) members(old, new *contract.Element) (gone, come []*contract.Element) {
	before := map[contract.Name]bool{}
	for _, e := range old.Substitutes {
		before[w.names.now(e.Name)] = !e.Abstract
	}
	after := map[contract.Name]bool{}
	for _, e := range new.Substitutes {
		if after[e.Name] = !e.Abstract; !e.Abstract && !before[e.Name] {
			come = append(come, e)
		}
	}
	for _, e := range old.Substitutes {
		if !e.Abstract && !after[w.names.now(e.Name)] {
			gone = append(gone, e)
		}
	}
	return gone, come
}

// moved reports children of a plain sequence that stand elsewhere among the
// others.
func (w *contentWords) moved() {
	if w.gone.refused == no && w.come.refused == no || !sequence(w.oldType) || !sequence(w.newType) {
		return
	}
	var before, after []contract.Name
	for _, was := range w.oldType.Children() {
		if name := w.names.now(was.Element.Name); childNamed(w.newType.Children(), name) >= 0 {
			before = append(before, name)
		}
	}
	for _, now := range w.newType.Children() {
		if slices.Contains(before, now.Element.Name) {
			after = append(after, now.Element.Name)
		}
	}
	kept := inOrder(before, after)
	for i, name := range after {
		if kept[name] {
			continue
		}
		now := w.newType.Children()[childNamed(w.newType.Children(), name)]
		was := slices.IndexFunc(w.oldType.Children(), func(c contract.Child) bool { return w.names.now(c.Element.Name) == name })
		f := finding{kind: "element-moved", step: w.step(name), old: w.oldType.Children()[was].Element.Position, new: now.Element.Position,
			what: "the element stands in another place", refuses: yes, admits: yes,
			was: w.behind(before, slices.Index(before, name)), is: w.behind(after, i)}
		w.find(f)
	}
}

func sequence(t *contract.Type) bool {
	return t.Content != nil && t.Content.Kind == contract.Sequence && t.Content.Max == 1
}

func (w *contentWords) behind(names []contract.Name, i int) string {
	if i == 0 {
		return "first"
	}
	return "after " + w.names.text(names[i-1])
}

// inOrder returns the longest part of both lists that stands in the same order.
func inOrder(a, b []contract.Name) map[contract.Name]bool {
	place := map[contract.Name]int{}
	for i, name := range a {
		place[name] = i
	}
	best := make([]int, len(b)) // length of the longest rising run that ends at i
	from := make([]int, len(b))
	end := -1
	for i, name := range b {
		best[i], from[i] = 1, -1
		for j := range i {
			if place[b[j]] < place[name] && best[j] >= best[i] {
				best[i], from[i] = best[j]+1, j
			}
		}
		if end < 0 || best[i] > best[end] {
			end = i
		}
	}
	out := map[contract.Name]bool{}
	for ; end >= 0; end = from[end] {
		out[b[end]] = true
	}
	return out
}

// unaccounted reports what no word so far is about: groups that changed, or
// wildcards.
func (w *contentWords) unaccounted() {
	refuses, admits := w.gone.refused, w.come.refused
	if w.refuses >= refuses {
		refuses = no
	}
	if w.admits >= admits {
		admits = no
	}
	if refuses == no && admits == no {
		return
	}
	f := w.at
	f.kind, f.what, f.refuses, f.admits = "content-model", "which elements may stand together, and in which order, has changed", refuses, admits
	f.refused, f.admitted = w.example(w.gone), w.example(w.come)
	if w.aboutWildcards() {
		f.kind, f.what = "wildcard-changed", "which other elements a wildcard takes has changed"
		switch {
		case admits == no:
			f.kind, f.what = "wildcard-narrowed", "a wildcard takes fewer elements than it did"
		case refuses == no:
			f.kind, f.what = "wildcard-widened", "a wildcard takes more elements than it did"
		}
	}
	w.find(f)
}

// aboutWildcards reports whether both examples end with an element that only a
// wildcard can have taken.
func (w *contentWords) aboutWildcards() bool {
	for _, in := range []*inclusion{w.gone, w.come} {
		if in.refused != yes {
			continue
		}
		if in.ends || len(in.example) == 0 || in.example[len(in.example)-1].Local != "" {
			return false
		}
	}
	return true
}

// example writes a sequence that one model takes and the other refuses.
func (w *contentWords) example(in *inclusion) string {
	if in.refused != yes {
		return ""
	}
	const most = 4
	words := make([]string, 0, len(in.example))
	for _, s := range in.example {
		words = append(words, w.symbolText(s))
	}
	if len(words) > most {
		words = append([]string{"…"}, words[len(words)-most:]...)
	}
	if in.ends {
		words = append(words, "and nothing more")
	}
	out := strings.Join(words, " ")
	if len(in.next) > 0 {
		next := make([]string, 0, len(in.next))
		for _, s := range in.next {
			next = append(next, w.symbolText(s))
		}
		out += ", where " + listed(next) + " may come"
	}
	return out
}

func (c *comparison) symbolText(s symbol) string {
	switch {
	case s.Local != "":
		return "<" + c.names.text(s) + ">"
	case s.Space == elsewhere:
		return "an element of " + elsewhere
	case s.Space == "":
		return "an element without namespace"
	}
	return "another element of " + s.Space
}
