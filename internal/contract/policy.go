package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// PolicyUse is something that a contract demands beyond its messages: an
// assertion of a policy that is attached to one of its parts (WS-Policy 1.2 and
// 1.5, Attachment), a marker such as wsaw:UsingAddressing, or an extension marked
// wsdl:required (WSDL 1.1 §2.1.3).
type PolicyUse struct {
	Position  Position // of the assertion
	Subject   string   // what it is attached to, in words: port P of service S
	Assertion Name
	// Optional is set by wsp:Optional, and where only some of a policy's
	// alternatives have the assertion.
	Optional bool
	// Enforced says that the gateway does what the assertion asks of a service,
	// whatever the contract says; where it is not set, nothing is done about it.
	Enforced bool
	Words    string // what becomes of it, one sentence without its full stop
}

// String renders the use without its place.
func (u PolicyUse) String() string {
	state := "not enforced"
	if u.Enforced {
		state = "enforced"
	}
	return fmt.Sprintf("%s, %s: %s", u.Assertion, state, u.Words)
}

// What is made of a contract in which many parts refer to large policies is
// bounded: the assertions that are listed, and the elements that are looked at.
const (
	maxPolicyUses  = 4096
	maxPolicySteps = 1 << 20
)

// policyReader finds the policies of a contract and what they are attached to.
type policyReader struct {
	l        *loader
	uses     []PolicyUse
	policies map[string]policyAt // by file#id, and by Name
	attached map[Position]bool   // policies that something refers to
	verdicts map[Position]verdict
	steps    int
	full     bool
}

// verdict is what becomes of an assertion, however often it is attached.
type verdict struct {
	enforced bool
	words    string
}

type policyAt struct {
	node document.Node
	in   *definitions
}

// policies reads what every WSDL of the contract demands, notes what is not
// enforced, and returns it all.
func (l *loader) policies() []PolicyUse {
	r := &policyReader{l: l, policies: map[string]policyAt{}, attached: map[Position]bool{}, verdicts: map[Position]verdict{}}
	for _, d := range l.definitions {
		r.index(d, d.node, 0)
	}
	for _, d := range l.definitions {
		r.walk(d, d.node, "")
	}
	r.noteUnattached()
	for _, u := range r.uses {
		if !u.Enforced {
			l.note(u.Position, "%s", u)
		}
	}
	return r.uses
}

// wsdlDepth is how deep the elements of a WSDL are nested that policies can be
// attached to: definitions, binding, operation, input, and its extensions.
const wsdlDepth = 6

// index finds the policies that references can name.
func (r *policyReader) index(d *definitions, n document.Node, depth int) {
	for c := range elements(n) {
		if isPolicy(c.Name(), "Policy") {
			for _, id := range ids(c) {
				r.policies[d.file.path+"#"+id] = policyAt{c, d}
			}
			if name := attr(c, "Name"); name != "" {
				r.policies[name] = policyAt{c, d}
			}
		}
		if depth < wsdlDepth {
			r.index(d, c, depth+1)
		}
	}
}

// ids are the fragment identifiers of an element (WS-Policy 1.5 Framework §4.2).
func ids(n document.Node) []string {
	var out []string
	for name, value := range n.Attrs() {
		if name == (Name{Space: nsXML, Local: "id"}) || name.Local == "Id" && (name.Space == nsUtility || name.Space == nsUtility2003) {
			out = append(out, strings.TrimSpace(value))
		}
	}
	return out
}

func isPolicy(name Name, local string) bool {
	return name.Local == local && slices.Contains(policySpaces, name.Space)
}

// walk reads what is attached to the parts of a WSDL.
func (r *policyReader) walk(d *definitions, n document.Node, outer string) {
	for c := range elements(n) {
		switch name := c.Name(); {
		case name == wsdlName("types") || name == wsdlName("documentation"):
		case name.Space == nsWSDL:
			subject := subjectOf(c, outer)
			r.attributes(d, c, subject)
			r.walk(d, c, subject)
		default:
			r.extension(d, c, outer)
		}
	}
}

var subjectWords = map[string]string{"portType": "port type", "part": "part"}

// subjectOf names a part of a WSDL in words, with what it is in.
func subjectOf(n document.Node, outer string) string {
	what := n.Name().Local
	if w := subjectWords[what]; w != "" {
		what = w
	}
	if name := attr(n, "name"); name != "" && what != "input" && what != "output" {
		what += " " + name
	}
	if outer != "" {
		what += " of " + outer
	}
	return what
}

// attributes reads wsp:PolicyURIs (WS-PolicyAttachment §3.2).
func (r *policyReader) attributes(d *definitions, n document.Node, subject string) {
	for name, value := range n.Attrs() {
		if isPolicy(name, "PolicyURIs") {
			for _, uri := range strings.Fields(value) {
				r.refer(d, n, uri, subject)
			}
		}
	}
}

// extension reads one element that is not of WSDL.
func (r *policyReader) extension(d *definitions, n document.Node, subject string) {
	switch name := n.Name(); {
	case isPolicy(name, "Policy"):
		if subject != "" { // those beside the bindings wait for who refers to them
			r.attach(d, n, subject, map[Position]bool{}, false)
		}
	case isPolicy(name, "PolicyReference"):
		r.refer(d, n, attr(n, "URI"), subject)
	case isPolicy(name, "PolicyAttachment"):
		r.l.note(r.l.at(d.file, n), "what a wsp:PolicyAttachment says of other parts is not read")
	case known(name) != nil:
		r.use(d, n, cmp.Or(subject, "the contract"), false)
	case required(n):
		r.requires(d, n, cmp.Or(subject, "the contract"))
	}
}

// requires reads an extension that whoever reads the contract must know.
func (r *policyReader) requires(d *definitions, n document.Node, subject string) {
	switch n.Name().Space {
	case nsHTTP, nsMIME:
		return // the port is said to be ignored, the message to have attachments
	case nsSOAP11, nsSOAP12:
		if n.Name().Local != "header" {
			return // read
		}
		r.add(PolicyUse{Position: r.l.at(d.file, n), Subject: subject, Assertion: n.Name(),
			Enforced: true, Words: "a message without the header block of part " + attr(n, "part") + " is refused"})
	default:
		r.add(PolicyUse{Position: r.l.at(d.file, n), Subject: subject, Assertion: n.Name(),
			Words: "the contract requires this extension to be understood, and it is not known here"})
	}
}

// refer follows a reference to a policy.
func (r *policyReader) refer(d *definitions, n document.Node, uri, subject string) {
	if p, ok := r.find(d, uri); ok {
		r.attach(p.in, p.node, subject, map[Position]bool{}, false)
		return
	}
	r.l.note(r.l.at(d.file, n), "policy %q is not in the contract; what it demands of %s is not known", uri, subject)
}

func (r *policyReader) find(d *definitions, uri string) (policyAt, bool) {
	uri = strings.TrimSpace(uri)
	if strings.HasPrefix(uri, "#") {
		uri = d.file.path + uri
	}
	p, ok := r.policies[uri]
	return p, ok
}

// attach reads the assertions of a policy: through its operators, and the
// policies it refers to, each once.
func (r *policyReader) attach(d *definitions, n document.Node, subject string, seen map[Position]bool, optional bool) {
	at := r.l.at(d.file, n)
	if seen[at] || r.full {
		return
	}
	seen[at], r.attached[at] = true, true
	for c := range elements(n) {
		if r.steps++; r.steps > maxPolicySteps {
			r.stop(at)
			return
		}
		switch name := c.Name(); {
		case isPolicy(name, "Policy"), isPolicy(name, "All"):
			r.attach(d, c, subject, seen, optional)
		case isPolicy(name, "ExactlyOne"):
			r.attach(d, c, subject, seen, optional || alternatives(c) > 1)
		case isPolicy(name, "PolicyReference"):
			if p, ok := r.find(d, attr(c, "URI")); ok {
				r.attach(p.in, p.node, subject, seen, optional)
			} else {
				r.l.note(r.l.at(d.file, c), "policy %q is not in the contract; what it demands of %s is not known", attr(c, "URI"), subject)
			}
		default:
			r.use(d, c, subject, optional)
		}
	}
}

func alternatives(n document.Node) int {
	count := 0
	for range elements(n) {
		count++
	}
	return count
}

// use records an assertion or marker.
func (r *policyReader) use(d *definitions, n document.Node, subject string, optional bool) {
	for name, value := range n.Attrs() {
		optional = optional || isPolicy(name, "Optional") && boolean(value)
	}
	u := PolicyUse{Position: r.l.at(d.file, n), Subject: subject, Assertion: n.Name(), Optional: optional}
	v, judged := r.verdicts[u.Position]
	if !judged {
		v.words = "it is not known here"
		if judge := known(n.Name()); judge != nil {
			v.enforced, v.words = judge(n)
		}
		r.verdicts[u.Position] = v
	}
	u.Enforced, u.Words = v.enforced, v.words
	r.add(u)
}

func (r *policyReader) add(u PolicyUse) {
	if len(r.uses) >= maxPolicyUses {
		r.stop(u.Position)
		return
	}
	r.uses = append(r.uses, u)
}

func (r *policyReader) stop(at Position) {
	if !r.full {
		r.l.note(at, "the policies of this contract are too many to follow; from here they are not read")
	}
	r.full = true
}

// noteUnattached names the policies beside the bindings that nothing refers to.
func (r *policyReader) noteUnattached() {
	for _, d := range r.l.definitions {
		for n := range elements(d.node) {
			if at := r.l.at(d.file, n); isPolicy(n.Name(), "Policy") && !r.attached[at] {
				r.l.note(at, "this policy is attached to nothing and says nothing")
			}
		}
	}
}
