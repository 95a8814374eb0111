package wss

import (
	"crypto"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/gatehouse/gatehouse/internal/document"
)

// reference is one ds:Reference.
type reference struct {
	node     document.Node // the Reference
	target   document.Node
	prefixes []string
	hash     crypto.Hash
	digest   []byte
}

// read reads the Signature strictly: each child in its place, and nothing else.
// What is not looked at cannot be hidden in.
func (c *check) read() error {
	children, err := exactly(c.signature, ds("SignedInfo"), ds("SignatureValue"), ds("KeyInfo"))
	if err != nil {
		return err
	}
	if err := c.readSignedInfo(children[0]); err != nil {
		return err
	}
	wanted := map[string]document.Node{}
	for _, r := range c.references {
		id, _ := r.target.Attr(wsu("Id"))
		wanted[id] = r.target
	}
	if n, id := ambiguous(root(c.body), wanted); n.Exists() {
		return refuse(n, invalidSecurity, "this has the id of another element, which is signed", id)
	}
	c.cert, err = c.certificate(children[2])
	return err
}

// exactly returns the children of n, which have to be those named.
func exactly(n document.Node, names ...document.Name) ([]document.Node, error) {
	var out []document.Node
	for child := range n.Children() {
		if len(out) == len(names) || !child.Is(names[len(out)]) {
			return nil, refuse(child, failedCheck, "this does not belong here", child.Name().String())
		}
		out = append(out, child)
	}
	if len(out) < len(names) {
		return nil, refuse(n, failedCheck, "a "+names[len(out)].Local+" is missing", "")
	}
	if n.HasText() {
		return nil, refuse(n, failedCheck, "text does not belong here", "")
	}
	return out, nil
}

func (c *check) readSignedInfo(info document.Node) error {
	canonicalization := info.FirstChild()
	if !canonicalization.Is(ds("CanonicalizationMethod")) {
		return refuse(info, failedCheck, "a CanonicalizationMethod is missing", "")
	}
	prefixes, err := exclusively(canonicalization)
	if err != nil {
		return err
	}
	n := canonicalization.NextSibling()
	if !n.Is(ds("SignatureMethod")) {
		return refuse(info, failedCheck, "a SignatureMethod is missing", "")
	}
	if err := c.readMethod(n); err != nil {
		return err
	}
	for n = n.NextSibling(); n.Exists(); n = n.NextSibling() {
		if len(c.references) == maxReferences {
			return refuse(n, invalidSecurity, "there are more than "+count(maxReferences)+" references", "")
		}
		r, err := c.readReference(n)
		if err != nil {
			return err
		}
		c.references = append(c.references, r)
	}
	if len(c.references) == 0 {
		return refuse(info, failedCheck, "the signature is of nothing", "")
	}
	c.canonical = document.AppendExclusive(nil, info, prefixes)
	return nil
}

func algorithm(n document.Node) string {
	uri, _ := n.Attr(document.Name{Local: "Algorithm"})
	return strings.TrimSpace(uri)
}

func (c *check) readMethod(n document.Node) error {
	m, ok := methods[algorithm(n)]
	if !ok || m.hash == crypto.SHA1 && !c.SHA1 || n.FirstChild().Exists() {
		return refuse(n, unsupportedAlgorithm, "this algorithm is not taken; RSA and ECDSA with SHA-256, SHA-384 and SHA-512 are", algorithm(n))
	}
	c.method = m
	return nil
}

// readReference reads a Reference, and finds what it means.
func (c *check) readReference(n document.Node) (r reference, err error) {
	r.node = n
	if !n.Is(ds("Reference")) {
		return r, refuse(n, failedCheck, "this does not belong here", n.Name().String())
	}
	parts, err := exactly(n, ds("Transforms"), ds("DigestMethod"), ds("DigestValue"))
	if err != nil {
		return r, err
	}
	uri, _ := n.Attr(document.Name{Local: "URI"})
	id, local := strings.CutPrefix(uri, "#")
	if r.target = c.target(id); !local || !r.target.Exists() {
		return r, refuse(n, failedCheck, "a reference is to a wsu:Id in this message, and to nothing else", uri)
	}
	if !c.mayBeSigned(r.target) {
		return r, refuse(n, invalidSecurity, "what is signed is the Body, a header block for this receiver, or stands in the Security header; this is elsewhere", r.target.Path())
	}
	if r.prefixes, err = transform(parts[0]); err != nil {
		return r, err
	}
	hash, ok := digests[algorithm(parts[1])]
	if !ok || hash == crypto.SHA1 && !c.SHA1 {
		return r, refuse(parts[1], unsupportedAlgorithm, "this digest is not taken; SHA-256, SHA-384 and SHA-512 are", algorithm(parts[1]))
	}
	r.hash = hash
	r.digest, err = octets(parts[2])
	return r, err
}

// target is the element with a wsu:Id.
func (c *check) target(id string) document.Node {
	n := c.byID[id]
	if own, ok := n.Attr(wsu("Id")); !ok || own != id || id == "" {
		return document.Node{}
	}
	return n
}

// transform takes one transform, and one kind of it: all others can make what is
// signed something else than what is read.
func transform(n document.Node) ([]string, error) {
	one, err := exactly(n, ds("Transform"))
	if err != nil {
		return nil, err
	}
	return exclusively(one[0])
}

// exclusively reads the parameters of exclusive canonicalisation.
func exclusively(n document.Node) ([]string, error) {
	if algorithm(n) != exclusive {
		return nil, refuse(n, unsupportedAlgorithm, "only exclusive canonicalisation without comments is taken", algorithm(n))
	}
	list := n.FirstChild()
	if !list.Exists() {
		return nil, nil
	}
	if !list.Is(document.Name{Space: exclusive, Local: "InclusiveNamespaces"}) || list.NextSibling().Exists() {
		return nil, refuse(list, failedCheck, "this does not belong here", list.Name().String())
	}
	text, _ := list.Attr(document.Name{Local: "PrefixList"})
	prefixes := strings.Fields(text)
	const most = 64
	if len(prefixes) > most {
		return nil, refuse(list, failedCheck, "the list of prefixes is longer than "+count(most), "")
	}
	for i := range prefixes {
		if prefixes[i] == "#default" {
			prefixes[i] = ""
		}
	}
	return prefixes, nil
}

// octets reads base64, which may be broken into lines.
func octets(n document.Node) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Text()), ""))
	if err != nil || n.FirstChild().Exists() {
		return nil, refuse(n, failedCheck, "this is no base64", "")
	}
	return raw, nil
}

// digests compares what is signed with what is there.
func (c *check) digests() error {
	var form []byte
	for _, r := range c.references {
		form = document.AppendExclusive(form[:0], r.target, r.prefixes)
		h := r.hash.New()
		h.Write(form)
		if subtle.ConstantTimeCompare(h.Sum(nil), r.digest) != 1 {
			return refuse(r.target, failedCheck, "this is not what was signed", r.target.QName())
		}
		c.signed[r.target] = true
	}
	return nil
}
