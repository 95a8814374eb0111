package wss

import (
	"crypto/sha256"
	"crypto/x509"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// Verifier verifies signatures. It is not changed once it is in use, and is then
// safe for concurrent use.
type Verifier struct {
	// Trust decides whether a certificate may sign, at a time: by its authority, its
	// validity, and whether it was withdrawn. Its error is for the operator.
	Trust func(cert *x509.Certificate, at time.Time) error
	// Known are the certificates that may be referred to without being sent.
	Known []*x509.Certificate
	// SHA1 takes signatures and digests with SHA-1 too.
	SHA1 bool
	// Window is how far a Timestamp may be from now.
	Window time.Duration
}

// Signed is what a verified signature says.
type Signed struct {
	Certificate *x509.Certificate
	// Once is the same for every message with the same signature, also where
	// the signature's value is another one of the same meaning, as ECDSA has two.
	Once string
	// Created is the signed Timestamp's, or zero; Until is when the Timestamp stops
	// being taken.
	Created, Until time.Time
}

// maxReferences bounds what one signature may refer to.
const maxReferences = 32

// Genuine does what can be done with an envelope's head alone, as envelope.ReadHead
// reads it: it tells whether the signature was made now by somebody who may sign, and
// not yet what of. It keeps strangers from having the rest read.
func (v *Verifier) Genuine(head *document.Tree, now time.Time) (Proof, error) {
	c, err := v.genuine(head, now, Proof{})
	if err != nil {
		return Proof{}, err
	}
	return c.proof(), nil
}

// Proof tells that a signature was found to be genuine: it is a digest over the
// certificate, the SignedInfo and the signature's value.
type Proof [sha256.Size]byte

func (c *check) proof() Proof {
	h := sha256.New()
	for _, part := range [][]byte{c.cert.Raw, c.canonical, []byte(c.signature.Child(ds("SignatureValue")).Text())} {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	return Proof(h.Sum(nil))
}

// genuine goes as far as the signature's value. What is proved already is not
// computed again: it costs more than everything else.
func (v *Verifier) genuine(t *document.Tree, now time.Time, proved Proof) (*check, error) {
	c := &check{Verifier: v, now: now, signed: map[document.Node]bool{}}
	if err := c.open(t); err != nil {
		return nil, err
	}
	for _, step := range []func() error{c.identify, c.read, c.timestamp} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if proved != (Proof{}) && proved == c.proof() {
		return c, nil
	}
	if err := c.trusted(); err != nil {
		return nil, err
	}
	return c, c.value()
}

// Verify verifies the one signature in the Security header that is for us, and
// that it covers the parts, as far as these are in the envelope: Body and Timestamp
// must be. What costs little and keeps out strangers comes first: the certificate,
// then the signature, then the digests. The error is a *fault.Error.
func (v *Verifier) Verify(t *document.Tree, parts []Part, now time.Time) (*Signed, error) {
	return v.VerifyRest(t, Proof{}, parts, now)
}

// VerifyRest is Verify for an envelope whose head was found Genuine at the same
// time, by the same Verifier. A proof of another signature counts for nothing.
func (v *Verifier) VerifyRest(t *document.Tree, proved Proof, parts []Part, now time.Time) (*Signed, error) {
	c, err := v.genuine(t, now, proved)
	if err != nil {
		return nil, err
	}
	if err := c.digests(); err != nil {
		return nil, err
	}
	for _, part := range parts {
		if err := c.covers(part); err != nil {
			return nil, err
		}
	}
	once := sha256.Sum256(append(c.canonical, c.cert.Raw...))
	out := &Signed{Certificate: c.cert, Once: string(once[:])}
	if c.stamp.Exists() && c.signed[c.stamp] {
		out.Created, out.Until = c.created, c.created.Add(v.Window)
	}
	return out, nil
}

// check is one verification.
type check struct {
	*Verifier
	now time.Time

	body     document.Node
	blocks   []document.Node // of the header, for us, without Security
	security document.Node
	stamp    document.Node // none when there is no Timestamp
	created  time.Time
	byID     map[string]document.Node

	signature  document.Node
	method     method
	references []reference
	cert       *x509.Certificate
	canonical  []byte // the SignedInfo
	signed     map[document.Node]bool
}

// open finds the parts of the envelope, by place.
func (c *check) open(t *document.Tree) error {
	parts, err := envelope.Locate(t)
	if err != nil {
		return err
	}
	c.body, c.security, c.blocks = parts.Body, parts.Security, parts.Blocks
	if !c.security.Exists() {
		return refuse(document.Node{}, invalidSecurity, "the message is not signed: it has no wsse:Security header", "")
	}
	for n := range c.security.Children() {
		switch {
		case n.Is(ds("Signature")) && c.signature.Exists():
			return refuse(n, invalidSecurity, "there is more than one signature", "")
		case n.Is(ds("Signature")):
			c.signature = n
		case n.Is(wsu("Timestamp")) && c.stamp.Exists():
			return refuse(n, invalidSecurity, "there is more than one Timestamp", "")
		case n.Is(wsu("Timestamp")):
			c.stamp = n
		}
	}
	if !c.signature.Exists() {
		return refuse(c.security, invalidSecurity, "the message is not signed: the wsse:Security header has no ds:Signature", "")
	}
	return nil
}

// idNames are the attributes that somebody or other takes for an id.
var idNames = []document.Name{wsu("Id"), {Space: document.NamespaceXML, Local: "id"}}

// identify notes every id of the document, and refuses those that are there twice.
func (c *check) identify() error {
	c.byID = map[string]document.Node{}
	var twice error
	var walk func(n document.Node)
	walk = func(n document.Node) {
		for _, name := range idNames {
			id, ok := n.Attr(name)
			if !ok || twice != nil {
				continue
			}
			if other, taken := c.byID[id]; taken && other != n {
				twice = refuse(n, invalidSecurity, "two elements have one id", id)
			}
			c.byID[id] = n
		}
		for child := range n.Children() {
			walk(child)
		}
	}
	walk(root(c.body))
	return twice
}

func root(n document.Node) document.Node {
	for n.Parent().Exists() {
		n = n.Parent()
	}
	return n
}

// unqualified names are ids to some: none of them may stand for what a reference
// means.
var unqualified = []document.Name{{Local: "Id"}, {Local: "ID"}, {Local: "id"}}

// ambiguous finds an element that others would take for the one referred to.
func ambiguous(n document.Node, wanted map[string]document.Node) (document.Node, string) {
	for _, name := range unqualified {
		if id, ok := n.Attr(name); ok {
			if target, is := wanted[id]; is && target != n {
				return n, id
			}
		}
	}
	for child := range n.Children() {
		if found, id := ambiguous(child, wanted); found.Exists() {
			return found, id
		}
	}
	return document.Node{}, ""
}

// timestamp holds the Timestamp against the clock (WSS 1.1 §10).
func (c *check) timestamp() error {
	if !c.stamp.Exists() {
		return nil
	}
	created, err := instant(c.stamp, "Created", true)
	if err != nil {
		return err
	}
	expires, err := instant(c.stamp, "Expires", false)
	if err != nil {
		return err
	}
	c.created = created
	const layout = "2006-01-02T15:04:05Z"
	switch {
	case !expires.IsZero() && !c.now.Before(expires):
		return refuse(c.stamp, expired, "the message was good until "+expires.Format(layout)+", and here it is "+c.now.UTC().Format(layout), "")
	case c.now.Sub(created).Abs() > c.Window:
		return refuse(c.stamp, expired, "the message is of "+created.Format(layout)+", which is more than "+c.Window.String()+" from "+c.now.UTC().Format(layout)+", the time here", "")
	}
	return nil
}

func instant(stamp document.Node, local string, required bool) (time.Time, error) {
	n := stamp.Child(wsu(local))
	switch {
	case !n.Exists() && !required:
		return time.Time{}, nil
	case !n.Exists():
		return time.Time{}, refuse(stamp, invalidSecurity, "the Timestamp has no "+local, "")
	case n.Next(wsu(local)).Exists():
		return time.Time{}, refuse(stamp, invalidSecurity, "the Timestamp has more than one "+local, "")
	}
	at, err := envelope.ParseInstant(n.Text())
	if err != nil {
		return at, refuse(n, invalidSecurity, local+" is no date and time", n.Text())
	}
	return at, nil
}

// covers refuses a message of which a part is not signed.
func (c *check) covers(part Part) error {
	switch part {
	case Body:
		return c.covered(c.body)
	case Timestamp:
		if !c.stamp.Exists() {
			return refuse(c.security, invalidSecurity, "the message has no wsu:Timestamp, which has to be there and signed", "")
		}
		return c.covered(c.stamp)
	}
	for _, n := range c.blocks {
		space := n.Name().Space
		if part == Headers || space == envelope.NamespaceAddressing || space == envelope.NamespaceAddressing2004 {
			if err := c.covered(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *check) covered(n document.Node) error {
	if c.signed[n] {
		return nil
	}
	return refuse(n, invalidSecurity, "this has to be signed, and is not", n.QName())
}

// mayBeSigned reports whether a reference may be to n: the Body, a header block
// that is for us, or what stands in the Security header itself.
func (c *check) mayBeSigned(n document.Node) bool {
	if n == c.body || n.Parent() == c.security && n != c.signature {
		return true
	}
	for _, block := range c.blocks {
		if n == block {
			return true
		}
	}
	return false
}

func count(n int) string { return strconv.Itoa(n) }
