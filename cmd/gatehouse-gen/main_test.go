package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// TestMain removes what linking gowsdl into the test leaves behind.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // gowsdl's chatter
	code := m.Run()
	removeCache()
	os.Exit(code)
}

// built makes the command and returns its path. The tests run it as a process
// of its own, as gowsdl demands.
func built(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gatehouse-gen")
	if said, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return binary
}

// ran runs the binary with a temporary folder of its own, in which nothing
// may be left.
func ran(t *testing.T, binary string, args ...string) (code int, said string) {
	t.Helper()
	temporary := t.TempDir()
	c := exec.Command(binary, args...)
	c.Env = append(os.Environ(), "TMPDIR="+temporary)
	var wrong bytes.Buffer
	c.Stderr = &wrong
	out, err := c.Output()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	return c.ProcessState.ExitCode(), string(out) + wrong.String()
}

// TestSamplesAreUpToDate makes the samples' clients again: they must be the ones
// that are checked in.
func TestSamplesAreUpToDate(t *testing.T) {
	code, said := ran(t, built(t), "-check", "../../wsdl/orders/orders.wsdl", "../../wsdl/customers/customers.wsdl")
	if code != 0 || strings.Count(said, ": typed client: ok: ") != 2 {
		t.Errorf("exit %d: %srun go generate ./wsdl", code, said)
	}
}

// archive writes the files of a txtar into a folder of that name and returns it.
func archive(t *testing.T, folder, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), folder)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(text)).Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestNasty makes clients of the contracts in testdata: each archive's comment
// says in its last line what the verdict must have in it.
func TestNasty(t *testing.T) {
	binary := built(t)
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d archives, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Split(strings.TrimSpace(string(txtar.Parse(text).Comment)), "\n")
			want := strings.TrimPrefix(said[len(said)-1], "# ")
			dir := archive(t, strings.TrimSuffix(filepath.Base(name), ".txtar"), string(text))
			code, got := ran(t, binary, filepath.Join(dir, "main.wsdl"))
			if !strings.Contains(got, want) || strings.Count(got, "\n") != 1 || (code == 0) != strings.Contains(got, "typed client: ok: ") {
				t.Errorf("exit %d, got %q, want %q in it", code, got, want)
			}
			_, err = os.Stat(filepath.Join(dir, "main.go"))
			if made := err == nil; made != strings.Contains(want, "typed client: ok") {
				t.Errorf("is there a client: %t", made)
			}
		})
	}
}

// TestVerdicts: where there can be no client, one line says why and no file is
// written.
func TestVerdicts(t *testing.T) {
	tests := []struct{ name, file, content, want string }{
		{"not there", "", "", "no typed client: a.wsdl: no such file or directory"},
		{"not a WSDL", "a.wsdl", "<html/>", "neither a WSDL nor a schema"},
		{"cut off", "a.wsdl", "<definitions", "not well-formed"},
		{"empty", "a.wsdl", "", "no typed client: "},
		{"no service", "a.wsdl", `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>`, "the WSDL has no service with a SOAP port"},
		{"no operation", "a.wsdl", idle, "the WSDL has no operation"},
	}
	binary := built(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.file != "" {
				if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, got := ran(t, binary, filepath.Join(dir, "a.wsdl"))
			if code != 1 {
				t.Errorf("exit %d", code)
			}
			if !strings.Contains(got, tt.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
			if made, err := filepath.Glob(dir + "/*.go"); err != nil || len(made) > 0 {
				t.Errorf("written: %v, %v", made, err)
			}
		})
	}
}

const idle = `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
<portType name="P"/><binding name="B" type="P"><soap:binding/></binding>
<service name="S"><port name="P" binding="B"><soap:address location="http://h/"/></port></service></definitions>`

// oneWay is a WSDL of one operation, whose request has the content model given.
func oneWay(content string) string {
	return `-- main.wsdl --
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:t="urn:t" targetNamespace="urn:t">
<types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t" elementFormDefault="qualified">` + content + `</xs:schema></types>
<message name="In"><part name="p" element="t:Go"/></message><portType name="P"><operation name="Go"><input message="t:In"/></operation></portType>
<binding name="B" type="t:P"><soap:binding/><operation name="Go"><soap:operation/><input><soap:body use="literal"/></input></operation></binding>
<service name="S"><port name="P" binding="t:B"><soap:address location="http://h/"/></port></service></definitions>
`
}

// TestFolders: whatever the folder is called, the package has a name.
func TestFolders(t *testing.T) {
	for folder, pkg := range map[string]string{"my-erp 2": "myerp2", "2nd": "client2nd", "ÄÖ": "client", "type": "typeclient", "ERP": "erp", "main": "mainclient", "...": "client"} {
		if got := packageName(folder); got != pkg {
			t.Errorf("%q gives package %q, want %q", folder, got, pkg)
		}
	}
	dir := archive(t, "my-erp 2", oneWay(`<xs:element name="Go"><xs:complexType/></xs:element>`))
	if code, said := ran(t, built(t), filepath.Join(dir, "main.wsdl")); code != 0 {
		t.Errorf("exit %d: %s", code, said)
	}
}

// TestManyTypes: thousands of types make a client in a bearable time.
func TestManyTypes(t *testing.T) {
	var b strings.Builder
	const n = 2000
	b.WriteString(`<xs:element name="Go" type="t:T0"/>`)
	for i := range n {
		fmt.Fprintf(&b, `<xs:complexType name="T%d"><xs:sequence><xs:element name="A" type="xs:int"/><xs:element name="B" type="t:T%d" minOccurs="0"/></xs:sequence></xs:complexType>`, i, (i+1)%n)
	}
	dir := archive(t, "many", oneWay(b.String()))
	binary := built(t)
	code, said := ran(t, binary, filepath.Join(dir, "main.wsdl"))
	if code != 0 {
		t.Errorf("exit %d: %s", code, said)
	}
	if code, again := ran(t, binary, "-check", filepath.Join(dir, "main.wsdl")); code != 0 || again != said {
		t.Errorf("the same again: exit %d: %s", code, again)
	}
}

// TestExponential: groups of groups of groups come to more than anybody can
// compile, and are refused in bounded time.
func TestExponential(t *testing.T) {
	for _, model := range []string{"sequence", "choice"} {
		var b strings.Builder
		b.WriteString(`<xs:element name="Go"><xs:complexType><xs:group ref="t:G0"/></xs:complexType></xs:element>`)
		const n = 40
		for i := range n {
			fmt.Fprintf(&b, `<xs:group name="G%d"><xs:%s><xs:group ref="t:G%d"/><xs:group ref="t:G%d"/></xs:%s></xs:group>`, i, model, i+1, i+1, model)
		}
		fmt.Fprintf(&b, `<xs:group name="G%d"><xs:%s><xs:element name="A" type="xs:int" minOccurs="0"/></xs:%s></xs:group>`, n, model, model)
		c := loaded(t, archive(t, "erp", oneWay(b.String())))
		if _, err := clientOf(c, "erp"); err == nil || !strings.Contains(err.Error(), "come to more than") {
			t.Errorf("%s: %v", model, err)
		}
	}
}

// TestOutputFolder: -o writes the clients elsewhere, -json tells the verdicts to
// programs, and a client that another in the folder would collide with is
// refused.
func TestOutputFolder(t *testing.T) {
	binary := built(t)
	dir := archive(t, "erp", oneWay(`<xs:element name="Go"><xs:complexType/></xs:element>`))
	out := filepath.Join(dir, "clients")
	code, said := ran(t, binary, "-json", "-o", out, filepath.Join(dir, "main.wsdl"), filepath.Join(dir, "none.wsdl"))
	var verdicts []verdict
	if err := json.Unmarshal([]byte(said), &verdicts); err != nil || code != 1 || len(verdicts) != 2 {
		t.Fatalf("exit %d, %v: %s", code, err, said)
	}
	if v := verdicts[0]; v.Client != filepath.Join(out, "main.go") || v.Operations != 1 || v.Proven != 1 || v.Samples < 2 || v.Failed != "" {
		t.Errorf("got %+v", v)
	}
	if v := verdicts[1]; v.Client != "" || v.Failed != stageLoad || v.Reason == "" {
		t.Errorf("got %+v", v)
	}
	if _, err := os.Stat(filepath.Join(dir, "main.go")); err == nil {
		t.Error("written beside the WSDL, too")
	}
	if err := os.Rename(filepath.Join(out, "main.go"), filepath.Join(out, "other.go")); err != nil {
		t.Fatal(err)
	}
	if code, said := ran(t, binary, "-o", out, filepath.Join(dir, "main.wsdl")); code != 1 || !strings.Contains(said, "no typed client: other.go beside it declares") {
		t.Errorf("exit %d: %s", code, said)
	}
	if code, said := ran(t, binary, "-check", filepath.Join(dir, "main.wsdl")); code != 1 || !strings.Contains(said, "no such file") {
		t.Errorf("exit %d: %s", code, said)
	}
}

func loaded(t *testing.T, dir string) *contract.Contract {
	t.Helper()
	c, err := contract.Load(os.DirFS(filepath.Dir(dir)), filepath.Base(dir)+"/main.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestProofCanFail: a client that compiles and writes something else than the
// contract says is found out, and so is one that does not compile.
func TestProofCanFail(t *testing.T) {
	c := loaded(t, archive(t, "erp", oneWay(`<xs:element name="Go"><xs:complexType><xs:sequence>
<xs:element name="A" type="xs:decimal"/><xs:element name="B" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>`)))
	tests := []struct{ name, old, new, operation, compiler string }{
		{"as made", "", "", "", ""},
		{"an element is lost", "`xsd:\"B,ns=urn:t\"`", "", "{urn:t}B is not expected", ""},
		{"another name", "`xsd:\"B,ns=urn:t\"`", "`xsd:\"B,ns=urn:u\"`", "{urn:t}B is not expected", ""},
		{"a decimal as an integer", "XSDDecimal `xsd:\"A,is=decimal", "int8 `xsd:\"A", "the request, ", ""},
		{"an alternative too many", "`xsd:\"B,ns=urn:t\"`", "`xsd:\"B,choice=1,ns=urn:t\"`\n\tC *string `xsd:\"C,choice=1!,ns=urn:t\"`", "C or an alternative to it is required", ""},
		{"not Go", "XSDDecimal", "XSDDecimals", "", "undefined: XSDDecimals"},
		{"not vetted", "XSDDecimal `xsd:", "XSDDecimal `xsd :", "", "bad syntax for struct tag"},
	}
	for _, tt := range tests {
		made, err := clientOf(c, "erp")
		if err != nil {
			t.Fatal(err)
		}
		source := made.files["main.go"]
		if !bytes.Contains(source, []byte(tt.old)) {
			t.Fatalf("%s: no %s in\n%s", tt.name, tt.old, source)
		}
		made.files["main.go"] = bytes.Replace(source, []byte(tt.old), []byte(tt.new), 1)
		var v verdict
		err = prove(c, made, &v)
		switch {
		case tt.compiler != "":
			if err == nil || !strings.Contains(err.Error(), tt.compiler) {
				t.Errorf("%s: %v", tt.name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.operation == "" && (len(v.Except) > 0 || v.Proven != 1):
			t.Errorf("%s: %+v", tt.name, v)
		case tt.operation != "" && (len(v.Except) != 1 || v.Proven != 0 || !strings.Contains(v.Except[0].Reason, tt.operation)):
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
}

func TestCompare(t *testing.T) {
	c := loaded(t, archive(t, "erp", oneWay(`<xs:element name="Go" type="xs:anyType"/>
<xs:element name="All"><xs:complexType><xs:all><xs:element name="A" default="7"/><xs:element name="B" type="xs:QName"/></xs:all></xs:complexType></xs:element>
<xs:element name="Float" type="xs:float"/><xs:element name="Double" type="xs:double"/><xs:element name="Decimal" type="xs:decimal"/><xs:element name="Hex" type="xs:hexBinary"/>
<xs:element name="Boolean" type="xs:boolean"/><xs:element name="Base64" type="xs:base64Binary"/><xs:element name="String" type="xs:string"/><xs:element name="Date" type="xs:date"/><xs:element name="Tokens" type="xs:NMTOKENS"/>`)))
	const namespaces = ` xmlns:t="urn:t" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="http://www.w3.org/2001/XMLSchema"`
	tests := []struct{ element, a, b, want string }{
		{"Float", "0.1234567891", "0.12345679", ""}, {"Float", "0.1234567891", "0.1234568", "became"}, {"Double", "0.1234567891", "0.12345679", "became"},
		{"Decimal", " +1.50 ", "1.5", ""}, {"Decimal", "0.12345678901234567890", "0.12345678901234567891", "became"}, {"Decimal", "1", "x", "became"},
		{"Boolean", "1", "true", ""}, {"Boolean", "1", "0", "became"}, {"Base64", "AAAA AAAA", "AAAAAAAA", ""}, {"Base64", "AAAA", "aAAA", "became"}, {"Hex", "0aFF", "0AFF", ""},
		{"String", "1", "1.0", "became"}, {"String", "a", " a", "became"}, {"Date", " 2026-03-02", "2026-03-02", ""}, {"Tokens", "a  b", "a b", ""}, {"Tokens", "a b", "ab", "became"},
		{"Go", `<a x="1" y="2"> <b/> </a>`, `<a y="2" x="1"><b></b></a>`, ""}, {"Go", "<a>1</a>", "<a>1.0</a>", "became"},
		{"Go", `<a x="1"/>`, `<a/>`, "attribute x is lost"}, {"Go", `<a/>`, `<a x="1"/>`, "an attribute x is added"},
		{"Go", `<b/>`, ``, "it is lost"}, {"Go", ``, `<b/>`, "an element b is added"},
		{"Go", `<b/><c/>`, `<c/><b/>`, "it became c"}, {"Go", `<a/>`, `<a xmlns="urn:x"/>`, "it became {urn:x}a"}, {"Go", `<a/>`, `<a`, "cannot be read"},
		{"All", `<t:A/><t:B xmlns:p="urn:p">p:x</t:B>`, `<t:B xmlns:q="urn:p">q:x</t:B><t:A>7</t:A>`, ""},
		{"All", `<t:B xmlns:p="urn:p">p:x</t:B>`, `<t:B xmlns:p="urn:q">p:x</t:B>`, "became"},
		{"All", `<t:A i:type="x:int">1</t:A>`, `<t:A>1</t:A>`, ""}, {"All", `<t:A i:type="t:int">1</t:A>`, `<t:A>1</t:A>`, "type is lost"},
	}
	for _, tt := range tests {
		wrapped := func(content string) []byte {
			return []byte("<t:" + tt.element + namespaces + ">" + content + "</t:" + tt.element + ">")
		}
		got := (&comparison{c}).compare(wrapped(tt.a), wrapped(tt.b), c.Element(contract.Name{Space: "urn:t", Local: tt.element}))
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s and %s: %q, want %q", tt.element, tt.a, tt.b, got, tt.want)
		}
	}
}

func TestFileNames(t *testing.T) {
	for wsdl, want := range map[string]string{
		"orders.wsdl": "orders.go", "my orders.1.wsdl": "my orders.1.go", "a_b.wsdl": "a_b.go", ".wsdl": "client.go", "_x.wsdl": "x.go",
		"orders_windows.wsdl": "orders_windows_client.go", "orders_linux_arm64.wsdl": "orders_linux_arm64_client.go", "a_test.wsdl": "a_test_client.go", "soapxml.wsdl": "soapxml_client.go",
	} {
		if got := fileName(wsdl); got != want {
			t.Errorf("%q gives %q, want %q", wsdl, got, want)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	for name, want := range map[string]string{
		"order": "Order", "order-line": "OrderLine", "a.b": "AB", "_x": "X_x", "日本": "X日本", "élan": "Élan", "1": "X1", "": "X", "type": "Type", "a_b": "A_b",
	} {
		if got := identifier(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
	n := names{}
	got := []string{n.take("Order"), n.take("ORDER", "OrderType"), n.take("order"), n.take("Order")}
	if want := []string{"Order", "OrderType", "order2", "Order3"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"-x"}} {
		var said bytes.Buffer
		if code := run(args, t.Output(), &said); code != 2 || !strings.Contains(said.String(), "usage:") {
			t.Errorf("%v: exit %d, %s", args, code, &said)
		}
	}
}
