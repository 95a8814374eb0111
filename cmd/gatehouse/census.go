package main

import (
	"context"
	"errors"
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

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
			found, err := r.directory.Find(ctx, m.Group)
			switch {
			case err != nil:
				return errors.Join(faults.Err(), at.Fault("%v", err))
			case len(found) == 0:
				faults.Add(at.Fault("role %s: there is no group %q in %s", role.Name, m.Group, r.directory.Place()))
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
