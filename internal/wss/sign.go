package wss

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// Signer signs envelopes with one key: RSA or ECDSA, with SHA-256. It is safe for
// concurrent use when its key is, as those of files are.
type Signer struct {
	key  crypto.Signer
	cert *x509.Certificate
	uri  string
}

// timestampFor is how long what is signed here says that it is good.
const timestampFor = 5 * time.Minute

// NewSigner returns a Signer with a key and its certificate.
func NewSigner(key crypto.PrivateKey, cert *x509.Certificate) (*Signer, error) {
	s := &Signer{cert: cert}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		s.key, s.uri = k, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	case *ecdsa.PrivateKey:
		s.key, s.uri = k, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	default:
		return nil, fmt.Errorf("a key of type %T signs no messages; RSA and ECDSA keys do", key)
	}
	if err := fit(cert); err != nil {
		return nil, err
	}
	if own, ok := s.key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !own.Equal(cert.PublicKey) {
		return nil, errors.New("the certificate is not that of the key")
	}
	return s, nil
}

// Certificate is the signer's own, which goes with every signature.
func (s *Signer) Certificate() *x509.Certificate { return s.cert }

// The ids in what is signed here. Ids that a payload brings along begin otherwise.
const (
	idPrefix = "gatehouse-signed-"
	idToken  = idPrefix + "token"
	idStamp  = idPrefix + "timestamp"
)

// Sign returns an envelope in UTF-8 with a wsse:Security header that holds a
// Timestamp of now, the certificate, and a signature over Timestamp, Body and
// every header block, a UsernameToken too. A Security header that is there already, which may
// have no signature, gets them. It is an error where the envelope is none.
func (s *Signer) Sign(src []byte, now time.Time) ([]byte, error) {
	marked, ids, err := mark(src, s.cert, now)
	if err != nil {
		return nil, err
	}
	tree, err := document.Read(marked)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	defer tree.Release()
	parts, err := envelope.Locate(tree)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	signature, err := s.signature(append([]document.Node{parts.Body}, slices.Concat(parts.Blocks, slices.Collect(parts.Security.Children()))...), ids)
	if err != nil {
		return nil, err
	}
	_, _, closing, _ := parts.Security.Span()
	return slices.Concat(marked[:closing], signature, marked[closing:]), nil
}

// insertion is text that goes to a place.
type insertion struct {
	at   int
	text string
}

// mark gives an id to each part that is to be signed, and adds Timestamp and token.
func mark(src []byte, cert *x509.Certificate, now time.Time) (marked []byte, ids map[string]bool, err error) {
	tree, err := document.Read(src)
	if err != nil {
		return nil, nil, fmt.Errorf("signing: %w", err)
	}
	defer tree.Release()
	parts, err := envelope.Locate(tree)
	if err != nil {
		return nil, nil, fmt.Errorf("signing: %w", err)
	}
	ids = map[string]bool{idStamp: true, idToken: true}
	var insertions []insertion
	sign := []document.Node{parts.Body}
	for child := range parts.Security.Children() {
		if child.Is(ds("Signature")) || child.Is(wsu("Timestamp")) {
			return nil, nil, errors.New("signing: the envelope has a signature or a Timestamp already")
		}
		sign = append(sign, child)
	}
	for i, n := range append(sign, parts.Blocks...) {
		if own, ok := n.Attr(wsu("Id")); ok {
			ids[own] = true
			continue
		}
		id := idPrefix + strconv.Itoa(i)
		ids[id] = true
		start, _, _, _ := n.Span()
		insertions = append(insertions, insertion{start + 1 + len(n.QName()), ` gw:Id="` + id + `" xmlns:gw="` + envelope.NamespaceUtility + `"`})
	}
	tokens, err := place(tree, parts, tokens(cert, now))
	if err != nil {
		return nil, nil, err
	}
	insertions = append(insertions, tokens)
	slices.SortFunc(insertions, func(a, b insertion) int { return a.at - b.at })
	from := 0
	for _, in := range insertions {
		marked = append(append(marked, src[from:in.at]...), in.text...)
		from = in.at
	}
	return append(marked, src[from:]...), ids, nil
}

// tokens are the Timestamp and the certificate.
func tokens(cert *x509.Certificate, now time.Time) string {
	const layout = "2006-01-02T15:04:05.000Z"
	now = now.UTC()
	return `<wsu:Timestamp xmlns:wsu="` + envelope.NamespaceUtility + `" wsu:Id="` + idStamp + `"><wsu:Created>` + now.Format(layout) +
		`</wsu:Created><wsu:Expires>` + now.Add(timestampFor).Format(layout) + `</wsu:Expires></wsu:Timestamp>` +
		`<wsse:BinarySecurityToken xmlns:wsse="` + envelope.NamespaceSecurity + `" xmlns:wsu="` + envelope.NamespaceUtility + `" EncodingType="` + base64Type +
		`" ValueType="` + x509v3 + `" wsu:Id="` + idToken + `">` + base64.StdEncoding.EncodeToString(cert.Raw) + `</wsse:BinarySecurityToken>`
}

// place says where the tokens go, with the headers around them that are missing.
func place(t *document.Tree, parts envelope.Located, text string) (insertion, error) {
	errEmpty := errors.New("signing: an empty Header or Security has no end tag to write before")
	if parts.Security.Exists() {
		_, _, closing, end := parts.Security.Span()
		if closing == end {
			return insertion{}, errEmpty
		}
		return insertion{closing, text}, nil
	}
	prefix, _ := document.SplitQName(t.Root().QName())
	if prefix != "" {
		prefix += ":"
	}
	understood := ""
	if prefix != "" { // an attribute needs a prefix to be in a namespace
		understood = " " + prefix + `mustUnderstand="1"`
	}
	text = `<wsse:Security xmlns:wsse="` + envelope.NamespaceSecurity + `"` + understood + `>` + text + `</wsse:Security>`
	if header := t.Root().FirstChild(); header.Name().Local == "Header" {
		_, content, closing, end := header.Span()
		if closing == end {
			return insertion{}, errEmpty
		}
		return insertion{content, text}, nil
	}
	_, content, _, _ := t.Root().Span()
	return insertion{content, "<" + prefix + "Header>" + text + "</" + prefix + "Header>"}, nil
}

// signature is the ds:Signature over those of the nodes that have one of the ids.
func (s *Signer) signature(nodes []document.Node, ids map[string]bool) ([]byte, error) {
	// The SignedInfo is written as its own canonical form.
	info := []byte(`<ds:SignedInfo xmlns:ds="` + NamespaceSignature + `"><ds:CanonicalizationMethod Algorithm="` + exclusive +
		`"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="` + s.uri + `"></ds:SignatureMethod>`)
	var form []byte
	for _, n := range nodes {
		id, ok := n.Attr(wsu("Id"))
		if !ok || !ids[id] {
			continue
		}
		form = document.AppendExclusive(form[:0], n, nil)
		info = append(info, `<ds:Reference URI="#`...)
		info = document.AppendValue(info, id)
		info = append(info, `"><ds:Transforms><ds:Transform Algorithm="`+exclusive+`"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>`...)
		info = base64.StdEncoding.AppendEncode(info, sum(crypto.SHA256, form))
		info = append(info, "</ds:DigestValue></ds:Reference>"...)
	}
	info = append(info, "</ds:SignedInfo>"...)
	value, err := s.sign(sum(crypto.SHA256, info))
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	out := append([]byte(`<ds:Signature xmlns:ds="`+NamespaceSignature+`">`), info...)
	out = append(out, "<ds:SignatureValue>"...)
	out = base64.StdEncoding.AppendEncode(out, value)
	return append(out, `</ds:SignatureValue><ds:KeyInfo><wsse:SecurityTokenReference xmlns:wsse="`+envelope.NamespaceSecurity+
		`"><wsse:Reference URI="#`+idToken+`" ValueType="`+x509v3+`"></wsse:Reference></wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>`...), nil
}

func sum(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// sign writes an ECDSA signature as RFC 6931 §2.3.6 has it.
func (s *Signer) sign(digest []byte) ([]byte, error) {
	value, err := s.key.Sign(rand.Reader, digest, crypto.SHA256)
	key, elliptic := s.key.Public().(*ecdsa.PublicKey)
	if err != nil || !elliptic {
		return value, err
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(value, &pair); err != nil {
		return nil, err
	}
	size := (key.Params().N.BitLen() + 7) / 8
	value = make([]byte, 2*size)
	pair.R.FillBytes(value[:size])
	pair.S.FillBytes(value[size:])
	return value, nil
}
