package odata

import (
	"slices"
	"strconv"
	"strings"
)

// Request is what a query asks for, as it is written. It is held against a view by
// Bind.
type Request struct {
	Filter    Node   // nil: none
	Select    []Name // nil: none is named
	All       bool   // $select has a star
	OrderBy   []OrderBy
	Top       int // DefaultTop when nobody says
	Count     bool
	Expand    []Expansion
	SkipToken string
	Format    string // one of Formats, or empty

	texts   map[string]*text
	aliases map[string]Literal
	pairs   []string
}

// OrderBy is one key of the order.
type OrderBy struct {
	Field Name
	Desc  bool
}

// Expansion asks for a child.
type Expansion struct {
	Child  Name
	Select []Name
	All    bool
	Top    int // 0: nobody says
	Expand []Expansion
}

// Parse reads the query of an address, without its question mark and as it came. The
// error is a *Refusal, which lists the first complaint about each option.
func Parse(query string) (*Request, error) {
	o := split(query)
	r := &Request{Top: DefaultTop, texts: o.texts, aliases: map[string]Literal{}, pairs: o.pairs}
	complaints := o.complaints
	for _, part := range []struct {
		option string
		read   func(*parser)
	}{
		{optFilter, func(p *parser) { r.Filter = p.filter() }},
		{optSelect, func(p *parser) { r.Select, r.All = p.selected(); p.end(`"," or the end`) }},
		{optOrderBy, func(p *parser) { r.OrderBy = p.orderBy() }},
		{optTop, func(p *parser) { r.Top = p.top(); p.end("the end") }},
		{optCount, func(p *parser) { r.Count = p.boolean() }},
		{optExpand, func(p *parser) { r.Expand = p.expansions(); p.end(`"," or the end`) }},
		{optFormat, func(p *parser) { r.Format = p.format() }},
	} {
		if t := o.texts[part.option]; t != nil {
			complaints = read(t, part.read, complaints)
		}
	}
	for _, name := range o.order {
		complaints = read(o.texts[name], func(p *parser) { r.alias(name, p) }, complaints)
	}
	if t := o.texts[optSkipToken]; t != nil {
		r.SkipToken = t.value
		if t.value == "" {
			complaints = append(complaints, t.wrong(0, "the end", "", "is empty: follow the @odata.nextLink as it came"))
		}
	}
	if err := refusal(complaints); err != nil {
		return nil, err
	}
	return r, nil
}

func read(t *text, with func(*parser), complaints []Complaint) []Complaint {
	p := newParser(t)
	with(p)
	if p.wrong != nil {
		complaints = append(complaints, *p.wrong)
	}
	return complaints
}

// alias reads a value that a name stands for.
func (r *Request) alias(name string, p *parser) {
	l, ok := p.literal()
	if !ok || l.Kind == Alias {
		if p.tok = p.again(); !p.failed() {
			p.unexpected("a literal")
		}
		return
	}
	p.end("the end")
	r.aliases[name] = l
}

// again is the first token once more.
func (p *parser) again() token {
	p.lex.at = 0
	return p.lex.next()
}

// selected reads the names of fields up to what is no comma.
func (p *parser) selected() (names []Name, all bool) {
	names = []Name{}
	for !p.failed() {
		switch {
		case p.isSign("*"):
			p.take()
			all = true
		case p.tok.kind == nameToken:
			t := p.take()
			names = append(names, Name{t.at, t.text})
		default:
			p.unexpected("a field, or *")
		}
		if !p.isSign(",") {
			break
		}
		p.take()
	}
	return names, all
}

func (p *parser) orderBy() (out []OrderBy) {
	for !p.failed() {
		if p.tok.kind != nameToken {
			p.unexpected("a field")
			return nil
		}
		t := p.take()
		o := OrderBy{Field: Name{t.at, t.text}}
		if p.isWord("asc") || p.isWord("desc") {
			o.Desc = strings.EqualFold(p.take().text, "desc")
		}
		out = append(out, o)
		if !p.isSign(",") {
			p.end(`"asc", "desc", "," or the end`)
			break
		}
		p.take()
	}
	return out
}

func (p *parser) top() int {
	n, err := strconv.Atoi(p.tok.text)
	if err != nil || !shaped(p.tok.text, strings.Repeat("0", len(p.tok.text))) || n < 1 || n > MaxTop {
		p.fail(p.tok, "a whole number from 1 to "+strconv.Itoa(MaxTop), "no number of rows that a page can have")
		return DefaultTop
	}
	p.take()
	return n
}

func (p *parser) boolean() bool {
	if !p.isWord("true") && !p.isWord("false") {
		p.unexpected("true or false")
		return false
	}
	value := strings.EqualFold(p.take().text, "true")
	p.end("the end")
	return value
}

func (p *parser) format() string {
	value := strings.ToLower(p.text.value)
	if value == "application/json" {
		value = formatJSON
	}
	if !slices.Contains(Formats, value) {
		p.fail(token{kind: nameToken, text: p.text.value}, strings.Join(Formats, ", "), "no format of an answer")
	}
	return value
}

// Next is the query of the page that a token leads to.
func (r *Request) Next(token string) string {
	return strings.Join(append(append([]string(nil), r.pairs...), "$skiptoken="+token), "&")
}
