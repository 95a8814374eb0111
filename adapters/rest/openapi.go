package rest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/sample"
)

// ownSchemas are those of what the door itself answers.
//
//go:embed schema.json
var ownSchemas []byte

// object is a small JSON object.
type object = map[string]any

// Document is an OpenAPI 3.1 description of what is below Root.
type Document struct {
	Info Info
	// Paths are by path, such as /api/submit-order.
	Paths map[string]Path
	// Schemas are what Paths refer to by #/components/schemas/.
	Schemas *contract.JSONSchemas
}

// Info says what the document describes.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"` // of the configuration
	Description string `json:"description,omitempty"`
}

// Path is what can be done at one path, by method in lower case.
type Path map[string]*Operation

// Operation is one thing that can be done.
type Operation struct {
	ID          string                `json:"operationId"`
	Summary     string                `json:"summary,omitempty"`
	Description string                `json:"description,omitempty"`
	Tags        []string              `json:"tags,omitempty"`
	Parameters  []Parameter           `json:"parameters,omitempty"`
	Request     *Body                 `json:"requestBody,omitempty"`
	Responses   map[string]Response   `json:"responses"` // by status, or default
	Security    []map[string][]string `json:"security"`

	fields []fieldRow // of a view, for people
}

// Parameter is part of a path, a query or the headers.
type Parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Description string `json:"description,omitempty"`
	Required    bool   `json:"required,omitempty"`
	Schema      any    `json:"schema"`
}

// Body is what is sent.
type Body struct {
	Required bool             `json:"required"`
	Content  map[string]Media `json:"content"`
}

// Response is what is answered.
type Response struct {
	Description string              `json:"description"`
	Headers     map[string]Returned `json:"headers,omitempty"`
	Content     map[string]Media    `json:"content,omitempty"`
}

// Returned is a header of a Response.
type Returned struct {
	Description string `json:"description"`
	Schema      any    `json:"schema"`
}

// Media is a body of one media type.
type Media struct {
	Schema   any                `json:"schema"`
	Examples map[string]Example `json:"examples,omitempty"`
}

// Example is a body that is valid.
type Example struct {
	Value json.RawMessage `json:"value"`
}

const schemasPrefix = "#/components/schemas/"

// Failures is the response to what is refused: a problem document.
func Failures() Response {
	return Response{Description: "refused; the code and the status say why", Content: map[string]Media{mediaProblem: {Schema: object{"$ref": schemasPrefix + "Problem"}}}}
}

// Secured are the security requirements of an endpoint: any one of its ways in.
func Secured(ways []gateway.WayIn) []map[string][]string {
	out := []map[string][]string{}
	for _, w := range ways {
		if _, known := schemes[w]; known {
			out = append(out, map[string][]string{string(w): {}})
		}
	}
	return out
}

// schemes are the ways in that this door knows.
var schemes = map[gateway.WayIn]object{
	gateway.WayBasic:       {"type": "http", "scheme": "basic"},
	gateway.WayBearer:      {"type": "http", "scheme": "bearer"},
	gateway.WayCertificate: {"type": "mutualTLS"},
}

// newDocument describes the routes.
func newDocument(entrances []*gateway.Entrance, version string) *Document {
	d := &Document{
		Info:    Info{Title: "Gatehouse", Version: version, Description: "What is sent and answered is the JSON twin of XML that a contract describes."},
		Paths:   map[string]Path{},
		Schemas: contract.NewJSONSchemas(schemasPrefix),
	}
	var own map[string]json.RawMessage
	if err := json.Unmarshal(ownSchemas, &own); err != nil {
		panic(err) // it is part of the program
	}
	for name, schema := range own {
		d.Schemas.Schemas[name] = schema
	}
	for _, e := range entrances {
		d.Paths[Root+e.Route] = Path{"post": d.post(e)}
	}
	return d
}

// post describes sending a message.
func (d *Document) post(e *gateway.Entrance) *Operation {
	op, examples := e.Mapping.Operation, sample.New(e.Mapping.Contract, e.Mapping.Service)
	o := &Operation{
		ID:          "post-" + e.Route,
		Summary:     "Send " + op.Name,
		Description: op.Doc,
		Tags:        []string{e.Mapping.Contract.System + "/" + e.Mapping.Service.Name},
		Parameters: []Parameter{{
			Name: headerKey, In: "header", Required: e.DemandsKey,
			Description: "what the message is known by when it is sent again: a string in quotes",
			Schema:      object{"type": "string", "maxLength": maxKey + 2},
		}},
		Request: &Body{Required: true, Content: map[string]Media{mediaJSON: {
			Schema:   d.Schemas.Element(op.Input.Element),
			Examples: examplesOf(examples, op, sample.Direction{}),
		}}},
		Responses: map[string]Response{"200": d.answer(op, examples), "default": Failures()},
		Security:  Secured(e.Ways),
	}
	return o
}

// answer describes the reply, or what stands for it.
func (d *Document) answer(op *contract.Operation, examples *sample.Maker) Response {
	media := Media{Schema: object{"$ref": schemasPrefix + "Kept"}}
	if op.Output != nil && op.Output.Element != nil {
		media = Media{Schema: d.Schemas.Element(op.Output.Element), Examples: examplesOf(examples, op, sample.Direction{Reply: true})}
	}
	return Response{
		Description: "the message is stored, now or before",
		Headers: map[string]Returned{
			httpdoor.HeaderMessageID: {"the message in the ledger", object{"type": "string", "format": "uuid"}},
			httpdoor.HeaderDuplicate: {"true where an earlier request has stored it", object{"type": "string", "const": "true"}},
		},
		Content: map[string]Media{mediaJSON: media},
	}
}

// examplesOf are the samples that there are of a message.
func examplesOf(m *sample.Maker, op *contract.Operation, of sample.Direction) map[string]Example {
	out := map[string]Example{}
	for name, mode := range map[string]sample.Mode{"minimal": sample.Minimal, "full": sample.Full} {
		msg, err := m.Message(op, of, sample.Options{Mode: mode, Declared: true})
		if err != nil {
			continue // a contract that only endless messages satisfy has none
		}
		if text, err := msg.JSON(); err == nil {
			out[name] = Example{Value: bytes.TrimSpace(text)}
		}
	}
	return out
}

// head is what differs for who asks: scheme, host and prefix that callers use;
// empty where that is not known.
func head(base string) []byte {
	if base == "" {
		return []byte(`{"openapi":"3.1.0",`)
	}
	return []byte(`{"openapi":"3.1.0","servers":[{"url":"` + base + `"}],`) // a sane base has nothing to escape
}

// body renders everything else.
func (d *Document) body() ([]byte, error) {
	known := object{}
	for way, scheme := range schemes {
		known[string(way)] = scheme
	}
	return json.Marshal(object{
		"info":       d.Info,
		"paths":      d.Paths,
		"components": object{"schemas": d.Schemas.Schemas, "securitySchemes": known},
	})
}

// documents keeps the document of the configuration that was asked for last.
type documents struct {
	mu      sync.Mutex
	version string
	body    []byte
}

// of returns the document of a configuration, as callers at base see it.
func (k *documents) of(version, base string, describe func() *Document) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.body == nil || k.version != version {
		body, err := describe().body()
		if err != nil {
			return nil, fault.New(fault.CodeInternal, "").Because(err)
		}
		k.version, k.body = version, body
	}
	return slices.Concat(head(base), k.body[1:]), nil
}

// describe answers with the index, or with the OpenAPI document. Caches may keep
// it and must ask whether it is still the one (RFC 9111 §5.2.2.4).
func (x *Exchange) describe(path string) error {
	entrances, version := x.handler.core.Entrances(door)
	x.W.Header().Set("Vary", "Accept, Authorization")
	if path == "" && x.wantsPage() {
		return x.placed(x.page)
	}
	if path == "" {
		x.Answer(http.StatusOK, "text/plain; charset=utf-8", x.index(entrances))
		return nil
	}
	if err := x.Accepts(mediaJSON); err != nil {
		return err
	}
	if x.privately() {
		return x.placed(x.describePrivately)
	}
	return x.placed(func() error { return x.describePublicly(entrances, version) })
}

// placed does work that takes one of the places for requests.
func (x *Exchange) placed(work func() error) error {
	if !x.Take() {
		return fault.New(fault.CodeBusy, "")
	}
	defer x.Free()
	return work()
}

func (x *Exchange) describePublicly(entrances []*gateway.Entrance, version string) error {
	text, err := x.handler.documents.of(version, x.Peer.Base, func() *Document {
		d := newDocument(entrances, version)
		for _, r := range x.handler.resources {
			r.Describe(d)
		}
		return d
	})
	if err != nil {
		return err
	}
	if x.Held(text) {
		return nil
	}
	x.Answer(http.StatusOK, mediaJSON, text)
	return nil
}

// index lists what is found here.
func (x *Exchange) index(entrances []*gateway.Entrance) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Described by %s%s%s\n\nRoutes that take JSON:\n", x.Peer.Base, Root, documentName)
	for _, e := range entrances {
		fmt.Fprintf(&b, "\nPOST %s%s%s\n     %s/%s.%s\n", x.Peer.Base, Root, e.Route, e.Mapping.Contract.System, e.Mapping.Service.Name, e.Mapping.Operation.Name)
	}
	return b.Bytes()
}
