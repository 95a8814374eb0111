package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/census"
	"github.com/gatehouse/gatehouse/adapters/ldap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// newCensus is what looks into the groups of a directory section, which is valid.
func newCensus(section ldap.Config) (*census.Directory, error) {
	c := section.Effective()
	t := c.TLS
	secure, err := config.TLS{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName, MinVersion: t.MinVersion}.Load()
	if err != nil {
		return nil, err
	}
	secure.InsecureSkipVerify = t.InsecureSkipVerify
	out := census.Config{
		TLS: secure, StartTLS: c.StartTLS, Timeout: c.RequestTimeout, BindDN: c.BindDN, BindPassword: c.BindPassword,
		Base: c.GroupSearch.BaseDN, Filter: c.GroupSearch.Filter, MemberAttribute: c.GroupSearch.MemberAttribute, UserAttribute: c.GroupSearch.UserAttribute,
		NameAttribute: c.GroupSearch.NameAttribute, PageSize: c.GroupSearch.PageSize, MaxGroups: c.GroupSearch.MaxGroups, Normalize: ldap.NormalizeDN,
	}
	for _, text := range c.URLs {
		server, err := ldapServer(text)
		if err != nil {
			return nil, err
		}
		out.Servers = append(out.Servers, server)
	}
	return census.New(out), nil
}

// ldapServer reads ldaps://dc1.corp.example.
func ldapServer(text string) (census.Server, error) {
	u, err := url.Parse(text)
	if err != nil {
		return census.Server{}, err
	}
	s := census.Server{URL: text, Host: u.Hostname(), TLS: u.Scheme == "ldaps"}
	port := u.Port()
	switch {
	case port != "":
	case s.TLS:
		port = "636"
	default:
		port = "389"
	}
	s.Address = net.JoinHostPort(s.Host, port)
	return s, nil
}

// checkGroups finds the groups that roles name and the directory does not have, or has
// several of.
func (r *running) checkGroups(ctx context.Context, report *checkReport) error {
	var faults config.Faults
	for _, role := range r.project.Roles {
		for i, m := range role.Value.Members {
			if m.Group == "" {
				continue
			}
			at := role.node.Get("members").Items()[i].Get("group")
			found, err := r.census.Find(ctx, m.Group)
			switch {
			case err != nil:
				return errors.Join(faults.Err(), at.Fault("%v", err))
			case len(found) == 0:
				faults.Add(at.Fault("role %s: there is no group %q in %s", role.Name, m.Group, r.census.Place()))
			case len(found) > 1:
				report.warn("%s:%d: role %s: %d groups are called %q, and the members of each have the role: %s", at.File, at.Line, role.Name, len(found), m.Group, namesOf(found))
			}
		}
	}
	return faults.Err()
}

func namesOf(groups []gateway.GroupEntry) string {
	var out []string
	for _, g := range groups {
		out = append(out, g.DN)
	}
	return strings.Join(out, ", ")
}
