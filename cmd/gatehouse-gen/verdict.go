package main

import (
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// The stages a client may fail at.
const (
	stageLoad     = "load"     // the contract does not load
	stageGenerate = "generate" // gowsdl makes nothing usable of it
	stageCompile  = "compile"
	stageWrite    = "write" // or it is not the one that is there, with -check
)

// verdict is what is said of one WSDL.
type verdict struct {
	WSDL   string `json:"wsdl"`
	Client string `json:"client,omitempty"` // its file; empty when there is none
	Failed string `json:"failed,omitempty"` // the stage
	Reason string `json:"reason,omitempty"`
	// Operations counts those of the contract, Proven those whose messages went
	// through the client's types and came back equal and valid.
	Operations int `json:"operations"`
	Proven     int `json:"proven"`
	Samples    int `json:"samples"`
	// Except are the operations that are not in the client, or not proven.
	Except []exception `json:"except,omitempty"`
	// Degraded says why the contract's schemas do not compile: then samples are
	// not validated, only compared.
	Degraded string `json:"degraded,omitempty"`
}

type exception struct {
	Service   string `json:"service"`
	Operation string `json:"operation"`
	Reason    string `json:"reason"`
}

func (v verdict) failed(stage string, err error) verdict {
	v.Client, v.Failed, v.Reason = "", stage, strings.Join(strings.Fields(err.Error()), " ")
	return v
}

func (v *verdict) planned(c *contract.Contract, made *client) {
	for _, s := range c.Services {
		v.Operations += len(s.Operations)
		if v.Degraded == "" {
			v.Degraded = s.Degraded()
		}
	}
	for _, n := range made.notes {
		v.except(n.Service, n.Operation, n.Reason)
	}
}

func (v *verdict) except(service, operation, reason string) {
	v.Except = append(v.Except, exception{service, operation, strings.Join(strings.Fields(reason), " ")})
}

// String is the verdict in one line.
func (v verdict) String() string {
	switch {
	case v.Failed == stageWrite:
		return fmt.Sprintf("%s: typed client: not written: %s", v.WSDL, v.Reason)
	case v.Failed != "":
		return fmt.Sprintf("%s: no typed client: %s", v.WSDL, v.Reason)
	case len(v.Except) == 0:
		return fmt.Sprintf("%s: typed client: ok: %s", v.WSDL, v.Client)
	}
	const shown = 3
	var parts []string
	for i, e := range v.Except {
		if i == shown {
			parts = append(parts, fmt.Sprintf("and %d more", len(v.Except)-shown))
			break
		}
		parts = append(parts, fmt.Sprintf("operation %s: %s", e.Operation, e.Reason))
	}
	return fmt.Sprintf("%s: typed client: ok but for %s: %s", v.WSDL, strings.Join(parts, "; "), v.Client)
}
