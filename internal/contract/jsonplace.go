package contract

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// jsonPlaces knows which value each line of a JSONDocument's XML was made of.
type jsonPlaces struct {
	jsonText
	marks []int32
	lines lineIndex
}

// trace converts the text once more, keeping a record: only messages with
// faults pay for it.
func (d *JSONDocument) trace() *jsonPlaces {
	c := &jsonConverter{marking: true}
	if err := c.convert(d.element, d.src); err != nil {
		return &jsonPlaces{} // it did convert before: somebody has written to the bytes
	}
	return &jsonPlaces{c.jsonText, c.marks, newLines(d.src)}
}

// Locate translates a detail about the XML into one about the JSON text: line
// and column are those of the value in question, the path is a JSON Pointer
// (RFC 6901), empty for the text as a whole. A detail without a line is not about
// the message and stays as it is.
func (d *JSONDocument) Locate(detail fault.Detail) fault.Detail {
	if detail.Line < 1 {
		return detail
	}
	p := d.places()
	if detail.Line > len(p.marks) {
		return detail
	}
	return p.locate(p.marks[detail.Line-1], detail)
}

// locate translates a detail whose line is that of the element made of a value.
// Its path may be that of an ancestor: what is missing is told with the line
// before which it is missed; or lead on to what is not there.
func (p *jsonPlaces) locate(id int32, d fault.Detail) fault.Detail {
	path, attr, _ := strings.Cut(d.Path, "/@")
	var steps []string
	if path != "" {
		steps = strings.Split(path[1:], "/")
		for depth := p.level(id); depth > len(steps); depth-- {
			id = p.outer(id)
		}
	}
	beyond := steps[min(p.level(id), len(steps)):]
	if len(beyond) == 0 {
		if m := p.within(id, attr, d); m != none {
			id, attr = m, ""
		}
	}
	pointer := p.appendPointer(nil, id)
	for _, step := range beyond {
		pointer = append(append(pointer, '/'), stepName(step)...)
	}
	if attr != "" {
		pointer = append(append(pointer, "/@"...), stepName(attr)...)
	}
	d = inJSON(d)
	d.Path = string(pointer)
	d.Line, d.Column = p.lines.position(p.at(id))
	return d
}

// level returns how many elements there are down to the one made of a value,
// itself included.
func (p *jsonPlaces) level(id int32) int {
	n := 0
	for ; id != none; id = p.outer(id) {
		n++
	}
	return n
}

// outer returns the value of the element around.
func (p *jsonPlaces) outer(id int32) int32 {
	parent := p.values[id].parent
	if parent != none && p.values[parent].kind == jsonArray {
		return p.values[parent].parent
	}
	return parent
}

// within returns the member that holds what a detail about the element is about:
// an attribute, or the element's value; or none.
func (p *jsonPlaces) within(id int32, attr string, d fault.Detail) int32 {
	switch {
	case p.values[id].kind != jsonObject:
		return none
	case strings.HasPrefix(d.Found, "xsi:nil="):
		return p.member(id, keyNil)
	case strings.HasPrefix(d.Message, "xsi:type "):
		return p.member(id, keyType)
	case attr == "" && (d.Source != "" || strings.HasPrefix(d.Message, "the value ")):
		return p.member(id, keyValue)
	case attr == "":
		return none
	}
	local := stepName(attr)
	for m := p.values[id].first; m != none; m = p.values[m].next {
		key, ok := strings.CutPrefix(string(p.key(m)), "@")
		if ok && (key == local || strings.HasPrefix(key, "{") && strings.HasSuffix(key, "}"+local)) {
			return m
		}
	}
	return none
}

// stepName is the local name of a step of a path.
func stepName(step string) string {
	step, _, _ = strings.Cut(step, "[")
	_, local := document.SplitQName(step)
	return local
}

// inJSON puts the words of a detail right where they speak of tags.
func inJSON(d fault.Detail) fault.Detail {
	switch {
	case d.Found == `xsi:nil="true"`:
		d.Message, d.Found = "null is not allowed here", "null"
	case strings.HasPrefix(d.Found, "<"), strings.HasPrefix(d.Found, "the end of "):
		d.Found = ""
	case d.Message == "a required attribute is missing":
		d.Found, d.Expected = "", "@"+d.Expected
	}
	return d
}
