package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/bench"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/mapping/xpath"
	"github.com/gatehouse/gatehouse/internal/sample"
)

// templateMessages are like one valid message, but for its identity, its
// ordering key and the natural keys of the rows that belong to no other: these
// are each message's own.
type templateMessages struct {
	soap, queue []piece // the whole message, and the payload
	names       naming  // of the identity
	keys        []tableCheck
	oneWay      bool
	delivered   int
	soapAction  string
	source      string
}

// piece is a part of a message: text, or what is each message's own.
type piece struct {
	text  []byte
	names naming // nil: text
}

// naming writes a number as one of the forms that contracts have for names.
type naming func(number int) string

// namings are tried in turn, until the contract takes one.
func namings(run string) []naming {
	seconds, err := strconv.ParseInt(run[1:], 36, 64)
	if err != nil {
		panic(err) // newRun wrote it
	}
	return []naming{
		func(n int) string { return fmt.Sprintf("%s-%08d", run, n) },
		func(n int) string { return fmt.Sprintf("%s%05s", run[3:], strconv.FormatInt(int64(n), 36)) },
		func(n int) string { return fmt.Sprintf("%08x-0000-7000-8000-%012x", seconds, n) },
		func(n int) string { return fmt.Sprintf("urn:uuid:%08x-0000-7000-8000-%012x", seconds, n) },
		func(n int) string { return fmt.Sprintf("%09d%08d", seconds%1e9, n) },
		func(n int) string { return fmt.Sprintf("1%08d", n) },
	}
}

// template reads the message that all others are like, or makes it, and finds
// what has to be each message's own.
func (f *benchFlags) template(m *mapping.Mapping) (*templateMessages, error) {
	if !m.HasIdentity && f.through(bench.SOAP) {
		return nil, usageError{fmt.Errorf("the mapping %s names no identity, so that a repeat by SOAP is another message: --door amqp can be loaded", m.Name)}
	}
	var first error
	for src, err := range f.patterns(m) {
		if err == nil {
			var t *templateMessages
			if t, err = f.like(m, src); err == nil {
				return t, nil
			}
		}
		first = cmp.Or(first, err)
	}
	if f.message == "" {
		first = fmt.Errorf("no sample of the contract will do; give a message that will with --message: %w", first)
	}
	return nil, first
}

// pattern is a message that others may be like.
type pattern struct {
	src    []byte
	source string
}

// moreSamples are tried when the mapping takes neither the full nor the minimal one.
const moreSamples = 30

// patterns yields the given message, or samples of the contract.
func (f *benchFlags) patterns(m *mapping.Mapping) iter.Seq2[pattern, error] {
	return func(yield func(pattern, error) bool) {
		if f.message != "" {
			src, err := os.ReadFile(f.message)
			if err == nil {
				src, err = document.ToUTF8(src, "")
			}
			yield(pattern{src, "messages like " + f.message}, err)
			return
		}
		maker := sample.New(m.Contract, m.Service)
		for n, o := range f.samples() {
			msg, err := maker.Message(m.Operation, sample.Direction{}, o)
			p := pattern{}
			if err == nil {
				p = pattern{msg.Envelope(sample.Form{}), fmt.Sprintf("messages like sample %d of the contract", n+1)}
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// samples are what is tried in turn: full, minimal, then others.
func (f *benchFlags) samples() []sample.Options {
	full, minimal := sample.Options{Mode: sample.Full, Declared: true}, sample.Options{Mode: sample.Minimal, Declared: true}
	switch f.sample {
	case "full":
		return []sample.Options{full}
	case "minimal":
		return []sample.Options{minimal}
	}
	out := []sample.Options{full, minimal}
	for seed := range uint64(moreSamples) {
		out = append(out, sample.Options{Mode: sample.Random, Seed: seed + 1, Declared: true})
	}
	return out
}

// like makes messages like one, in the first form of names that the contract
// takes.
func (f *benchFlags) like(m *mapping.Mapping, p pattern) (*templateMessages, error) {
	t := &templateMessages{source: p.source, oneWay: m.Operation.OneWay(), soapAction: m.Operation.Action11, delivered: -1}
	whole, payload, err := bothForms(p.src)
	if err != nil {
		return nil, err
	}
	var first error
	for _, form := range namings(f.newRun()) {
		err := t.fit(m, whole, payload, form)
		if err == nil {
			return t, f.fitInvalid(t, m)
		}
		first = cmp.Or(first, err)
	}
	return nil, first
}

// bothForms are the envelope and the payload of a message that is one of them.
func bothForms(src []byte) (whole, payload []byte, err error) {
	tree, err := document.Read(src)
	if err != nil {
		return nil, nil, fmt.Errorf("--message: %w", err)
	}
	defer tree.Release()
	if _, is := envelopeOf(src); !is {
		inner := document.AppendStandalone(nil, tree.Root())
		return slices.Concat([]byte(soapHead), inner, []byte(soapTail)), inner, nil
	}
	_, body := envelope.Parts(tree)
	if !body.Exists() {
		return nil, nil, errors.New("--message: the envelope's Body is empty")
	}
	return src, document.AppendStandalone(nil, body), nil
}

// fit cuts both forms into pieces, and proves with the first and the last number
// that contract and mapping take what comes of them.
func (t *templateMessages) fit(m *mapping.Mapping, whole, payload []byte, form naming) (err error) {
	t.names = form
	if t.soap, _, err = cutUp(m, whole, form); err != nil {
		return err
	}
	var own []mapping.Table
	if t.queue, own, err = cutUp(m, payload, form); err != nil {
		return err
	}
	for _, number := range []int{0, maxBenchMessages} {
		for _, pieces := range [][]piece{t.soap, t.queue} {
			c, err := mapped(m, write(nil, pieces, number))
			if err != nil {
				return err
			}
			if m.HasIdentity && c.Identity != form(number) {
				return fmt.Errorf("the identity of %q becomes %q", form(number), c.Identity)
			}
		}
	}
	t.keys = nil
	for i := range own {
		t.keys = append(t.keys, keyCheck(&own[i], form)...)
	}
	return nil
}

// mapped holds a message against contract and mapping.
func mapped(m *mapping.Mapping, src []byte) (*mapping.Changeset, error) {
	p := &paper{body: src, Form: "xml"}
	if v, whole := envelopeOf(src); whole {
		p.Form = "soap " + v.String()
	}
	defer p.release()
	if err := p.input(m); err != nil {
		return nil, err
	}
	return m.Apply(&p.in)
}

// spot is where in a message something stands: an element's text, or the value
// of an attribute of it.
type spot struct {
	line, column int
	attribute    string
}

// cutUp finds what must be each message's own, and cuts the message there. It
// returns the tables whose keys are.
func cutUp(m *mapping.Mapping, src []byte, form naming) ([]piece, []mapping.Table, error) {
	places, own, err := ownPlaces(m, src)
	if err != nil {
		return nil, nil, err
	}
	var spans [][2]int
	for p := range places {
		from, to, err := p.find(src)
		if err != nil {
			return nil, nil, err
		}
		spans = append(spans, [2]int{from, to})
	}
	slices.SortFunc(spans, func(a, b [2]int) int { return a[0] - b[0] })
	var out []piece
	at := 0
	for _, s := range spans {
		out = append(out, piece{text: src[at:s[0]]}, piece{names: form})
		at = s[1]
	}
	return append(out, piece{text: src[at:]}), own, nil
}

// ownPlaces applies the mapping, and notes where it reads identity, ordering key
// and natural keys.
func ownPlaces(m *mapping.Mapping, src []byte) (map[spot]bool, []mapping.Table, error) {
	rules, places, tables := m.Rules(), map[spot]bool{}, map[int]bool{}
	watched := m.Watched(func(e mapping.Event) {
		r := &rules[e.Rule]
		if e.Seen != xpath.SeenValue || r.Constant || !ownRule(m, r) {
			return
		}
		at := e.At()
		p := spot{line: at.Line, column: at.Column}
		if i := strings.LastIndex(at.Path, "/@"); i >= 0 {
			p.attribute = at.Path[i+2:]
		}
		places[p] = true
		if r.Kind == mapping.ColumnRule {
			tables[r.Table] = true
		}
	})
	if _, err := mapped(watched, src); err != nil {
		return nil, nil, fmt.Errorf("the message that others are to be like is not valid itself: %w", err)
	}
	var own []mapping.Table
	for i := range m.Tables {
		if tables[i] {
			own = append(own, m.Tables[i])
		}
	}
	return places, own, nil
}

// ownRule reports whether what a rule makes names the message, or a row of its own.
func ownRule(m *mapping.Mapping, r *mapping.Rule) bool {
	switch r.Kind {
	case mapping.IdentityRule, mapping.OrderingRule:
		return true
	case mapping.ColumnRule:
		table := &m.Tables[r.Table]
		return table.Parent < 0 && !table.Stub && slices.Contains(table.Match, r.Column)
	}
	return false
}

// keyCheck counts the rows of a table by a key that is the message's own.
func keyCheck(table *mapping.Table, form naming) (out []tableCheck) {
	for _, i := range table.Match {
		column := table.Columns[i]
		if column.Ref >= 0 || column.Lookup != nil {
			continue
		}
		name := table.Name.String()
		out = append(out, tableCheck{
			name:  name,
			query: fmt.Sprintf(`SELECT {%s}, count(*) FROM {%s} WHERE {%[1]s} IN (?) GROUP BY {%[1]s}`, column.Name, name),
			key:   func(n int) any { return form(n) },
			want:  func(int) int { return 1 },
		})
	}
	return out
}

// find returns the bytes of a place: the value of the attribute, or the text up
// to the next tag.
func (p spot) find(src []byte) (from, to int, err error) {
	at := 0
	for range p.line - 1 {
		n := bytes.IndexByte(src[at:], '\n')
		if n < 0 {
			return 0, 0, fmt.Errorf("the message has no line %d", p.line)
		}
		at += n + 1
	}
	at += p.column - 1
	if at >= len(src) || src[at] != '<' {
		return 0, 0, fmt.Errorf("no element begins at %d:%d", p.line, p.column)
	}
	tag := src[at:]
	for i := 0; i < len(tag); i++ {
		switch c := tag[i]; c {
		case '"', '\'':
			end := i + 1 + bytes.IndexByte(tag[i+1:], c)
			name := bytes.TrimRight(tag[:i], "= \t\r\n")
			if p.attribute != "" && bytes.HasSuffix(name, []byte(p.attribute)) && bytes.ContainsAny(name[len(name)-len(p.attribute)-1:][:1], " \t\r\n") {
				return at + i + 1, at + end, nil
			}
			i = end
		case '>':
			if p.attribute != "" || tag[i-1] == '/' {
				return 0, 0, fmt.Errorf("%d:%d has no text that could be replaced", p.line, p.column)
			}
			return at + i + 1, at + i + 1 + bytes.IndexByte(tag[i+1:], '<'), nil
		}
	}
	return 0, 0, fmt.Errorf("the tag at %d:%d has no end", p.line, p.column)
}

func write(dst []byte, pieces []piece, number int) []byte {
	for _, p := range pieces {
		if p.names == nil {
			dst = append(dst, p.text...)
			continue
		}
		dst = append(dst, p.names(number)...)
	}
	return dst
}

// notOfContract is put into messages that are to be invalid.
const notOfContract = `<not-of-the-contract xmlns="urn:gatehouse:bench"/>`

// fitInvalid proves that the contract refuses what is called invalid.
func (f *benchFlags) fitInvalid(t *templateMessages, m *mapping.Mapping) error {
	if f.load.Invalid == 0 {
		return nil
	}
	for _, src := range [][]byte{t.envelope(nil, 0, true), t.payload(nil, 0, true)} {
		if _, err := mapped(m, src); err == nil {
			return usageError{errors.New("--invalid: the contract takes any element at the message's end, so that no invalid message could be made")}
		}
	}
	return nil
}

// spoilt puts an element that no contract knows at the end of the payload.
func spoilt(dst []byte, start int, whole bool) []byte {
	end := len(dst)
	for range map[bool]int{true: 3, false: 1}[whole] { // the end tags of payload, Body and Envelope
		end = start + bytes.LastIndex(dst[start:end], []byte("</"))
	}
	return slices.Insert(dst, end, []byte(notOfContract)...)
}

func (t *templateMessages) envelope(dst []byte, number int, invalid bool) []byte {
	start := len(dst)
	dst = write(dst, t.soap, number)
	if invalid {
		dst = spoilt(dst, start, true)
	}
	return dst
}

func (t *templateMessages) payload(dst []byte, number int, invalid bool) []byte {
	start := len(dst)
	dst = write(dst, t.queue, number)
	if invalid {
		dst = spoilt(dst, start, false)
	}
	return dst
}

func (t *templateMessages) identity(number int) string { return t.names(number) }
func (t *templateMessages) checks() []tableCheck       { return t.keys }
func (t *templateMessages) deliveries() int            { return t.delivered }
func (t *templateMessages) action() string             { return t.soapAction }
func (t *templateMessages) describe() string           { return t.source }
