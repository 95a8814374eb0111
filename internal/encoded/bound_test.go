package encoded

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// TestBounds: references of references make no more of a message than it is
// worth, in bounded time.
func TestBounds(t *testing.T) {
	var laughs, empty strings.Builder
	for i := range 40 {
		fmt.Fprintf(&laughs, `<m id="n%d"><name>%s</name><next href="#n%d"/><other href="#n%d"/></m>`, i, strings.Repeat("x", 100), i+1, i+1)
	}
	laughs.WriteString(`<m id="n40"><name/></m>`)
	empty.WriteString(`<m id="s"><site/><note/>` + strings.Repeat(`<bin i:nil="true"/>`, 1000) + `</m>`)
	chain := `<m id="n0"><name/><next href="#n1"/></m>`
	for i := 1; i < 300; i++ {
		chain += fmt.Sprintf(`<m id="n%d"><name/><next href="#n%d"/></m>`, i, i+1)
	}
	tests := []struct{ name, part, in, behind, says string }{
		{"doubled", "t:Node", `<p href="#n0"/>`, laughs.String(), "too large"},
		{"large", "t:Strings", `<p>` + strings.Repeat(`<i href="#s"/>`, 2000) + `</p>`, `<m id="s">` + strings.Repeat("x", 10_000) + `</m>`, "too large"},
		{"of nothing", "t:Stands", `<p>` + strings.Repeat(`<i href="#s"/>`, 2000) + `</p>`, empty.String(), "too many elements"},
		{"deep", "t:Node", `<p href="#n0"/>`, chain + `<m id="n300"><name/></m>`, "too deeply"},
		{"rows of nothing", "t:Table", `<p c:arrayType="x:int[16000000,0]"/>`, "", "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, op := load(t, stockTypes, `<part name="p" type="`+tt.part+`"/>`)
			start := time.Now()
			_, err := Normalise(s, op, []byte(message(env11, tt.in, tt.behind)), 0)
			if d := detailsOf(t, err, fault.CodeTooLarge)[0]; !strings.Contains(d.Message, tt.says) || d.Line < 1 || d.Path == "" {
				t.Errorf("%v", d)
			}
			if took := time.Since(start); took > time.Minute { // doubled references take for ever; the race detector on a busy machine some seconds
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestSharing: what honest senders share is copied.
func TestSharing(t *testing.T) {
	s, op := load(t, stockTypes, `<part name="p" type="t:Stands"/>`)
	src := message(env11, `<p>`+strings.Repeat(`<i href="#s"/>`, 5000)+`</p>`, `<m id="s"><site>`+strings.Repeat("x", 100)+`</site><note/></m>`)
	d, err := Normalise(s, op, []byte(src), 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(d.XML), "<item>"); n != 5000 {
		t.Errorf("%d members", n)
	}
}

// TestPassesOn: what cannot be read is the validator's to refuse.
func TestPassesOn(t *testing.T) {
	s, op := load(t, stockTypes, `<part name="p" type="xs:string"/>`)
	for _, src := range []string{
		"", "x", "<a", message(env11, "<p>", ""), "<!DOCTYPE a>" + message(env11, "<p/>", ""), message(env11, "<p>\xE9</p>", ""),
		message(env11, strings.Repeat("<a>", 300)+strings.Repeat("</a>", 300), ""), message(env11, strings.Repeat("<p/>", 500_001), ""),
		`<e:Envelope ` + env11 + `><e:Body/></e:Envelope>`, `<e:Envelope ` + env11 + `/>`, `<other/>`,
		`<e:Envelope ` + env11 + `><e:Body><w:other/><m id="1"/></e:Body></e:Envelope>`,
	} {
		d, err := Normalise(s, op, []byte(src), 0)
		if err != nil || string(d.XML) != src {
			t.Errorf("%.200s: %v", src, err)
			continue
		}
		if details, _, err := s.Validate(d.XML, 0); err == nil && len(details) == 0 {
			t.Errorf("valid: %.200s", src)
		}
		d.Locate(fault.Detail{Line: 1, Column: 1, Path: "/x"})
	}
}

// TestMany: a thousand faults are put into words, and no more than were asked for.
func TestMany(t *testing.T) {
	s, op := load(t, stockTypes, `<part name="p" type="t:Strings"/>`)
	src := message(env11, `<p>`+strings.Repeat(`<i href="#s"/>`, 1500)+`</p>`, "")
	for limit, want := range map[int][2]int{0: {1000, 500}, 10: {10, 1490}} {
		_, err := Normalise(s, op, []byte(src), limit)
		f := fault.Of(err)
		if len(f.Details) != want[0] || f.More != want[1] {
			t.Errorf("limit %d: %d details and %d more", limit, len(f.Details), f.More)
		}
	}
}
