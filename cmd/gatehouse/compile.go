package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/adapters/outbound"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/query"
)

// compiled is what a project's files say, before any server is spoken to.
type compiled struct {
	contracts []*contract.Contract
	// mappings and queries have one for each of project.Routes: one of the two, or none
	// where the contract is broken.
	mappings []*mapping.Mapping
	queries  []*query.Query
	// broken says why contracts did not load: they and their routes are left
	// out, and stop nobody else.
	broken []error
	// partners are the operations that SOAP channels call, by channel; nil where the
	// contract is broken, which also leaves out the routes that publish there.
	partners map[string]*outbound.Partner
	access   *gateway.Access
	version  string
}

// compile loads contracts and mappings and holds them against each other and
// against the configuration. All faults are reported at once; those of
// contracts stand in the result.
func (p *project) compile() (*compiled, error) {
	c := &compiled{}
	var faults []error
	version := sha256.New()
	var note reader = func(file string, named *config.Node) []byte {
		src, err := os.ReadFile(file)
		if err != nil {
			faults = append(faults, named.Fault("%v", err))
			return nil
		}
		fmt.Fprintf(version, "%s %x\n", file, sha256.Sum256(src))
		return src
	}
	note(p.file, p.root)
	byPath := map[string]*contract.Contract{} // nil: listed, but did not load
	for i, path := range p.Contracts {
		byPath[string(path)] = nil
		if note(string(path), p.root.Get("contracts").Items()[i]) == nil {
			continue
		}
		loaded, err := p.loadContract(string(path))
		if err != nil {
			c.broken = append(c.broken, err)
			continue
		}
		fmt.Fprintf(version, "%s %x\n", path, loaded.Hash)
		c.contracts = append(c.contracts, loaded)
		byPath[string(path)] = loaded
	}
	var err error
	if c.partners, err = p.partners(c, note, byPath); err != nil {
		faults = append(faults, err)
	}
	for _, ch := range p.Channels {
		if partner := c.partners[ch.Name]; partner != nil {
			fmt.Fprintf(version, "%s %x\n", ch.Name, partner.Contract.Hash)
		}
	}
	for i, r := range p.Routes {
		var m *mapping.Mapping
		var q *query.Query
		if r.query {
			q, err = p.compileQuery(i, note, byPath)
		} else {
			m, err = p.compileMapping(r, note, byPath, c.partners)
		}
		if err != nil {
			faults = append(faults, err)
		}
		c.queries = append(c.queries, q)
		if m != nil {
			m = m.Living(p.liveTables())
		}
		if m != nil && m.Refers && p.Attachments.Directory == "" {
			faults = append(faults, r.node.Get("mapping").Fault("the mapping reads attachments by reference, and nothing is configured to keep them: give attachments.directory"))
		}
		c.mappings = append(c.mappings, m)
	}
	if err := p.unfit.Err(); err != nil {
		faults = append(faults, err)
	}
	for _, d := range p.views {
		fmt.Fprintf(version, "%s %x\n", d.Path, sha256.Sum256(d.src))
	}
	c.access = p.access(&faults)
	c.version = hex.EncodeToString(version.Sum(nil))[:12]
	return c, errors.Join(faults...)
}

// loadContract reads a WSDL with what it refers to, from the project's folder
// or, when it lies elsewhere, from the folder above its own.
func (p *project) loadContract(path string) (*contract.Contract, error) {
	root := p.dir
	rel, err := filepath.Rel(root, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		root = filepath.Dir(filepath.Dir(path))
		rel, err = filepath.Rel(root, path)
	}
	if err != nil {
		return nil, err
	}
	c, err := contract.Load(os.DirFS(root), filepath.ToSlash(rel))
	if faults, ok := errors.AsType[contract.Faults](err); ok {
		for i := range faults { // named from the WSDL's folder; many folders have an orders.wsdl
			faults[i].Position.File = filepath.Join(filepath.Dir(path), filepath.FromSlash(faults[i].Position.File))
		}
	}
	return c, err
}

// reader reads a file of the project, which becomes part of its version. A file
// that cannot be read is a fault where it is named, and nil.
type reader func(file string, named *config.Node) []byte

func (p *project) compileMapping(r routeSection, read reader, contracts map[string]*contract.Contract, partners map[string]*outbound.Partner) (*mapping.Mapping, error) {
	src := read(string(r.Mapping), r.node.Get("mapping"))
	if src == nil {
		return nil, nil // reported already
	}
	file, err := mapping.Parse(string(r.Mapping), src)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(p.dir, filepath.FromSlash(file.ContractPath()))
	c, listed := contracts[path]
	if !listed {
		return nil, r.unlisted(file.ContractPath(), p.dir, contracts)
	}
	if c == nil {
		return nil, nil // reported already
	}
	sets, err := codeSets(file, read)
	if err != nil || sets == nil {
		return nil, err
	}
	if !callable(file, partners) {
		return nil, nil // reported already
	}
	file.Calls(called(partners))
	m, err := mapping.Compile(file, c, sets...)
	if err != nil {
		return nil, err
	}
	var wrong config.Faults
	for _, e := range r.From {
		if e.AMQP == nil { // a queue has no name of an operation to compare
			wrong.Add(matches(r, e, m.Contract, m.Service, m.Operation))
		}
	}
	wrong.Add(tellable(r, m))
	for _, name := range m.Channels {
		ch, ok := p.Channels.get(name)
		if ch.Replies != nil {
			wrong.Add(r.node.Fault("%s publishes to channel %q, which is for replies alone", r.Mapping, name))
		}
		if !ok {
			wrong.Add(r.node.Fault("%s publishes to channel %q, which is not listed under `channels:`%s", r.Mapping, name, didYouMean(name, p.Channels.names())))
		}
	}
	if p.watching != nil {
		m = p.watching(m)
	}
	return m, wrong.Err()
}

// codeSets reads the code sets that a mapping names, from the folder codes beside
// it. Without an error, nil says that one of them could not be read, which is
// reported already.
func codeSets(m *mapping.File, read reader) ([]*mapping.CodeSet, error) {
	sets := []*mapping.CodeSet{}
	var faults []error
	missing := false
	for _, named := range m.CodeSets() {
		path := filepath.Join(filepath.Dir(m.Path), "codes", named.Name+".yaml")
		src := read(path, named.Node)
		if src == nil {
			missing = true
			continue
		}
		set, err := mapping.ParseCodeSet(path, src)
		switch {
		case err != nil:
			faults = append(faults, err)
		case set.Name != named.Name:
			faults = append(faults, named.Node.Fault("%s holds the code set %s", path, set.Name))
		default:
			sets = append(sets, set)
		}
	}
	if missing {
		sets = nil
	}
	return sets, errors.Join(faults...)
}

// matches checks that an endpoint is the operation that the route's file is for.
func matches(r routeSection, e endpointSection, c *contract.Contract, service *contract.Service, operation *contract.Operation) error {
	want := c.System + "/" + service.Name + "." + operation.Name
	for _, s := range c.Services {
		for _, op := range s.Operations {
			if e.operation() == c.System+"/"+s.Name+"."+op.Name && op.Input.Element == operation.Input.Element {
				return nil
			}
		}
	}
	return r.node.Fault("the endpoint %q does not take what %s maps; that would be %q", e.operation(), r.Mapping, want)
}

func (p *project) access(faults *[]error) *gateway.Access {
	var roles []gateway.Role
	for _, r := range p.Roles {
		role := gateway.Role{Name: r.Name, Partner: r.Value.Partner, Limits: r.Value.Limits.config()}
		for _, m := range r.Value.Members {
			member, err := normalized(m)
			if err != nil {
				*faults = append(*faults, r.node.Fault("%v", err))
			}
			role.Members = append(role.Members, member)
		}
		roles = append(roles, role)
	}
	var grants []gateway.Grant
	for _, g := range p.Grants {
		grants = append(grants, g.grant())
	}
	return gateway.NewAccess(roles, grants).WithPartners(p.partnerLimits())
}

// normalized writes a member's distinguished name as the directory adapter does.
func normalized(m memberSection) (gateway.Member, error) {
	out := gateway.Member{Group: m.Group, User: m.User}
	var err error
	if strings.Contains(m.Group, "=") {
		out.Group, err = ldap.NormalizeDN(m.Group)
	}
	if err == nil && strings.Contains(m.User, "=") {
		out.User, err = ldap.NormalizeDN(m.User)
	}
	return out, err
}
