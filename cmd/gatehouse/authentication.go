package main

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/oidc"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// authenticationSection is what senders may prove who they are with, besides
// what the directory itself checks.
type authenticationSection struct {
	// Tokens are the issuers whose bearer tokens are taken.
	Tokens []oidc.Config `yaml:"tokens"`
	// Digests are the technical users whose UsernameTokens may hold a
	// PasswordDigest, with the secret to check it by: the directory gives none out.
	Digests []digestSection `yaml:"digests"`
	// Signatures says whose signatures of messages are taken.
	Signatures *signaturesSection `yaml:"signatures"`
	// TokenWindow is how far a UsernameToken's or a Timestamp's Created may be from
	// now, and how long a Nonce or a signature is remembered; 5m
	TokenWindow time.Duration `yaml:"token_window"`
	// Operators are the ways in at the operations API: basic (default), certificate
	// and bearer.
	Operators waysIn `yaml:"operators"`
}

type digestSection struct {
	User     string        `yaml:"user,required"` // the login, as the directory has it
	Password config.Secret `yaml:"password"`      // that the sender computes its digests with; not the directory's
}

// waysIn is one way in or a list of them.
type waysIn []gateway.WayIn

// UnmarshalNode reads `certificate` as well as `[certificate, bearer]`.
func (w *waysIn) UnmarshalNode(n *config.Node) error {
	nodes := n.Items()
	if n.Kind == config.Scalar {
		nodes = []*config.Node{n}
	}
	for _, item := range nodes {
		way := gateway.WayIn(item.Text())
		if !slices.Contains(gateway.AllWaysIn, way) {
			return item.Fault("%q is no way in; it is one of %s", item.Text(), strings.Join(wayNames(gateway.AllWaysIn), ", "))
		}
		*w = append(*w, way)
	}
	if len(*w) == 0 {
		return n.Fault("an endpoint takes at least one of %s", strings.Join(wayNames(gateway.AllWaysIn), ", "))
	}
	return nil
}

func wayNames(ways []gateway.WayIn) []string {
	var out []string
	for _, w := range ways {
		out = append(out, string(w))
	}
	return out
}

const maxTokenWindow = time.Hour

// checkAuthentication finds ways in that lead nowhere.
func (p *project) checkAuthentication(root *config.Node, faults *config.Faults) {
	section := root.Get("authentication")
	a := p.Authentication
	if w := a.TokenWindow; w < 0 || w > maxTokenWindow {
		faults.Add(section.Get("token_window").Fault("%v is not between 0 and %v", w, maxTokenWindow))
	}
	var issuers, users []string
	for i, c := range a.Tokens {
		at := section.Get("tokens").Items()[i]
		faults.Add(located(at, c.Validate()))
		if slices.Contains(issuers, c.Issuer) {
			faults.Add(at.Fault("the issuer %s stands here twice", c.Issuer))
		}
		issuers = append(issuers, c.Issuer)
	}
	for i, d := range a.Digests {
		at := section.Get("digests").Items()[i]
		if d.Password.IsZero() {
			faults.Add(at.Fault("a digest needs a password or password_file to be checked by"))
		}
		user := gateway.FoldLogin(d.User)
		if slices.Contains(users, user) {
			faults.Add(at.Fault("the user %q stands here twice", d.User))
		}
		users = append(users, user)
	}
	if a.Signatures != nil && !p.knowsHolders() {
		faults.Add(section.Get("signatures").Fault("directory.client_certificates has to say whose the certificates are"))
	}
	p.checkHolders(root, faults)
	p.checkOperators(root, faults)
	p.checkWays(faults)
	p.checkSecurity(faults)
}

// checkHolders joins the rule that finds entries with the listener that asks
// for certificates.
func (p *project) checkHolders(root *config.Node, faults *config.Faults) {
	if !p.knowsHolders() {
		return
	}
	if p.Authentication.Signatures == nil && !p.Listen.Public.TLS.asks() && (p.Listen.Operations == nil || !p.Listen.Operations.TLS.asks()) {
		faults.Add(root.Get("directory").Get("client_certificates").Fault("nobody is asked for a certificate: listen.public.tls has no client_ca_file"))
	}
}

// checkOperators looks at the ways in of operators.
func (p *project) checkOperators(root *config.Node, faults *config.Faults) {
	at := root.Get("authentication").Get("operators")
	for _, way := range p.Authentication.Operators {
		switch {
		case way == gateway.WayDigest || way == gateway.WayUsernameToken || way == gateway.WaySignature:
			faults.Add(at.Fault("%s is of SOAP messages; operators come by basic, certificate or bearer", way))
		case way == gateway.WayCertificate && (p.Listen.Operations == nil || !p.Listen.Operations.TLS.asks() || !p.knowsHolders()):
			faults.Add(at.Fault("certificate is not configured: listen.operations.tls.client_ca_file has certificates shown, and directory.client_certificates says whose they are"))
		case way == gateway.WayBearer && !p.opens(way):
			faults.Add(at.Fault("bearer is not configured: %s", configuredBy[way]))
		}
	}
}

// checkWays looks at what endpoints name.
func (p *project) checkWays(faults *config.Faults) {
	for _, r := range p.Routes {
		for i, e := range r.From {
			if e.Authentication == nil {
				continue
			}
			at := r.node.Get("from").Items()[i].Get("authentication")
			if e.AMQP != nil {
				faults.Add(at.Fault("at a queue the broker says who the sender is: amqp: {sender: …}"))
				continue
			}
			for _, way := range e.Authentication {
				if e.REST != nil && !slices.Contains(restWays, way) {
					faults.Add(at.Fault("%s is of SOAP messages; at a rest endpoint senders come by basic, certificate or bearer", way))
				} else if !p.opens(way) {
					faults.Add(at.Fault("%s is not configured: %s", way, configuredBy[way]))
				}
			}
		}
	}
}

// configuredBy says what opens a way in.
var configuredBy = map[gateway.WayIn]string{
	gateway.WayCertificate: "listen.public.tls.client_ca_file has certificates shown, and directory.client_certificates says whose they are",
	gateway.WayBearer:      "authentication.tokens names the issuers",
	gateway.WayDigest:      "authentication.digests names the users",
	gateway.WaySignature:   "authentication.signatures names the authorities, and directory.client_certificates says whose certificates are",
}

// knowsHolders reports whether it is configured whose client certificates are.
func (p *project) knowsHolders() bool {
	return p.Directory != nil && p.Directory.ClientCertificates != nil
}

// opens reports whether a way in of senders is configured.
func (p *project) opens(way gateway.WayIn) bool {
	switch way {
	case gateway.WayCertificate:
		return p.knowsHolders() && p.Listen.Public.TLS.asks()
	case gateway.WayBearer:
		return len(p.Authentication.Tokens) > 0
	case gateway.WayDigest:
		return len(p.Authentication.Digests) > 0
	case gateway.WaySignature:
		return p.Authentication.Signatures != nil && p.knowsHolders()
	}
	return true
}

// ways are what senders at a soap or rest endpoint may prove who they are with.
func (p *project) ways(e endpointSection) []gateway.WayIn {
	return slices.DeleteFunc(slices.Clone(gateway.AllWaysIn), func(way gateway.WayIn) bool {
		return !p.opens(way) || e.REST != nil && !slices.Contains(restWays, way) || e.Authentication != nil && !slices.Contains(e.Authentication, way)
	})
}

// waysIn is what the core is told of the ways in.
func (a *assembly) waysIn() gateway.WaysIn {
	p := a.project
	w := gateway.WaysIn{
		Window:    p.Authentication.TokenWindow,
		Secrets:   map[string]config.Secret{},
		Endpoints: map[string][]gateway.WayIn{},
		Operators: p.Authentication.Operators,
	}
	if a.directory != nil && p.knowsHolders() {
		w.Certificates = a.directory
	}
	if a.tokens != nil {
		w.Tokens = a.tokens
	}
	w.Signatures, w.Security = a.signatures, a.security
	for _, d := range p.Authentication.Digests {
		w.Secrets[gateway.FoldLogin(d.User)] = d.Password
	}
	for _, r := range p.Routes {
		for _, e := range r.From {
			if e.AMQP == nil {
				w.Endpoints[e.name()] = p.ways(e)
			}
		}
	}
	return w
}

// reportWays tells by which ways senders come in at each soap or rest endpoint, and warns
// of what will not work.
func (p *project) reportWays(r *checkReport) {
	clear := []string{}
	for _, section := range p.Routes {
		for _, e := range section.From {
			if e.AMQP != nil {
				continue
			}
			ways := p.ways(e)
			r.way(checkedWay{e.name(), wayNames(ways)})
			if t := p.Listen.Public.TLS; t.asks() && t.ClientCertificates == optional && !slices.Contains(ways, gateway.WayCertificate) {
				clear = append(clear, e.name())
			}
		}
	}
	p.reportSecurity(r)
	if len(clear) > 0 {
		r.warn("certificates are asked for, and mean nothing at %s", strings.Join(clear, ", "))
	}
}
