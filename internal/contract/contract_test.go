package contract

import (
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/wsdl"
)

func TestLoadSample(t *testing.T) {
	c := sample(t)
	if c.System != "orders" || c.Path != "orders/orders.wsdl" || c.TargetNamespace != nsOrders || c.Doc != "Orders and shipments, sent by an ERP, and what has become of the orders, to be asked for." {
		t.Errorf("system %q, path %q, namespace %q, doc %q", c.System, c.Path, c.TargetNamespace, c.Doc)
	}
	if len(c.Notes) > 0 {
		t.Errorf("notes %v", c.Notes)
	}
	var files []string
	for _, f := range c.Files {
		files = append(files, f.Path)
	}
	if want := []string{"orders.wsdl", "orders.xsd", "order-types.xsd", "common.xsd"}; !slices.Equal(files, want) {
		t.Errorf("files %q, want %q", files, want)
	}
	s := c.Service("OrderService")
	if s == nil || len(c.Services) != 1 || s.Degraded() != "" {
		t.Fatalf("services %v", c.Services)
	}
	const address = "http://localhost:8080/soap/orders/OrderService"
	if want := []Port{{"OrderPort11", false, address}, {"OrderPort12", true, address}}; !slices.Equal(s.Ports, want) {
		t.Errorf("ports %v, want %v", s.Ports, want)
	}
}

func TestSampleOperations(t *testing.T) {
	s := sample(t).Services[0]
	submit, notify := s.Operation(orders("SubmitOrder")), s.Operation(orders("NotifyShipment"))
	if submit == nil || notify == nil || s.OperationNamed("SubmitOrder") != submit {
		t.Fatalf("operations %v", s.Operations)
	}
	if s.Operation(orders("ReturnOrder")) != nil || s.Operation(Name{Local: "SubmitOrder"}) != nil {
		t.Error("an operation that does not exist is found")
	}
	const action = nsOrders + "/SubmitOrder"
	if submit.Style != DocumentWrapped || submit.Action11 != action || submit.Action12 != action || submit.InputAction != action {
		t.Errorf("style %v, actions %q %q %q", submit.Style, submit.Action11, submit.Action12, submit.InputAction)
	}
	if got, want := submit.Faults[0].Action, nsOrders+":OrderPortType:SubmitOrder:Fault:OrderFault"; got != want {
		t.Errorf("fault action %q, want %q", got, want)
	}
	if got, want := submit.OutputAction, nsOrders+":OrderPortType:SubmitOrderResponse"; got != want {
		t.Errorf("output action %q, want %q", got, want)
	}
	if submit.OneWay() || submit.Output.Element.Name != orders("SubmitOrderResponse") || len(submit.Faults) != 1 || submit.Faults[0].Element.Name != orders("OrderFault") {
		t.Errorf("output %v, faults %v", submit.Output, submit.Faults)
	}
	if !notify.OneWay() || notify.OutputAction != "" || notify.Unsupported != "" {
		t.Errorf("NotifyShipment: output %v, action %q, unsupported %q", notify.Output, notify.OutputAction, notify.Unsupported)
	}
}

func TestSampleTypes(t *testing.T) {
	c := sample(t)
	order, ok := c.Element(orders("SubmitOrder")).Type.Child(orders("Order"))
	if !ok || order.Min != 1 || order.Max != 1 {
		t.Fatalf("Order %v", order)
	}
	revision := order.Element.Type.Attr(Name{Local: "revision"})
	if revision == nil || revision.Required || revision.Type.Builtin != "positiveInteger" || revision.Type.Primitive != "decimal" {
		t.Errorf("revision %v", revision)
	}
	lines, _ := order.Element.Type.Child(orders("Lines"))
	line, ok := lines.Element.Type.Child(orders("Line"))
	if !ok || line.Min != 1 || line.Max != Unbounded {
		t.Errorf("Line %v", line)
	}
	quantity, _ := line.Element.Type.Child(orders("Quantity"))
	s := quantity.Element.Type.Simple
	if s.Primitive != "decimal" || *s.TotalDigits != 12 || *s.FractionDigits != 3 || *s.MinExclusive != "0" || s.MinInclusive != nil {
		t.Errorf("Quantity %+v", s)
	}
	if quantity.Element.Doc != "How much is ordered, in Unit; more than zero." || quantity.Element.Position.File != "order-types.xsd" || quantity.Element.Position.Line == 0 {
		t.Errorf("doc %q, position %v", quantity.Element.Doc, quantity.Element.Position)
	}
	feature, _ := line.Element.Type.Child(orders("Feature"))
	if feature.Min != 0 || feature.Max != Unbounded || feature.Element.Type.Simple == nil || feature.Element.Type.Attr(Name{Local: "name"}) == nil {
		t.Errorf("Feature %v", feature)
	}
	if _, ok := line.Element.Type.Child(Name{Local: "Sku"}); ok {
		t.Error("an unqualified Sku is found")
	}
	if c.Type(xsdName("token")) == nil || c.Type(Name{Local: "Nothing"}) != nil || c.Element(Name{}) != nil {
		t.Error("types or elements by name")
	}
}

// TestHash: the same files have the same hash wherever they lie; one byte in
// any of them, or another name for one, makes another.
func TestHash(t *testing.T) {
	first := sample(t).Hash
	if again := sample(t).Hash; again != first {
		t.Error("two loads, two hashes")
	}
	moved := copySample(t, "elsewhere/orders/")
	c, err := Load(moved, "elsewhere/orders/orders.wsdl")
	if err != nil || c.Hash != first || c.System != "orders" {
		t.Errorf("moved: error %v, same hash %t", err, err == nil && c.Hash == first)
	}
	for _, name := range []string{"orders.wsdl", "orders.xsd", "order-types.xsd", "common.xsd"} {
		changed := copySample(t, "")
		changed[name].Data = append(changed[name].Data, '\n')
		c, err := Load(changed, "orders.wsdl")
		if err != nil || c.Hash == first {
			t.Errorf("%s changed: error %v, or the hash is the same", name, err)
		}
	}
}

func copySample(t *testing.T, prefix string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	names, err := fs.Glob(wsdl.FS, "orders/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		src, err := fs.ReadFile(wsdl.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		out[prefix+name[len("orders/"):]] = &fstest.MapFile{Data: src}
	}
	return out
}

// TestLoadEncodings: a contract in another encoding is the same contract.
func TestLoadEncodings(t *testing.T) {
	const doc = "Ääkköset"
	schema := func(encoding string) string {
		return `<?xml version="1.0" encoding="` + encoding + `"?><xs:schema xmlns:xs="` + nsXSD + `"><xs:element name="a"><xs:annotation><xs:documentation>` + doc + `</xs:documentation></xs:annotation></xs:element></xs:schema>`
	}
	tests := map[string][]byte{
		"UTF-8":      []byte(schema("UTF-8")),
		"BOM":        []byte("\xEF\xBB\xBF" + schema("utf-8")),
		"ISO-8859-1": narrow(schema("ISO-8859-1")),
		"UTF-16":     utf16le(schema("UTF-16")),
	}
	for name, src := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := Load(fstest.MapFS{"a.xsd": {Data: src}}, "a.xsd")
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Element(Name{Local: "a"}).Doc; got != doc {
				t.Errorf("doc %q, want %q", got, doc)
			}
		})
	}
}

func narrow(s string) []byte {
	var out []byte
	for _, r := range s {
		out = append(out, byte(r))
	}
	return out
}

func utf16le(s string) []byte {
	out := []byte{0xFF, 0xFE}
	for _, r := range s {
		out = append(out, byte(r), byte(r>>8))
	}
	return out
}

func TestLoadNothing(t *testing.T) {
	for _, name := range []string{"missing.wsdl", "", ".", "../x.wsdl", "/x.wsdl"} {
		c, err := Load(fstest.MapFS{}, name)
		if faults, ok := err.(Faults); !ok || len(faults) != 1 || c != nil {
			t.Errorf("%q: %v, %v", name, c, err)
		}
	}
}
