package odata

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
)

// The bounds of a query.
const (
	MaxQuery = 32 << 10 // bytes of the query as it comes
	maxText  = 8 << 10  // bytes of its values when decoded, all together
	maxDepth = 32       // parentheses and negations within each other
	maxTerms = 100      // values that fields are compared with
	// DefaultTop is how many rows a page has when nobody says, MaxTop the most.
	DefaultTop = 100
	MaxTop     = 1000
)

// The options that are taken.
const (
	optFilter    = "$filter"
	optSelect    = "$select"
	optOrderBy   = "$orderby"
	optTop       = "$top"
	optCount     = "$count"
	optExpand    = "$expand"
	optSkipToken = "$skiptoken"
	optFormat    = "$format"
)

var taken = []string{optFilter, optSelect, optOrderBy, optTop, optCount, optExpand, optSkipToken, optFormat}

// refused are the standard's other options (URL Conventions §5.1), and why.
var refused = map[string]string{
	"$skip":          "a page is found by where the one before ended: follow its @odata.nextLink. Counting rows away costs more with every page",
	"$search":        "free text is not searched; $filter has startswith and contains",
	"$apply":         "nothing is aggregated here",
	"$compute":       "nothing is computed here",
	"$index":         "nothing has an index here",
	"$levels":        "children are expanded by name",
	"$schemaversion": "there is one version of each view",
	"$deltatoken":    "changes are told by streams",
	"$id":            "a row is addressed by its key",
}

// options are the parts of a query.
type options struct {
	texts      map[string]*text // by option, or alias with its @
	order      []string         // of aliases
	pairs      []string         // the query as it came, without $skiptoken
	complaints []Complaint
}

// split takes a query apart at its ampersands.
func split(query string) *options {
	o := &options{texts: map[string]*text{}}
	if len(query) > MaxQuery {
		o.complain("", 0, "the query has %d bytes; at most %d are read", len(query), MaxQuery)
		return o
	}
	at, room := 0, maxText
	for pair := range strings.SplitSeq(query, "&") {
		if pair != "" {
			room -= o.take(pair, at)
		}
		at += len(pair) + 1
	}
	if room < 0 {
		o.complaints = nil
		o.complain("", 0, "the options have %d bytes in all; at most %d are read", maxText-room, maxText)
		o.texts = map[string]*text{}
	}
	return o
}

func (o *options) complain(option string, at int, format string, args ...any) {
	c := (&text{option: option, at: at}).wrong(0, "", "", format, args...)
	c.Position = 0
	o.complaints = append(o.complaints, c)
}

// take reads one pair, which begins at an offset of the query, and returns how many
// bytes its value has.
func (o *options) take(pair string, at int) int {
	rawName, raw, _ := strings.Cut(pair, "=")
	given, bad := decode(rawName)
	if bad >= 0 {
		o.complain("", at+bad, "a percent sign begins no escape here; itself it is written %%25")
		return 0
	}
	name := o.option(given, at)
	if name == "" {
		return 0
	}
	t := &text{option: name, raw: raw, at: at + len(rawName) + 1}
	if t.value, bad = decode(raw); bad >= 0 {
		o.complain(name, t.at+bad, "a percent sign begins no escape here; itself it is written %%25")
		return 0
	}
	if i := unclean(t.value); i >= 0 {
		o.complaints = append(o.complaints, t.wrong(i, "", "", "a control character, or bytes that are no UTF-8"))
		return 0
	}
	if o.texts[name] != nil {
		o.complain(name, at, "is given twice; with and without its dollar it is one option")
		return 0
	}
	o.texts[name] = t
	if name[0] == '@' {
		o.order = append(o.order, name)
	}
	if name != optSkipToken {
		o.pairs = append(o.pairs, pair)
	}
	return len(t.value)
}

// option is the standard's spelling of a name as it was given, or empty when it is
// none that is taken. Case is no matter, nor is the dollar (4.01 §5.1); of an alias
// case is.
func (o *options) option(given string, at int) string {
	if strings.HasPrefix(given, "@") && isName(given[1:]) {
		return given
	}
	name := "$" + strings.ToLower(strings.TrimPrefix(given, "$"))
	if slices.Contains(taken, name) {
		return name
	}
	if why := refused[name]; why != "" {
		o.complain(name, at, "is not offered: %s", why)
		return ""
	}
	shown := clip(given)
	if meant := config.Nearest(name, taken); meant != "" {
		o.complain(shown, at, "is no option here; %s is", meant)
		return ""
	}
	o.complain(shown, at, "is no option here; those are %s", strings.Join(taken, ", "))
	return ""
}

// isName reports whether s can be the name of a field, a child or an alias.
func isName(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && (i == 0 || !isDigit(s[i])) {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
