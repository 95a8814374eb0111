package contract

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
)

func TestDispatch(t *testing.T) {
	s := graph(t, "bodies")
	a, none, pair := Name{Space: "urn:t", Local: "A"}, Name{}, Name{Local: "pair"}
	tests := []struct {
		body    Name
		actions []string
		want    string
		code    fault.Code
		says    string
	}{
		{a, []string{"urn:one"}, "One", "", ""},
		{a, []string{"", "urn:two"}, "Two", "", ""},
		{a, []string{"urn:two", "urn:two"}, "Two", "", ""},
		{a, nil, "", fault.CodeAction, `"urn:one" for One, "urn:two" for Two, "urn:other" for OtherTwo`},
		{a, []string{"", ""}, "", fault.CodeAction, `"urn:two" for Two`},
		{a, []string{"urn:ping"}, "", fault.CodeAction, `"urn:two" for Two`},
		{a, []string{"urn:one", "urn:two"}, "", fault.CodeAction, `"urn:two" for Two`},
		{none, []string{"urn:one"}, "Ping", "", ""},
		{none, nil, "Ping", "", ""},
		{pair, []string{"urn:typed-other"}, "TypedOther", "", ""},
		{Name{Space: "urn:t", Local: "B"}, []string{"anything"}, "Put#first", "", ""},
		{Name{Space: "urn:t", Local: "C"}, []string{"urn:one"}, "", fault.CodeUnknownOperation, "{urn:t}C"},
	}
	for _, tt := range tests {
		op, err := s.Dispatch(tt.body, tt.actions...)
		switch f := fault.Of(err); {
		case err == nil && (tt.code != "" || op.Name != tt.want):
			t.Errorf("%v %q: operation %s, want %q %s", tt.body, tt.actions, op.Name, tt.want, tt.code)
		case err != nil && (f.Code != tt.code || !strings.Contains(f.Message, tt.says)):
			t.Errorf("%v %q: %v, want %q %s", tt.body, tt.actions, err, tt.want, tt.code)
		}
	}
}

// TestValidateBodies holds Bodies against the operation that they were
// dispatched to, and against any.
func TestValidateBodies(t *testing.T) {
	s := graph(t, "bodies")
	const (
		one   = `<A xmlns="urn:t">1</A>`
		b     = `<B xmlns="urn:t">x</B>`
		c     = `<C xmlns="urn:t">x</C>`
		pair  = `<pair><l xmlns="urn:t">1</l><r xmlns="urn:t">2</r></pair>`
		whole = "a whole number, from -2147483648 to 2147483647"
	)
	tests := []struct{ op, body, want string }{
		{"One", one, ""},
		{"Two", one + b, ""},
		{"OtherTwo", one + c, ""},
		{"Ping", "", ""},
		{"Typed", pair, ""},
		{"TypedOther", "<pair>free</pair>", ""},
		{"Mixed", pair + b, ""},
		{"Put#first", b, ""},
		{"Two", b + one, "2:23 A: the Body has more than one child; <A>; nothing after B\n"},
		{"Two", one + "\n" + strings.Replace(b, ">x<", "><D/><", 1), "3:18 B/D: no element is allowed here; <D>; text\n"},
		{"Two", strings.Replace(one, "1", "x", 1) + b, `2:1 A: the value is not a number; "x"; ` + whole + "\n"},
		{"Ping", one, ""},
		{"TypedOther", pair, "2:7 pair/l: no element is allowed here; <l>; text\n"},
		{"Mixed", pair, "1:65 /e:Envelope/e:Body: a required element is missing; the end of e:Body; {urn:t}B, text\n"},
		{"Mixed", pair + b + b, "2:80 B[2]: the element occurs twice; <B>; the end of e:Body\n"},
		{"One", one + b, "2:23 B: the Body has more than one child; <B>; nothing after A\n"},
	}
	for _, tt := range tests {
		details, _, err := s.ValidateFor(s.OperationNamed(tt.op), inEnvelope(nsEnv11, tt.body), 0)
		if err != nil || short(details) != tt.want {
			t.Errorf("%s %s: error %v\ngot\n%swant\n%s", tt.op, tt.body, err, short(details), tt.want)
		}
	}
	for body, want := range map[string]string{
		one + b: "", one: "", "": "", pair: "",
		"<X/>":      "2:1 X: the service has no operation with this Body; X; one of {urn:t}A, {urn:t}A with {urn:t}B, {urn:t}A with {urn:t}C, an empty Body, pair, pair, pair with {urn:t}B, {urn:t}B\n",
		one + b + b: "2:23 B[1]: the Body has more than one child; <B>; nothing after A\n2:45 B[2]: the Body has more than one child; <B>; nothing after A\n",
	} {
		details, _, err := s.Validate(inEnvelope(nsEnv12, body), 0)
		if err != nil || short(details) != want {
			t.Errorf("%s: error %v\ngot\n%swant\n%s", body, err, short(details), want)
		}
	}
}

// TestValidateEclipsed: each operation is held against its own element, whatever
// else has the name.
func TestValidateEclipsed(t *testing.T) {
	s := graph(t, "eclipse")
	const user = `<t:Free xmlns:t="urn:t"><user><t:Needed>2026-03-02</t:Needed></user></t:Free>`
	const free = `<t:Free xmlns:t="urn:t">2026-03-02</t:Free>`
	twin := strings.ReplaceAll(user, "Free", "Twin")
	const number = `<t:Twin xmlns:t="urn:t"><number>1</number></t:Twin>`
	for _, tt := range []struct {
		op, body string
		valid    bool
	}{
		{"Free", user, true}, {"Free", free, false}, {"Bare", free, true}, {"Bare", user, false},
		{"Twin#PT", twin, true}, {"Twin#PT", number, false}, {"Twin#PT2", number, true}, {"Twin#PT2", twin, false},
	} {
		op := s.OperationNamed(tt.op)
		inside, _, err := s.ValidateFor(op, inEnvelope(nsEnv11, tt.body), 0)
		if err != nil || (len(inside) == 0) != tt.valid {
			t.Errorf("%s %s: error %v, details\n%s", tt.op, tt.body, err, short(inside))
		}
		alone, _, err := s.ValidatePayload(op, []byte(tt.body), 0)
		if err != nil || (len(alone) == 0) != tt.valid {
			t.Errorf("%s %s, payload: error %v, details\n%s", tt.op, tt.body, err, short(alone))
		}
	}
}

// TestValidateHeaders checks header blocks, synthesised ones too.
func TestValidateHeaders(t *testing.T) {
	s := graph(t, "headers")
	for header, want := range map[string]string{
		`<t:Session xmlns:t="urn:t">a</t:Session><r:trace xmlns:r="urn:trace">b</r:trace>`: "",
		`<r:trace xmlns:r="urn:trace"><b/></r:trace>`: "1:65 /e:Envelope/e:Header: a required header block is missing; the end of e:Header; {urn:t}Session\n" +
			"1:104 /e:Envelope/e:Header/r:trace/b: no element is allowed here; <b>; text\n",
		`<t:Session xmlns:t="urn:t"><b/></t:Session>`: "1:102 /e:Envelope/e:Header/t:Session/b: no element is allowed here; <b>; text\n",
	} {
		src := `<e:Envelope xmlns:e="` + nsEnv11 + `"><e:Header>` + header + `</e:Header><e:Body><t:Go xmlns:t="urn:t">1</t:Go></e:Body></e:Envelope>`
		details, _, err := s.Validate([]byte(src), 0)
		if err != nil || short(details) != want {
			t.Errorf("%s: error %v\ngot\n%swant\n%s", header, err, short(details), want)
		}
	}
}
