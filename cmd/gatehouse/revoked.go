package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"slices"
	"sync"
	"time"
)

// revocations refuses client certificates that their authority has withdrawn: those
// on the lists of one file (RFC 5280 §5). The file is read again when it changes. It
// is safe for concurrent use.
type revocations struct {
	path string
	now  func() time.Time
	log  *slog.Logger

	mu    sync.Mutex
	stamp fileStamp
	lists []revocationList
	told  string // what was wrong last
}

// revocationList is one authority's list.
type revocationList struct {
	*x509.RevocationList
	serials map[string]bool
	signers *sync.Map // whether an authority, by its certificate, has signed it
}

// signedBy checks the signature once for each authority: a list may be long.
func (l *revocationList) signedBy(authority *x509.Certificate) bool {
	if string(l.RawIssuer) != string(authority.RawSubject) {
		return false
	}
	known, ok := l.signers.Load(string(authority.Raw))
	if !ok {
		known = l.CheckSignatureFrom(authority) == nil
		l.signers.Store(string(authority.Raw), known)
	}
	return known.(bool)
}

// newRevocations reads the lists for the first time.
func newRevocations(path string, now func() time.Time, log *slog.Logger) (*revocations, error) {
	r := &revocations{path: path, now: now, log: log, stamp: stampOf(path)}
	lists, err := readLists(path)
	r.lists = lists
	for _, l := range r.lists {
		if r.over(&l) {
			r.tell(overdue(&l))
		}
	}
	return r, err
}

// over reports whether there should be a newer list by now.
func (r *revocations) over(l *revocationList) bool {
	return !l.NextUpdate.IsZero() && r.now().After(l.NextUpdate)
}

func overdue(l *revocationList) string {
	return fmt.Sprintf("the list of %s was good until %s", l.Issuer, l.NextUpdate.Format(time.RFC3339))
}

// verify is tls.Config.VerifyConnection: it passes whom at least one chain without
// a withdrawn certificate vouches for. Who shows no certificate is another's to judge.
func (r *revocations) verify(state tls.ConnectionState) error {
	if len(state.VerifiedChains) == 0 {
		return nil
	}
	lists := r.current()
	var err error
	for _, chain := range state.VerifiedChains {
		if err = r.judge(chain, lists); err == nil {
			return nil
		}
	}
	return err
}

// current returns the lists as the file has them. While it cannot be read the ones
// before go on.
func (r *revocations) current() []revocationList {
	r.mu.Lock()
	defer r.mu.Unlock()
	stamp := stampOf(r.path)
	if stamp.same(r.stamp) && stamp.fault == "" {
		return r.lists
	}
	lists, err := readLists(r.path)
	if err != nil {
		r.tell(fmt.Sprintf("the lists read before go on: %v", err))
		return r.lists
	}
	r.lists, r.stamp, r.told = lists, stamp, ""
	return lists
}

// tell logs what a person must mend, once.
func (r *revocations) tell(what string) {
	if r.told != what {
		r.told = what
		r.log.Error("revoked certificates cannot be told", "file", r.path, "reason", what)
	}
}

// judge refuses a chain with a withdrawn certificate, and one whose sender's
// authority has no list that is still good: then nobody knows.
func (r *revocations) judge(chain []*x509.Certificate, lists []revocationList) error {
	for i, cert := range chain[:len(chain)-1] {
		list := listOf(lists, chain[i+1])
		switch {
		case list == nil && i > 0: // an authority between, of which nothing is said
		case list == nil:
			return r.unknown(fmt.Sprintf("no list is signed by %s", cert.Issuer))
		case list.serials[serialKey(cert.SerialNumber)]:
			return fmt.Errorf("the certificate %s of %s is withdrawn", cert.SerialNumber, cert.Subject)
		case r.over(list):
			return r.unknown(overdue(list))
		}
	}
	return nil
}

func (r *revocations) unknown(what string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell(what)
	return errors.New(what)
}

// listOf returns the newest list that the authority has signed.
func listOf(lists []revocationList, authority *x509.Certificate) (newest *revocationList) {
	for i := range lists {
		if l := &lists[i]; l.signedBy(authority) && (newest == nil || l.ThisUpdate.After(newest.ThisUpdate)) {
			newest = l
		}
	}
	return newest
}

const maxLists = 64 << 20 // bytes

// readLists reads lists in PEM, one after the other, or one in DER.
func readLists(path string) ([]revocationList, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLists {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxLists)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ders := [][]byte{}
	for block, rest := pem.Decode(src); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "X509 CRL" {
			ders = append(ders, block.Bytes)
		}
	}
	if len(ders) == 0 {
		ders = [][]byte{src}
	}
	var lists []revocationList
	for _, der := range ders {
		list, err := readList(der)
		if err != nil {
			return nil, fmt.Errorf("%s holds no list of revoked certificates: %w", path, err)
		}
		lists = append(lists, list)
	}
	return lists, nil
}

// partial are the extensions by which a list says that it is not all of it: a delta
// (RFC 5280 §5.2.4), or of some certificates only (§5.2.5).
var partial = []asn1.ObjectIdentifier{{2, 5, 29, 27}, {2, 5, 29, 28}}

func readList(der []byte) (revocationList, error) {
	parsed, err := x509.ParseRevocationList(der)
	if err != nil {
		return revocationList{}, err
	}
	list := revocationList{RevocationList: parsed, signers: &sync.Map{},
		serials: make(map[string]bool, len(parsed.RevokedCertificateEntries))}
	for _, e := range parsed.Extensions {
		if slices.ContainsFunc(partial, e.Id.Equal) {
			return list, fmt.Errorf("the list of %s is a part of one: deltas and lists of some certificates are not taken", parsed.Issuer)
		}
		if e.Critical {
			return list, fmt.Errorf("the list of %s has the extension %v, which is not understood", parsed.Issuer, e.Id)
		}
	}
	for _, e := range parsed.RevokedCertificateEntries {
		list.serials[serialKey(e.SerialNumber)] = true
	}
	return list, nil
}

func serialKey(n *big.Int) string { return string(n.Bytes()) }
