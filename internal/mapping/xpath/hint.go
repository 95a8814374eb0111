package xpath

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// synonyms are functions of other languages that people write out of habit.
var synonyms = map[string]string{
	"coalesce": "(a, b)[1] is the first that is there", "isnull": "(a, b)[1] is the first that is there", "ifnull": "(a, b)[1] is the first that is there", "nvl": "(a, b)[1] is the first that is there",
	"iif": "write if (…) then … else …", "case": "write if (…) then … else …",
	"upper": "the name is upper-case", "ucase": "the name is upper-case", "toupper": "the name is upper-case",
	"lower": "the name is lower-case", "lcase": "the name is lower-case", "tolower": "the name is lower-case",
	"trim": "the name is normalize-space", "ltrim": "the name is normalize-space", "rtrim": "the name is normalize-space",
	"len": "the name is string-length", "length": "the name is string-length", "substr": "the name is substring", "left": "write substring(text, 1, n)",
	"getdate": "a mapping has no clock; use $message/receivedAt", "now": "a mapping has no clock; use $message/receivedAt", "sysdate": "a mapping has no clock; use $message/receivedAt",
	"newid": "use $message/id", "uuid": "use $message/id", "guid": "use $message/id",
	"cast": "write value cast as xs:integer, or xs:integer(value)", "convert": "write xs:integer(value) and its kin", "parseint": "write xs:integer(value)", "tonumber": "write xs:decimal(value)",
	"tostring": "the name is string", "str": "the name is string", "to_char": "use format-date, format-dateTime or format-number", "to_date": "write xs:date(value)",
	"format": "use format-date, format-dateTime or format-number", "indexof": "use contains, or substring-before", "charindex": "use contains, or substring-before",
}

// meant explains a function that does not exist.
func meant(name string) string {
	if hint, ok := synonyms[strings.ToLower(name)]; ok {
		return "; " + hint
	}
	return didYouMean("", name, functionNames)
}

// habit explains a symbol of another language where the parser found it; before
// is the symbol in front of it.
func habit(before, symbol string) string {
	switch {
	case symbol == ":":
		return "; a prefix, a colon and a name stand together, and a minus needs spaces around it"
	case symbol == "=" && before == "=":
		return "; equality is written ="
	case symbol == ">" && before == "<":
		return "; inequality is written !="
	case symbol == "?":
		return "; a choice is written if (…) then … else …"
	case symbol == "{":
		return "; an expression stands without braces"
	case symbol == "." && before == "$":
		return "; a path is written with slashes, from the payload's children on"
	}
	return ""
}

// maxAstray is how many elements are looked at for the place of one that stands
// elsewhere: types may hold each other exponentially often.
const maxAstray = 2000

// astray explains where the name stands that a shape does not have as a child: at
// the top of the message, further down, or among the variables.
func (sc *Scope) astray(s *Shape, name contract.Name) string {
	if s.Element == nil {
		return ""
	}
	root := s
	for root.Parent != nil {
		root = root.Parent
	}
	first := s == sc.Context
	switch {
	case root.Element == nil:
	case first && root.Element.Name == name && s == root:
		return "; a path begins with its children, or is written /" + sc.display(name)
	case first && root.Element.Name == name:
		return "; from the top of the message it is /" + sc.display(name)
	case first && s != root && root.parents(name):
		return "; paths begin at " + sc.name(s) + " here, and from the top of the message it is /" + sc.display(root.Element.Name) + "/" + sc.display(name)
	}
	if v := sc.Variables[name.Local]; first && v != nil && name.Space == "" {
		return "; did you mean $" + name.Local + "?"
	}
	if path := sc.below(s.Element, name); path != "" {
		return "; " + sc.display(name) + " stands in " + path
	}
	return ""
}

func (s *Shape) parents(name contract.Name) bool {
	_, ok := s.child(name)
	return ok
}

// below is the way to the nearest element that has a child of the name, if there
// is one. It keeps its own queue: contracts may be deep.
func (sc *Scope) below(el *contract.Element, name contract.Name) string {
	type place struct {
		path string
		t    *contract.Type
	}
	queue, seen := []place{{"", el.Type}}, map[*contract.Type]bool{}
	for looked := 0; len(queue) > 0 && looked < maxAstray; looked++ {
		at := queue[0]
		queue = queue[1:]
		if at.t == nil || seen[at.t] {
			continue
		}
		seen[at.t] = true
		for _, c := range at.t.Children() {
			if c.Element.Name == name && at.path != "" {
				return at.path
			}
			path := sc.display(c.Element.Name)
			if at.path != "" {
				path = at.path + "/" + path
			}
			if len(path) < 200 {
				queue = append(queue, place{path, c.Element.Type})
			}
		}
	}
	return ""
}
