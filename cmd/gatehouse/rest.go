package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/sample"
)

// restEndpoint is a route's address for JSON. It may be written as the operation
// alone.
type restEndpoint struct {
	Operation string `yaml:"operation,required"` // system/Service.Operation
	// IdempotencyKey is optional (default), or required: a request without an
	// Idempotency-Key is refused then.
	IdempotencyKey string `yaml:"idempotency_key"`
}

// UnmarshalNode reads `orders/OrderService.SubmitOrder` as well as
// `{operation: orders/OrderService.SubmitOrder}`.
func (e *restEndpoint) UnmarshalNode(n *config.Node) error {
	if n.Kind == config.Scalar {
		e.Operation = n.Text()
		return nil
	}
	type plain restEndpoint
	return n.Decode((*plain)(e))
}

// required is idempotency_key where a message has to have one.
const required = "required"

// doors counts the doors that an endpoint names.
func (e endpointSection) doors() int {
	count := 0
	for _, named := range []bool{e.SOAP != "", e.REST != nil, e.AMQP != nil} {
		if named {
			count++
		}
	}
	return count
}

// demandsKey reports whether messages as JSON have to name themselves.
func (r *routeSection) demandsKey() bool {
	return slices.ContainsFunc(r.From, func(e endpointSection) bool { return e.REST != nil && e.REST.IdempotencyKey == required })
}

// checkREST looks at the route's address for JSON.
func (r *routeSection) checkREST(faults *config.Faults) {
	seen := false
	for i, e := range r.From {
		if e.REST == nil {
			continue
		}
		at := r.node.Get("from").Items()[i].Get("rest")
		if key := e.REST.IdempotencyKey; key != "" && key != "optional" && key != required {
			faults.Add(at.Get("idempotency_key").Fault("%q is neither optional nor required", key))
		}
		if seen {
			faults.Add(at.Fault("route %q has two rest endpoints, and one address: %s%s", r.Route, rest.Root, r.Route))
		}
		seen = true
		if err := apiName(r.Route); err != nil {
			faults.Add(at.Fault("%v", err))
		}
	}
}

// reserved are the names below /api/ that are taken.
var reserved = []string{"openapi.json", rest.MessagesName}

// apiName checks a name that is to be found below /api/. Routes are not alone there:
// whatever else gets names there is checked by this, and must not be a route with a
// rest endpoint.
func apiName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
	switch {
	case name == "":
		return nil // reported already
	case strings.Trim(name, letters) != "" || strings.Trim(name, ".") == "":
		return fmt.Errorf("the name %q cannot stand in the address %s%s: letters, digits and - . _ ~ can", name, rest.Root, name)
	case slices.Contains(reserved, name):
		return fmt.Errorf("%s%s is taken: the gateway describes itself there", rest.Root, name)
	}
	return nil
}

// tellable checks that messages of a route with a rest endpoint, and their replies,
// can be told in JSON: what the contract allows without naming it cannot. An operation
// of which no sample can be made at all is given the benefit of the doubt.
func tellable(r routeSection, m *mapping.Mapping) error {
	i := slices.IndexFunc(r.From, func(e endpointSection) bool { return e.REST != nil })
	if i < 0 {
		return nil
	}
	at := r.node.Get("from").Items()[i].Get("rest")
	samples := sample.New(m.Contract, m.Service)
	directions := []sample.Direction{{}}
	if out := m.Operation.Output; out != nil && out.Element != nil {
		directions = append(directions, sample.Direction{Reply: true})
	}
	var faults []error
	for _, d := range directions {
		if _, err := samples.Message(m.Operation, d, sample.Options{}); err != nil {
			continue
		}
		msg, err := samples.Message(m.Operation, d, sample.Options{Declared: true})
		if err == nil {
			_, err = msg.JSON()
		}
		if err != nil {
			what := map[bool]string{false: "messages", true: "replies"}[d.Reply]
			faults = append(faults, at.Fault("%s of %s cannot be told in JSON: %v", what, m.Operation.Name, err))
		}
	}
	return errors.Join(faults...)
}

// restWays are the ways in that a message without an envelope can come by.
var restWays = []gateway.WayIn{gateway.WayBasic, gateway.WayCertificate, gateway.WayBearer}

// publicDoors is what the public listener serves: JSON below /api/, SOAP elsewhere.
func (s *service) publicDoors(soapDoor *soap.Handler) http.Handler {
	restDoor := rest.NewHandler(soapDoor.Door(), s.core, s.log)
	restDoor.CountRefusals(func(code fault.Code) { s.watch.core.TurnedAway("rest", code) })
	messages := &rest.Messages{Ledger: s.store, Core: s.core}
	restDoor.Add(s.serveStreams(s.keys, messages)) // before the rows of views: a stream is below one
	restDoor.Add(s.exports)                        // so is an export
	views := s.serveSearches(messages)
	restDoor.Add(views)
	restDoor.Add(rest.NewReports(views, currentSearches{s}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if restDoor.Takes(r) {
			restDoor.ServeHTTP(w, r)
			return
		}
		soapDoor.ServeHTTP(w, r)
	})
}
