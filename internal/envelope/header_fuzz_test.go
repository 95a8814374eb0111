package envelope

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// FuzzHeaders writes one header block of any name, mark, role and text. What is
// for us, must be understood and is not is refused as that, and nothing else is; what
// is taken of WS-Addressing is what was written.
func FuzzHeaders(f *testing.F) {
	const addressing, security = "http://www.w3.org/2005/08/addressing", "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	f.Add(false, "urn:x", "a", "1", "", "")
	f.Add(true, "urn:x", "a", " true ", "http://www.w3.org/2003/05/soap-envelope/role/none", "")
	f.Add(true, addressing, "MessageID", "1", "http://www.w3.org/2003/05/soap-envelope/role/next", "urn:uuid:1")
	f.Add(false, addressing, "To", "0", "http://schemas.xmlsoap.org/soap/actor/next", "http://gw/")
	f.Add(false, addressing, "RelatesTo", "1", "", " ")
	f.Add(false, security, "Security", "true", "urn:elsewhere", "")
	f.Add(false, NamespaceXI, "Main", "1", "", "")
	f.Add(true, "http://schemas.xmlsoap.org/ws/2005/02/rm", "Sequence", "1", "", "x")
	f.Fuzz(func(t *testing.T, soap12 bool, space, local, mark, role, text string) {
		ns, roleName := ns11, "actor"
		if soap12 {
			ns, roleName = ns12, "role"
		}
		if strings.ContainsAny(local, " \t\r\n<>/=\"'&:") || local == "" {
			return // that would be another document, not another name
		}
		src := []byte(message(ns, "<h:"+local+" xmlns:h='"+escaped(space)+"' s:mustUnderstand='"+escaped(mark)+"' s:"+roleName+"='"+escaped(role)+"'>"+escaped(text)+"</h:"+local+">"))
		head, err := Peek(src, Limits{})
		must := map[string]bool{"1": true, "true": true}[strings.Trim(mark, " \t\r\n")]
		known := slices.Contains(understood, document.Name{Space: space, Local: local})
		role = strings.Trim(role, " ")
		forUs := role == "" || role == "http://schemas.xmlsoap.org/soap/actor/next" && !soap12 ||
			soap12 && (role == "http://www.w3.org/2003/05/soap-envelope/role/next" || role == "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver")
		if err != nil {
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Kind() == fault.Internal {
				t.Fatalf("%v", err)
			}
			if e.Code == fault.CodeMustUnderstand && (!must || !forUs || known) {
				t.Fatalf("%s is refused, and need not be: %v", src, err)
			}
			return
		}
		if must && forUs && !known {
			t.Fatalf("%s is taken, and nobody understands it", src)
		}
		if _, err := document.Read(src); err != nil {
			return // Peek looks no further than it has to
		}
		if space == addressing && local == "MessageID" && forUs && head.Addressing.MessageID != strings.TrimSpace(text) {
			t.Fatalf("%q became %q", text, head.Addressing.MessageID)
		}
	})
}
