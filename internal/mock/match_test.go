package mock

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
)

func TestMatches(t *testing.T) {
	const ns = ` xmlns="urn:t" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	tests := []struct {
		name, recorded, message string
		want                    bool
	}{
		{"the same", `<a` + ns + `><b>1</b></a>`, `<t:a xmlns:t="urn:t"><t:b> 1 </t:b></t:a>`, true},
		{"another name", `<a` + ns + `/>`, `<b` + ns + `/>`, false},
		{"another namespace", `<a` + ns + `/>`, `<a/>`, false},
		{"another text", `<a` + ns + `>1</a>`, `<a` + ns + `>2</a>`, false},
		{"text in pieces", `<a` + ns + `>1&amp;2</a>`, `<a` + ns + `><![CDATA[1&2]]><!-- --></a>`, true},
		{"one more", `<a` + ns + `><b/></a>`, `<a` + ns + `><b/><b/></a>`, false},
		{"one less", `<a` + ns + `><b/><b/></a>`, `<a` + ns + `><b/></a>`, false},
		{"another order", `<a` + ns + `><b/><c/></a>`, `<a` + ns + `><c/><b/></a>`, false},
		{"text and element", `<a` + ns + `><b/></a>`, `<a` + ns + `>b</a>`, false},
		{"attributes", `<a` + ns + ` x="1" y="2"/>`, `<a y='2' x='1'` + ns + `/>`, true},
		{"an attribute more", `<a` + ns + ` x="1"/>`, `<a` + ns + ` x="1" y="2"/>`, false},
		{"an attribute less", `<a` + ns + ` x="1" y="2"/>`, `<a` + ns + ` x="1"/>`, false},
		{"another value", `<a` + ns + ` x="1"/>`, `<a` + ns + ` x="2"/>`, false},
		{"xsi:type", `<a` + ns + `/>`, `<a` + ns + ` xsi:type="b"/>`, true},
		{"xsi:nil", `<a` + ns + `/>`, `<a` + ns + ` xsi:nil="true"/>`, false},
		{"star for text", `<a` + ns + `><b>*</b></a>`, `<a` + ns + `><b>2</b></a>`, true},
		{"star for nothing", `<a` + ns + `><b> * </b></a>`, `<a` + ns + `><b/></a>`, true},
		{"star for elements", `<a` + ns + `>*</a>`, `<a` + ns + ` x="1"><b/><c/></a>`, true},
		{"star for one element", `<a` + ns + `><b>*</b></a>`, `<a` + ns + `><b/><b/></a>`, false},
		{"star for an attribute", `<a` + ns + ` x="*"/>`, `<a` + ns + ` x="2"/>`, true},
		{"star for no attribute", `<a` + ns + ` x="*"/>`, `<a` + ns + `/>`, false},
		{"star within text", `<a` + ns + `>PO-*</a>`, `<a` + ns + `>PO-1</a>`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recorded, err := document.Read([]byte(tt.recorded))
			if err != nil {
				t.Fatal(err)
			}
			message, err := document.Read([]byte(tt.message))
			if err != nil {
				t.Fatal(err)
			}
			p := &Pair{request: recorded, payload: recorded.Root()}
			if got := p.matches(message.Root()); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
