package contract

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// TestExtract: what goes out beside a message comes back as the same message.
func TestExtract(t *testing.T) {
	s := everyKindService(t, attaching)
	el := s.OperationNamed("Go").Input.Element
	large := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("octets", 300)))
	id := func(n int) string { return fmt.Sprint(n, "@x") }
	tests := []struct {
		name, body, want string
		n                int
	}{
		{"two large ones", "<file>" + large + "</file><file>AQID</file><huge>" + large + "</huge>", "<file>{0}</file><file>AQID</file><huge>{1}</huge>", 2},
		{"with an attribute", `<photo kind="x">` + large + "</photo>", `<photo kind="x">{0}</photo>`, 1},
		{"small ones only", "<file>AQID</file>", "<file>AQID</file>", 0},
		{"text that looks like octets", "<name>" + large + "</name>", "<name>" + large + "</name>", 0},
		{"of any type", "<anything>" + large + "</anything>", "<anything>" + large + "</anything>", 0},
		{"in lines, which would be lost", "<file>" + large[:76] + "\n" + large[76:] + "</file>", "<file>" + large[:76] + "\n" + large[76:] + "</file>", 0},
		{"no octets", "<file>%%%" + large + "</file>", "<file>%%%" + large + "</file>", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload := `<t:Go xmlns:t="urn:t" xmlns="urn:t">` + tt.body + `</t:Go>`
			want := `<t:Go xmlns:t="urn:t" xmlns="urn:t">` + tt.want + `</t:Go>`
			for i := range tt.n {
				want = strings.ReplaceAll(want, fmt.Sprintf("{%d}", i), `<xop:Include xmlns:xop="`+nsXOP+`" href="cid:`+id(i)+`"/>`)
			}
			got, beside := Extract([]byte(payload), el, 1<<10, id)
			if string(got) != want || len(beside) != tt.n {
				t.Fatalf("got  %s\nwant %s\n%d beside", got, want, len(beside))
			}
			parts := Parts{}
			for _, o := range beside {
				parts[o.ContentID] = Attachment{Octets: o.Octets}
			}
			if back, err := Inline(got, parts, 1<<20); err != nil || string(back) != payload {
				t.Errorf("back it is %s, %v", back, err)
			}
		})
	}
	if got, beside := Extract([]byte("<other>"+large+"</other>"), el, 1, id); beside != nil || !strings.HasPrefix(string(got), "<other>") {
		t.Errorf("another root: %s", got)
	}
}

// TestValidatePayloadWith: what was kept by reference is judged like its value.
func TestValidatePayloadWith(t *testing.T) {
	s := everyKindService(t, attaching)
	op := s.OperationNamed("Go")
	parts := Parts{"aa": {Size: 5}, "bb": {Size: 12 << 20}}
	for body, want := range map[string]string{
		"<file>cid:bb</file><photo>cid:aa</photo>": "",
		"<file>cid:cc</file>":                      "is not base64",
		"<photo>cid:bb</photo>":                    "is not base64",
		"<name>cid:bb</name>":                      "",
		"<mark>cid:aa</mark>":                      "is not base64",
	} {
		details, _, err := s.ValidatePayloadWith(op, []byte(`<Go xmlns="urn:t">`+body+`</Go>`), parts, 0)
		if err != nil || (want == "") != (len(details) == 0) || want != "" && !strings.Contains(details[0].Message, want) {
			t.Errorf("%s: %v, %v", body, details, err)
		}
	}
}
