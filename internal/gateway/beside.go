package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// A stored message can be repeated as it came only when what its mapping reads
// beside the payload is kept too: SOAP header blocks, properties, and its name in
// its transport. Nothing else of them is, and never what looks like a credential.

// beside is what is kept. Its JSON stands in the ledger, so members are only ever
// added.
type beside struct {
	// Headers names the header blocks that were looked for, as {namespace}local,
	// and Names the properties: what is not among them is not known to be absent.
	Headers    []string          `json:"headers,omitempty"`
	Blocks     string            `json:"blocks,omitempty"` // as they came, each a document of its own
	Names      []string          `json:"names,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
	MessageID  string            `json:"message_id,omitempty"`
}

// beside is what is to be kept of a message beside its payload, or nil.
func (p *passage) beside() []byte {
	m := p.writer.mapping.Mapping
	if len(m.Headers) == 0 && len(m.Properties) == 0 && !m.NamedByTransport {
		return nil
	}
	b := beside{MessageID: p.input.Message.MessageID}
	b.takeBlocks(m, p.input.Header)
	b.takeProperties(m, p.input.Properties)
	text, err := json.Marshal(b)
	if err != nil {
		panic(err) // strings are always JSON
	}
	return text
}

func (b *beside) takeBlocks(m *mapping.Mapping, header document.Node) {
	var blocks []byte
	for _, name := range m.Headers {
		if !secretBlock(header, name) {
			b.Headers = append(b.Headers, clark(name))
		}
	}
	for block := range header.Children() {
		if slices.Contains(b.Headers, clark(block.Name())) {
			blocks = document.AppendStandalone(blocks, block)
		}
	}
	b.Blocks = string(blocks)
}

func (b *beside) takeProperties(m *mapping.Mapping, properties map[string]string) {
	for _, name := range m.Properties {
		if secretName(name) {
			continue
		}
		b.Names = append(b.Names, name)
		if value, ok := properties[name]; ok {
			if b.Properties == nil {
				b.Properties = map[string]string{}
			}
			b.Properties[name] = value
		}
	}
}

func clark(name document.Name) string { return "{" + name.Space + "}" + name.Local }

// secretBlock reports whether a header block is one of WS-Security, or holds what
// is called like a password.
func secretBlock(header document.Node, name document.Name) bool {
	if name.Space == envelope.NamespaceSecurity || secretName(name.Local) {
		return true
	}
	for block := range header.Children() {
		if block.Is(name) && holdsSecret(block) {
			return true
		}
	}
	return false
}

// holdsSecret looks at an element and what is in it. A document is no deeper than
// its reader allows.
func holdsSecret(n document.Node) bool {
	if n.Name().Space == envelope.NamespaceSecurity || secretName(n.Name().Local) {
		return true
	}
	for name := range n.Attrs() {
		if secretName(name.Local) {
			return true
		}
	}
	for child := range n.Children() {
		if holdsSecret(child) {
			return true
		}
	}
	return false
}

// secretName knows the names that credentials go by.
func secretName(name string) bool {
	name = strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
	switch name {
	case "security", "authorization", "proxyauthorization", "cookie", "setcookie", "pwd", "apikey", "xapikey":
		return true
	}
	if strings.HasSuffix(name, "secret") {
		return true
	}
	return slices.ContainsFunc([]string{"password", "passwd", "passphrase", "usernametoken", "binarysecuritytoken", "accesstoken", "sessiontoken", "authtoken"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}

// readBeside reads what is kept of a stored message; nil when nothing is.
func (r *Record) readBeside() (*beside, error) {
	if len(r.Beside) == 0 {
		return nil, nil
	}
	b := new(beside)
	if err := json.Unmarshal(r.Beside, b); err != nil {
		return nil, fault.New(fault.CodeInternal, "").Because(fmt.Errorf("reading what is kept beside a payload: %w", err))
	}
	return b, nil
}

// lacks names what a mapping reads and the ledger does not hold of a message.
func (b *beside) lacks(m *mapping.Mapping, known map[string]string) []string {
	if b == nil {
		b = new(beside)
	}
	var lacking []string
	for _, h := range m.Headers {
		if !slices.Contains(b.Headers, clark(h)) {
			lacking = append(lacking, "the header block "+h.Local)
		}
	}
	for _, name := range m.Properties {
		if _, there := known[name]; !there && !slices.Contains(b.Names, name) {
			lacking = append(lacking, "the property "+name)
		}
	}
	return lacking
}

// framed is the document that a repeated message is read from: header blocks and
// payload in one, as they came, so that a mapping finds them in the same order.
type framed struct {
	text   []byte
	before int // lines before the payload's first
	column int // of the payload's first character on its line, less one, in bytes
}

const (
	framePrefix = "repeated"
	frameBody   = "/" + framePrefix + ":Envelope/" + framePrefix + ":Body"
)

// frame puts kept header blocks and a payload into an envelope.
func frame(blocks string, payload []byte) *framed {
	space := envelope.V11.Namespace()
	head := `<` + framePrefix + `:Envelope xmlns:` + framePrefix + `="` + space + `"><` + framePrefix + `:Header>` + blocks +
		`</` + framePrefix + `:Header><` + framePrefix + `:Body>`
	f := &framed{before: strings.Count(head, "\n")}
	f.column = len(head[strings.LastIndexByte(head, '\n')+1:])
	f.text = slices.Concat([]byte(head), payload, []byte(`</`+framePrefix+`:Body></`+framePrefix+`:Envelope>`))
	return f
}

// Locate implements origin: what is said about the payload is about the payload as
// it is kept. A header block has no place there.
func (f *framed) Locate(d fault.Detail) fault.Detail {
	inside, ok := strings.CutPrefix(d.Path, frameBody)
	if !ok {
		d.Line, d.Column = 0, 0
		d.Path = strings.TrimPrefix(d.Path, "/"+framePrefix+":Envelope")
		return d
	}
	d.Path = inside
	if d.Line == 0 {
		return d
	}
	if d.Line -= f.before; d.Line == 1 {
		d.Column -= f.column
	}
	return d
}

// framedBody returns the kept header blocks around the payload, or nil where none
// came with the message.
func (a *Arrival) framedBody() *framed {
	if a.repeats == nil || a.repeats.beside == nil || a.repeats.beside.Blocks == "" || a.Format == JSON {
		return nil
	}
	return frame(a.repeats.beside.Blocks, a.Body)
}

// Unrepeatable names the header blocks and properties that a mapping reads and the
// ledger never keeps: such messages cannot be repeated.
func Unrepeatable(m *mapping.Mapping) []string {
	var out []string
	for _, name := range m.Headers {
		i := slices.IndexFunc(m.Operation.Input.Headers, func(h *contract.Header) bool { return h.Element.Name == name })
		secret := name.Space == envelope.NamespaceSecurity || i >= 0 && describesSecret(m.Operation.Input.Headers[i].Element, map[*contract.Type]bool{})
		if secret {
			out = append(out, "the header block "+name.Local)
		}
	}
	for _, name := range m.Properties {
		if secretName(name) {
			out = append(out, "the property "+name)
		}
	}
	return out
}

// describesSecret is holdsSecret of a declaration; seen are the types that were
// looked at.
func describesSecret(e *contract.Element, seen map[*contract.Type]bool) bool {
	if e.Name.Space == envelope.NamespaceSecurity || secretName(e.Name.Local) {
		return true
	}
	if e.Type == nil || seen[e.Type] {
		return false
	}
	seen[e.Type] = true
	if slices.ContainsFunc(e.Type.Attributes, func(a *contract.Attribute) bool { return secretName(a.Name.Local) }) {
		return true
	}
	return slices.ContainsFunc(e.Type.Children(), func(c contract.Child) bool { return describesSecret(c.Element, seen) })
}
