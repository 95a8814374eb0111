package main

import (
	"strings"

	"github.com/gatehouse/gatehouse/internal/config"
)

// checkSecrets refuses secrets that stand in the file itself, which is copied, sent and
// checked in more lightly than a secret may be, unless it says that it is no real one.
func (p *project) checkSecrets(root *config.Node, faults *config.Faults) {
	if p.LiteralSecrets {
		return
	}
	for _, n := range root.Literals() {
		key := n.Path()[strings.LastIndexByte(n.Path(), '.')+1:]
		faults.Add(n.Fault("a secret in clear text; write %s_file: with the name of a file that holds it, or %s: ${NAME} to take it from the environment (a demonstration or a test sets literal_secrets: true)", key, key))
	}
}

// noteSecrets tells which secrets stand in the file by permission.
func (p *project) noteSecrets(r *checkReport) {
	var paths []string
	for _, n := range p.root.Literals() {
		paths = append(paths, n.Path())
	}
	switch {
	case len(paths) > 0:
		r.warn("literal_secrets: fit for a demonstration or a test only: in clear text stand %s", strings.Join(paths, ", "))
	case p.LiteralSecrets:
		r.warn("literal_secrets: no secret stands in the file; take the key out, so that none ever will")
	}
}
