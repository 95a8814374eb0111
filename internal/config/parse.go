// Package config reads the gateway's files: YAML, strictly, with the place of
// everything. It refuses what makes a configuration mean something else than
// it says: keys nobody knows, keys given twice, values of another type,
// anchors, aliases, merge keys, tags, several documents. All mistakes of a file
// are reported at once, each with file, line, column, path and, where a word is
// nearly right, the word that was meant.
//
// It knows nothing of routes, directories or brokers: each package owns the
// struct that its section is decoded into, and its validation.
package config

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may be at most. The parser below needs time quadratic in keys of
// one map and in depth, so it never sees more than this.
const (
	maxBytes  = 1 << 20
	maxTokens = 60_000
	maxDepth  = 64
)

// Parse reads one YAML 1.2 document in UTF-8. The name is the file's path: it
// stands in every fault, and relative paths in the file start at its folder.
// An empty file is a Null node. The error is a Faults.
func Parse(name string, src []byte) (*Node, error) {
	text, err := clean(name, src)
	if err != nil {
		return nil, err
	}
	tokens := lexer.Tokenize(text)
	if err := bound(name, tokens); err != nil {
		return nil, err
	}
	file, err := parseTokens(tokens)
	if err != nil {
		return nil, syntaxFault(name, err)
	}
	r := reader{file: name, origin: &origin{}}
	root := r.document(file)
	if err := r.faults.Err(); err != nil {
		return nil, err
	}
	return root, nil
}

var errParser = errors.New("not a YAML document that can be read")

// parseTokens keeps a defect of the parser from ending the process: the file
// may come from an administrator's editor at reload.
func parseTokens(tokens token.Tokens) (f *ast.File, err error) {
	defer func() {
		if recover() != nil {
			f, err = nil, errParser
		}
	}()
	// Duplicates are found by the reader: all of them, with both places.
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// clean returns src as text with line feeds only, without a byte order mark.
func clean(name string, src []byte) (string, error) {
	if len(src) > maxBytes {
		return "", Faults{{File: name, Message: "the file is larger than 1 MiB"}}
	}
	text := strings.TrimPrefix(string(src), "\uFEFF")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	line, column := 1, 1
	for i, r := range text {
		if msg := refusedRune(text[i:], r); msg != "" {
			return "", Faults{{File: name, Line: line, Column: column, Message: msg}}
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return text, nil
}

// refusedRune says what is wrong with the character rest starts with (YAML
// 1.2.2 §5.1), or nothing.
func refusedRune(rest string, r rune) string {
	switch {
	case r == utf8.RuneError && !strings.HasPrefix(rest, "\uFFFD"):
		return "the file is not UTF-8 from here on"
	case r == '\t' || r == '\n' || r == 0x85:
		return ""
	case r < 0x20 || r >= 0x7F && r < 0xA0 || r == 0xFEFF || r == 0xFFFE || r == 0xFFFF:
		return "the control character " + strconv.QuoteRuneToASCII(r) + " is not allowed in a file"
	}
	return ""
}

// bound refuses what would cost the parser too much, before it sees it.
func bound(name string, tokens token.Tokens) error {
	if len(tokens) > maxTokens {
		return Faults{{File: name, Message: "the file has too many values"}}
	}
	var d depth
	for _, tk := range tokens {
		if d.add(tk); d.flow+len(d.block) > maxDepth {
			return Faults{fault(name, tk, "values are nested deeper than "+strconv.Itoa(maxDepth)+" levels")}
		}
	}
	return nil
}

// depth follows the nesting of a token stream: flow collections by their
// brackets, block collections by the columns of their keys and dashes.
type depth struct {
	flow  int
	block []level
}

type level struct{ column, rank int }

func (d *depth) add(tk *token.Token) {
	switch tk.Type {
	case token.SequenceStartType, token.MappingStartType:
		d.flow++
	case token.SequenceEndType, token.MappingEndType:
		d.flow--
	case token.SequenceEntryType:
		d.open(level{tk.Position.Column, 1})
	case token.MappingKeyType:
		d.open(level{tk.Position.Column, 0})
	case token.MappingValueType:
		if tk.Prev != nil {
			d.open(level{tk.Prev.Position.Column, 0})
		}
	}
}

// open enters a block collection. A list may stand at its key's own column,
// which is why a dash ranks below a key.
func (d *depth) open(l level) {
	if d.flow > 0 {
		return
	}
	n := len(d.block)
	for n > 0 && (d.block[n-1].column > l.column || d.block[n-1].column == l.column && d.block[n-1].rank >= l.rank) {
		n--
	}
	d.block = append(d.block[:n], l)
}

// syntaxFault turns the parser's error, which prints an excerpt of the source,
// into one line.
func syntaxFault(name string, err error) error {
	var located interface {
		error
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &located) && located.GetToken() != nil {
		return Faults{fault(name, located.GetToken(), explained(located.GetMessage()))}
	}
	return Faults{{File: name, Message: err.Error()}}
}

// explained says what to do about those messages of the parser that speak of its
// own workings.
func explained(message string) string {
	switch {
	case strings.HasPrefix(message, "found character '\t'"):
		return "a tab; YAML is indented with spaces alone"
	case message == "value is not allowed in this context":
		return "this does not belong to what stands above it; look at the indentation, and for a space after - and :"
	case message == "mapping value is not allowed in this context":
		return `a second ": " in one value, or a line below that is indented too deep; a text with ": " in it stands in quotes`
	case strings.HasPrefix(message, "could not find end character of"):
		return "the quotes are not closed"
	case strings.HasSuffix(message, "is a reserved character"):
		return message + "; put the value in quotes"
	}
	return message
}

func fault(name string, tk *token.Token, message string) Fault {
	f := Fault{File: name, Message: message}
	if tk != nil && tk.Position != nil {
		f.Line, f.Column = tk.Position.Line, max(tk.Position.Column, 1)
	}
	return f
}
