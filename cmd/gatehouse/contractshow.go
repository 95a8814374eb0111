package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/plural"
)

func newContractShow() *cobra.Command {
	var (
		root, tree string
		asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "show FILE[#OPERATION]",
		Short: "Show what a WSDL or XSD offers, and what of it can be served",
		Long: `Show what a WSDL or XSD offers: services, ports, operations, the files it is made of,
and what is not supported or not enforced, with the reason.

With --tree, or as FILE#OPERATION, the messages of one operation are shown as a tree
of paths, such as mappings use, with how often each element occurs and what it takes.
SERVICE.OPERATION tells two services' operations apart; of an XSD it is an element.

schema.status is ok, or degraded where the schemas do not compile; messages are then
not checked against them. The exit status is 1 when the contract does not load.`,
		Example: `  gatehouse contract show wsdl/orders/orders.wsdl
  gatehouse contract show wsdl/orders/orders.wsdl#SubmitOrder`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, operation, named := strings.Cut(args[0], "#")
			if named && tree != "" {
				return usageError{fmt.Errorf("--tree %s and %s name an operation both", tree, args[0])}
			}
			operation = cmp.Or(operation, tree)
			if named && operation == "" {
				return usageError{fmt.Errorf("%s: no operation behind the #", args[0])}
			}
			out := cmd.OutOrStdout()
			c, err := loadContractFile(file, root)
			if err != nil {
				if asJSON {
					return explainBroken(out, err)
				}
				return err
			}
			if operation != "" {
				return showTree(out, c, file, operation, asJSON)
			}
			shown := contractShown(c, file)
			if asJSON {
				return printJSON(out, shown)
			}
			return shown.print(out)
		},
	}
	rootFlag(cmd, &root)
	cmd.Flags().StringVar(&tree, "tree", "", "show the messages of this `operation` as trees")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// shownContract is what show prints, and with --json its documented shape:
// members are added, never renamed.
type shownContract struct {
	File            string         `json:"file"`
	Hash            string         `json:"hash"`
	TargetNamespace string         `json:"target_namespace"`
	Documentation   string         `json:"documentation,omitempty"`
	Schema          shownSchema    `json:"schema"`
	Services        []shownService `json:"services"`
	// Elements are the global elements of a contract without services.
	Elements []shownElement `json:"elements,omitempty"`
	Policies []shownPolicy  `json:"policies"`
	Files    []shownFile    `json:"files"`
	Notes    []remark       `json:"notes"`
}

// shownPolicy is something that the contract demands beyond its messages.
type shownPolicy struct {
	place
	Subject   string       `json:"subject"`
	Assertion shownElement `json:"assertion"`
	Optional  bool         `json:"optional"`
	Enforced  bool         `json:"enforced"`
	Words     string       `json:"words"` // what becomes of it
}

type shownSchema struct {
	Status string `json:"status"` // ok or degraded
	Reason string `json:"reason,omitempty"`
}

type shownService struct {
	Name          string           `json:"name"`
	Documentation string           `json:"documentation,omitempty"`
	Schema        shownSchema      `json:"schema"`
	Ports         []shownPort      `json:"ports"`
	Operations    []shownOperation `json:"operations"`
}

type shownPort struct {
	Name    string `json:"name"`
	SOAP    string `json:"soap"` // 1.1 or 1.2
	Address string `json:"address"`
}

type shownOperation struct {
	Name          string         `json:"name"`
	Documentation string         `json:"documentation,omitempty"`
	Style         string         `json:"style"`
	OneWay        bool           `json:"one_way"`
	Supported     bool           `json:"supported"`
	Unsupported   string         `json:"unsupported,omitempty"` // why
	Actions       shownActions   `json:"actions"`
	Input         *shownMessage  `json:"input,omitempty"`
	Output        *shownMessage  `json:"output,omitempty"`
	Faults        []shownMessage `json:"faults"`
	At            place          `json:"at"`
}

type shownActions struct {
	SOAP11           string `json:"soap11,omitempty"`
	SOAP12           string `json:"soap12,omitempty"`
	AddressingInput  string `json:"addressing_input,omitempty"`
	AddressingOutput string `json:"addressing_output,omitempty"`
}

type shownElement struct {
	Namespace     string `json:"namespace"`
	Name          string `json:"name"`
	Documentation string `json:"documentation,omitempty"`
}

type shownMessage struct {
	Name    string        `json:"name"`
	Use     string        `json:"use,omitempty"`
	Element *shownElement `json:"element,omitempty"`
	// Gathered: the parts themselves stand in the Body, and element is not there.
	Gathered bool          `json:"gathered,omitempty"`
	Parts    []shownPart   `json:"parts,omitempty"`
	Headers  []shownHeader `json:"headers,omitempty"`
}

type shownPart struct {
	Name    string        `json:"name"`
	Element *shownElement `json:"element,omitempty"`
	Type    string        `json:"type,omitempty"` // {namespace}name, of a part that names a type
}

type shownHeader struct {
	Element  *shownElement  `json:"element,omitempty"`
	Message  string         `json:"message"`
	Part     string         `json:"part"`
	Required bool           `json:"required"`
	Use      string         `json:"use"`
	Faults   []shownMessage `json:"faults,omitempty"`
}

type shownFile struct {
	Path string `json:"path"`
	Size int    `json:"size"`
	Hash string `json:"sha256"`
}

func schemaShown(reason string) shownSchema {
	if reason != "" {
		return shownSchema{"degraded", reason}
	}
	return shownSchema{Status: "ok"}
}

func contractShown(c *contract.Contract, file string) *shownContract {
	out := &shownContract{File: file, Hash: hex.EncodeToString(c.Hash[:]), TargetNamespace: c.TargetNamespace,
		Documentation: c.Doc, Schema: schemaShown(c.Degraded()), Services: []shownService{}, Policies: []shownPolicy{}, Notes: remarks(c.Notes)}
	for _, s := range c.Services {
		out.Services = append(out.Services, serviceShown(s))
	}
	if len(c.Services) == 0 {
		for el := range c.Elements() {
			out.Elements = append(out.Elements, *elementShown(el))
		}
	}
	for _, p := range c.Policies {
		out.Policies = append(out.Policies, shownPolicy{placeOf(p.Position), p.Subject,
			shownElement{Namespace: p.Assertion.Space, Name: p.Assertion.Local}, p.Optional, p.Enforced, p.Words})
	}
	for _, f := range c.Files {
		out.Files = append(out.Files, shownFile{f.Path, f.Size, hex.EncodeToString(f.Hash[:])})
	}
	return out
}

func serviceShown(s *contract.Service) shownService {
	out := shownService{Name: s.Name, Documentation: s.Doc, Schema: schemaShown(s.Degraded()), Ports: []shownPort{}, Operations: []shownOperation{}}
	for _, p := range s.Ports {
		version := "1.1"
		if p.SOAP12 {
			version = "1.2"
		}
		out.Ports = append(out.Ports, shownPort{p.Name, version, p.Address})
	}
	for _, o := range s.Operations {
		out.Operations = append(out.Operations, operationShown(o))
	}
	return out
}

func operationShown(o *contract.Operation) shownOperation {
	return shownOperation{
		Name: o.Name, Documentation: o.Doc, Style: o.Style.String(), OneWay: o.OneWay(),
		Supported: o.Unsupported == "", Unsupported: o.Unsupported,
		Actions: shownActions{o.Action11, o.Action12, o.InputAction, o.OutputAction},
		Input:   messageShown(o.Input), Output: messageShown(o.Output), Faults: faultsShown(o.Faults), At: placeOf(o.Position),
	}
}

func faultsShown(faults []*contract.FaultMessage) []shownMessage {
	out := []shownMessage{}
	for _, f := range faults {
		out = append(out, shownMessage{Name: f.Name, Element: elementShown(f.Element), Parts: partsShown(f.Parts)})
	}
	return out
}

func messageShown(m *contract.Message) *shownMessage {
	if m == nil {
		return nil
	}
	out := &shownMessage{Name: m.Name, Use: m.Use.String(), Element: elementShown(m.Element), Gathered: m.Gathered, Parts: partsShown(m.Parts)}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, shownHeader{elementShown(h.Element), h.Message, h.Part, h.Required, h.Use.String(), faultsShown(h.Faults)})
	}
	return out
}

func partsShown(parts []*contract.Part) []shownPart {
	var out []shownPart
	for _, p := range parts {
		one := shownPart{Name: p.Name, Element: elementShown(p.Element)}
		if p.Typed && p.Element != nil {
			one.Type = p.Element.Type.Name.String()
		}
		out = append(out, one)
	}
	return out
}

func elementShown(el *contract.Element) *shownElement {
	if el == nil {
		return nil
	}
	return &shownElement{el.Name.Space, el.Name.Local, el.Doc}
}

// print renders the contract for people.
func (c *shownContract) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "contract\t%s\n", c.File)
	fmt.Fprintf(w, "hash\t%s\n", c.Hash)
	fmt.Fprintf(w, "namespace\t%s\n", c.TargetNamespace)
	fmt.Fprintf(w, "schema\t%s\n", c.Schema)
	if c.Documentation != "" {
		fmt.Fprintf(w, "about\t%s\n", c.Documentation)
	}
	for i := range c.Services {
		c.Services[i].print(w)
	}
	for _, el := range c.Elements {
		fmt.Fprintf(w, "element\t%s\n", el)
	}
	for _, p := range c.Policies {
		fmt.Fprintf(w, "\npolicy\t%s\n", p.Assertion)
		fmt.Fprintf(w, "  on\t%s\n", p.Subject)
		fmt.Fprintf(w, "  %s\t%s\n", p.state(), p.Words)
	}
	fmt.Fprintln(w)
	for _, f := range c.Files {
		fmt.Fprintf(w, "file\t%s\t%s\t%s\n", f.Path, plural.Of(f.Size, "byte", "bytes"), f.Hash[:12])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, n := range c.Notes {
		fmt.Fprintf(out, "note  %s\n", n)
	}
	return nil
}

func (p shownPolicy) state() string {
	state := "not enforced"
	if p.Enforced {
		state = "enforced"
	}
	if p.Optional {
		state += ", optional"
	}
	return state
}

// String renders the status with its reason.
func (s shownSchema) String() string {
	if s.Reason == "" {
		return s.Status
	}
	return s.Status + ": " + s.Reason
}

// String renders the element as {namespace}name.
func (e shownElement) String() string {
	if e.Namespace == "" {
		return e.Name
	}
	return "{" + e.Namespace + "}" + e.Name
}

// String renders the remark as file:line:column: message.
func (r remark) String() string {
	return contract.Fault{Position: contract.Position{File: r.File, Line: r.Line, Column: r.Column}, Message: r.Message}.String()
}

func (s *shownService) print(w io.Writer) {
	fmt.Fprintf(w, "\nservice\t%s\n", s.Name)
	if s.Documentation != "" {
		fmt.Fprintf(w, "  about\t%s\n", s.Documentation)
	}
	if s.Schema.Reason != "" {
		fmt.Fprintf(w, "  schema\t%s\n", s.Schema)
	}
	for _, p := range s.Ports {
		fmt.Fprintf(w, "  port\t%s: SOAP %s at %s\n", p.Name, p.SOAP, p.Address)
	}
	for i := range s.Operations {
		s.Operations[i].print(w)
	}
}

func (o *shownOperation) print(w io.Writer) {
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(w, "    %s\t%s\n", label, text)
		}
	}
	fmt.Fprintf(w, "  operation\t%s\n", o.Name)
	line("about", o.Documentation)
	line("style", o.Style)
	line("unsupported", o.Unsupported)
	line("soapAction", o.Actions.soap())
	line("wsa:Action", o.Actions.AddressingInput)
	line("answer's wsa:Action", o.Actions.AddressingOutput)
	o.Input.print(line, "input")
	if o.OneWay {
		line("output", "none: one-way")
	}
	o.Output.print(line, "output")
	for i := range o.Faults {
		line("fault", o.Faults[i].Name+": "+o.Faults[i].text())
	}
}

// soap is the action of both SOAP versions, told apart where they differ.
func (a shownActions) soap() string {
	switch {
	case a.SOAP11 == a.SOAP12 || a.SOAP12 == "":
		return a.SOAP11
	case a.SOAP11 == "":
		return a.SOAP12
	}
	return a.SOAP11 + " (SOAP 1.1), " + a.SOAP12 + " (SOAP 1.2)"
}

func (m *shownMessage) text() string {
	if m.Element == nil {
		return "an empty Body"
	}
	if !m.Gathered {
		return m.Element.String()
	}
	parts := make([]string, len(m.Parts))
	for i, p := range m.Parts {
		parts[i] = p.Name
	}
	return fmt.Sprintf("%s, gathered of the parts %s", m.Element, strings.Join(parts, ", "))
}

func (m *shownMessage) print(line func(label, text string), label string) {
	if m == nil {
		return
	}
	text := m.text()
	if m.Use == contract.Encoded.String() {
		text += " (encoded)"
	}
	line(label, text)
	for _, h := range m.Headers {
		text := h.Part
		if h.Element != nil {
			text = h.Element.String()
		}
		if h.Required {
			text += " (required)"
		}
		line("  header", text)
		for i := range h.Faults {
			line("  header fault", h.Faults[i].Name+": "+h.Faults[i].text())
		}
	}
}
