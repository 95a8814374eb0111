package encoded

import (
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// isArray reports whether an element says that it is an array.
func isArray(v document.Node) bool {
	_, is11 := v.Attr(nameArrayType)
	_, is12 := v.Attr(nameItemType)
	_, sized := v.Attr(nameArraySize)
	return is11 || is12 || sized
}

// arrayless complains about an array where the contract has none.
func (w *normaliser) arrayless(v document.Node, t *contract.Type) bool {
	if !isArray(v) {
		return true
	}
	w.complain(v, fault.Detail{Message: "an array stands where the contract has none", Found: "<" + v.QName() + ">", Expected: expectedType(t)})
	return false
}

// shape is what an array says of itself (SOAP 1.1 §5.4.2, SOAP 1.2 part 2 §3.1.4.2).
type shape struct {
	item  document.Name // the members' type, or nothing
	sizes []int         // of each dimension; unsaid where it is not said
}

// unsaid is a size that follows from how many members there are.
const unsaid = -1

// array writes the members of an array. a is nil where the contract takes
// anything: they keep their names then.
func (w *normaliser) array(v document.Node, a *contract.Array) {
	if v.HasText() {
		w.complain(v, fault.Detail{Message: "text stands between the members of an array", Found: quote(trim(v.Text())), Expected: "elements only"})
	}
	var members []document.Node
	for c := range v.Children() {
		members = append(members, c)
	}
	s, ok := w.shape(v)
	if !ok || !w.whole(v, members, s) {
		return
	}
	if a == nil {
		for _, c := range members {
			member := w.undeclared(c)
			member.claimed = s.item
			w.element(member)
		}
		return
	}
	if a.Dimensions > 1 && !isArray(v) { // in rows already
		s.sizes = []int{len(members)}
	} else if a.Dimensions != len(s.sizes) {
		w.complain(v, fault.Detail{Message: "the array has another number of dimensions than in the contract", Found: strconv.Itoa(len(s.sizes)), Expected: strconv.Itoa(a.Dimensions)})
		return
	}
	w.rows(v, a.Item, members, s.sizes, s.item)
}

// rows writes the members of a level. Of an array of several dimensions they
// are sent in one row, the last dimension the quickest.
func (w *normaliser) rows(v document.Node, item *contract.Element, members []document.Node, sizes []int, claimed document.Name) {
	if len(sizes) == 1 {
		for _, c := range members {
			w.element(accessor{node: c, declared: item, claimed: claimed})
		}
		return
	}
	for i := range sizes[0] {
		if !w.enter(v, v) {
			return
		}
		size := len(members) / sizes[0]
		outer := w.startTag(item.Name, v, v)
		w.dst = append(w.dst, '>')
		content := len(w.dst)
		w.rows(v, item.Type.Children()[0].Element, members[i*size:(i+1)*size], sizes[1:], claimed)
		w.end(item.Name, content)
		w.within = outer
		w.leave()
	}
}

// whole reports whether all members are there, each in its place. An array that
// is sent in part (SOAP 1.1 §5.4.2.1) or sparsely (§5.4.2.2) is refused: what is
// between its members nobody could tell.
func (w *normaliser) whole(v document.Node, members []document.Node, s shape) bool {
	if offset, ok := v.Attr(nameOffset); ok && !isIndex(offset, 0, s.sizes) {
		w.complain(v, fault.Detail{Message: "an array of which only a part is sent is not taken", Found: "offset=" + quote(offset), Expected: "all members, from the first"})
		return false
	}
	for i, c := range members {
		if position, ok := c.Attr(namePosition); ok && !isIndex(position, i, s.sizes) {
			w.complain(c, fault.Detail{Message: "an array of which members are left out is not taken", Found: "position=" + quote(position), Expected: "all members in their order"})
			return false
		}
	}
	wanted, known := 1, true
	for _, size := range s.sizes {
		known = known && size != unsaid
		wanted = min(wanted*max(size, 0), maxSize)
	}
	switch {
	case known && wanted == len(members):
		return true
	case known:
		w.complain(v, fault.Detail{Message: "the array has another number of members than it says", Found: strconv.Itoa(len(members)), Expected: strconv.Itoa(wanted)})
	case len(s.sizes) == 1:
		s.sizes[0] = len(members)
		return true
	default:
		w.complain(v, fault.Detail{Message: "an array of several dimensions does not say how large each is"})
	}
	return false
}

// isIndex reports whether s is the place of a member: [3], or [0,3] where there
// are several dimensions.
func isIndex(s string, at int, sizes []int) bool {
	want := make([]string, len(sizes))
	for i := len(sizes) - 1; i >= 0; i-- {
		if sizes[i] > 0 && i > 0 {
			want[i], at = strconv.Itoa(at%sizes[i]), at/sizes[i]
		} else {
			want[i] = strconv.Itoa(at)
		}
	}
	return strings.ReplaceAll(s, " ", "") == "["+strings.Join(want, ",")+"]"
}

// shape reads what an array says of itself. ok is false when it cannot be read.
func (w *normaliser) shape(v document.Node) (s shape, ok bool) {
	if value, given := v.Attr(nameArrayType); given {
		s, ok = w.shape11(v, trim(value))
		if !ok {
			w.complain(v, fault.Detail{Message: "arrayType is not the name of a type, whose prefix is declared, with sizes in brackets", Found: "arrayType=" + quote(value), Expected: "one such as xsd:string[2]"})
		}
		return s, ok
	}
	s.sizes = []int{unsaid}
	if value, given := v.Attr(nameItemType); given {
		name, bound := expand(v, trim(value))
		if !bound {
			w.complain(v, fault.Detail{Message: "itemType is not a name whose prefix is declared", Found: "itemType=" + quote(value), Expected: "one such as xsd:string"})
			return s, false
		}
		s.item = modern(name)
	}
	if value, given := v.Attr(nameArraySize); given {
		if s.sizes, ok = sizes12(value); !ok {
			w.complain(v, fault.Detail{Message: "arraySize is no list of sizes", Found: "arraySize=" + quote(value), Expected: "one such as 2"})
			return s, false
		}
	}
	return s, true
}

// What a sender may say of an array. No message has members for that size.
const (
	maxDimensions = 8
	maxSize       = 1 << 24
)

// shape11 reads an arrayType: a type, the ranks of members that are arrays, and
// the sizes of this one.
func (w *normaliser) shape11(v document.Node, value string) (s shape, ok bool) {
	qname, ranks, _ := strings.Cut(value, "[")
	name, ok := expand(v, trim(qname))
	inner, last, nested := cutLast(ranks, "[")
	sizes, closed := strings.CutSuffix(trim(last), "]")
	if !ok || !closed {
		return s, false
	}
	if s.item = modern(name); nested {
		if strings.Trim(inner, "[], ") != "" {
			return s, false
		}
		s.item = nameArray
	}
	for field := range strings.SplitSeq(sizes, ",") {
		size, ok := sizeOf(trim(field), "")
		if !ok || len(s.sizes) == maxDimensions {
			return s, false
		}
		s.sizes = append(s.sizes, size)
	}
	return s, true
}

// cutLast cuts s at the last sep; all of it is after when there is none.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

// sizes12 reads an arraySize: sizes with blanks between them, of which the first
// may be *.
func sizes12(value string) (sizes []int, ok bool) {
	for field := range strings.FieldsSeq(value) {
		size, ok := sizeOf(field, "*")
		if !ok || size == unsaid && len(sizes) > 0 || len(sizes) == maxDimensions {
			return nil, false
		}
		sizes = append(sizes, size)
	}
	return sizes, len(sizes) > 0
}

func sizeOf(s, open string) (size int, ok bool) {
	if s == open {
		return unsaid, true
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return int(min(n, maxSize)), err == nil
}
