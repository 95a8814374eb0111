package envelope

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// listed knows one address.
func listed(address string) (string, bool) {
	return "https://erp.example/replies", address == "https://ERP.example/replies"
}

const reference = `<wsa:ReplyTo ` + wsa + `><wsa:Address>https://ERP.example/replies</wsa:Address>%</wsa:ReplyTo>`

// TestListedAddress: an address that is listed is taken as it is listed, with its
// reference parameters as header blocks; nobody writes our own headers so.
func TestListedAddress(t *testing.T) {
	const holder = "<wsa:ReferenceParameters>%</wsa:ReferenceParameters>"
	for _, tt := range []struct{ name, parameters, want string }{
		{"none", "", ""},
		{"one", `<q:Box xmlns:q="urn:q" q:n="1">7 &lt; 8</q:Box>`, `<q:Box ref0:IsReferenceParameter="true" xmlns:ref0="` + NamespaceAddressing + `" xmlns:q="urn:q" q:n="1">7 &lt; 8</q:Box>`},
		{"without a prefix", `<Box xmlns="urn:q"/>`, `<Box ref0:IsReferenceParameter="true" xmlns:ref0="` + NamespaceAddressing + `" xmlns="urn:q"/>`},
		{"a prefix that is taken", `<ref0:Box xmlns:ref0="urn:q"/>`, `<ref0:Box ref1:IsReferenceParameter="true" xmlns:ref1="` + NamespaceAddressing + `" xmlns:ref0="urn:q"/>`},
		{"marked", `<q:Box xmlns:q="urn:q" wsa:IsReferenceParameter="1"/>`, `<q:Box xmlns:wsa="` + NamespaceAddressing + `" xmlns:q="urn:q" wsa:IsReferenceParameter="1"/>`},
		{"marked as none", `<q:Box xmlns:q="urn:q" wsa:IsReferenceParameter="0"/>`, "!"},
		{"a header of addressing", `<wsa:To>https://other.example/</wsa:To>`, "!"},
		{"of SOAP", `<s:Fault/>`, "!"},
		{"of security", `<x:Security xmlns:x="` + NamespaceSecurity + `"/>`, "!"},
		{"with an attribute of SOAP", `<q:Box xmlns:q="urn:q" s:mustUnderstand="1"/>`, "!"},
		{"large", `<q:Box xmlns:q="urn:q">` + strings.Repeat("x", maxParameters) + `</q:Box>`, "!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := strings.Replace(reference, "%", strings.Replace(holder, "%", tt.parameters, 1), 1)
			head, err := Peek([]byte(message(ns11, header)), Limits{Listed: listed})
			if tt.want == "!" {
				if fault.Of(err) == nil || fault.Of(err).Code != fault.CodeAddressing {
					t.Fatal(err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			a := head.Addressing
			if a.ReplyTo != "https://erp.example/replies" || a.ReplyBlocks != tt.want || a.FaultTo != "" {
				t.Errorf("%q with %s", a.ReplyTo, a.ReplyBlocks)
			}
			r := head.Reply("urn:act", "urn:id")
			r.To, r.Blocks = a.ReplyTo, a.ReplyBlocks
			written := AppendReply(nil, r, []byte("<a xmlns='u'/>"))
			tree, err := document.Read(written)
			if err != nil {
				t.Fatalf("%v: %s", err, written)
			}
			tree.Release()
		})
	}
}

// TestAddressing2004 is the same in the words of the submission.
func TestAddressing2004(t *testing.T) {
	header := strings.ReplaceAll(strings.Replace(reference, "%", `<wsa:ReferenceProperties><Box xmlns="urn:q"/></wsa:ReferenceProperties>`, 1)+
		`<wsa:MessageID `+wsa+`>urn:1</wsa:MessageID><wsa:FaultTo `+wsa+`><wsa:Address>`+NamespaceAddressing+`/role/anonymous</wsa:Address></wsa:FaultTo>`,
		NamespaceAddressing, NamespaceAddressing2004)
	head, err := Peek([]byte(message(ns11, header)), Limits{Listed: listed})
	if err != nil {
		t.Fatal(err)
	}
	want := Addressing{MessageID: "urn:1", ReplyTo: "https://erp.example/replies", ReplyBlocks: `<Box xmlns="urn:q"/>`, FaultTo: AddressAnonymous, Used: true, Space: NamespaceAddressing2004}
	if head.Addressing != want {
		t.Errorf("%+v", head.Addressing)
	}
	f := NewFault(Sender, fault.New(fault.CodeInvalid, ""), head, "")
	written := string(AppendFault(nil, head.Version, f))
	if !strings.Contains(written, ">"+NamespaceAddressing2004+"/fault<") || strings.Contains(written, `"`+NamespaceAddressing+`"`) {
		t.Error(written)
	}
	// Beside the other vocabulary it is not spoken, and must not be overlooked when
	// it is marked.
	both := header + `<wsa:Action ` + wsa + `>urn:a</wsa:Action>`
	if head, err = Peek([]byte(message(ns11, both)), Limits{Listed: listed}); err != nil || head.Addressing != (Addressing{Action: "urn:a", Used: true, Space: NamespaceAddressing}) {
		t.Errorf("%+v, %v", head.Addressing, err)
	}
	if _, err = Peek([]byte(message(ns11, strings.Replace(both, "<wsa:MessageID", `<wsa:MessageID s:mustUnderstand="1"`, 1))), Limits{Listed: listed}); fault.Of(err) == nil || fault.Of(err).Code != fault.CodeMustUnderstand {
		t.Errorf("%v", err)
	}
}
