package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
)

// twinContracts are the operations whose messages are made up.
func twinContracts(t testing.TB) map[string]*Service {
	twins, _ := twinsService(t)
	return map[string]*Service{"sample": sample(t).Services[0], "every kind": everyKindService(t, everyKind), "twins": twins}
}

// TestTwinsOfInventions makes up messages of each contract: what has a twin is
// the same message again when it is read, whatever order its keys have.
func TestTwinsOfInventions(t *testing.T) {
	for name, s := range twinContracts(t) {
		for _, op := range s.Operations {
			t.Run(name+" "+op.Name, func(t *testing.T) {
				var count invented
				rapid.Check(t, func(t *rapid.T) {
					v := &inventor{pick: func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }}
					if said := count.roundTrip(s, op, v); said != "" {
						t.Fatal(said)
					}
				})
				t.Log(count)
				if count.twins < count.tried/10 {
					t.Errorf("%v: too few have a twin to prove anything", count)
				}
			})
		}
	}
}

// invented counts what became of messages that were made up.
type invented struct {
	tried, valid, twins int
	untold              string // why the last one had no twin
}

func (i invented) String() string {
	return fmt.Sprintf("%d tried, %d valid, %d have a twin; the last without: %s", i.tried, i.valid, i.twins, i.untold)
}

// roundTrip makes up one message and takes it to JSON and back. It returns what
// is wrong.
func (i *invented) roundTrip(s *Service, op *Operation, v *inventor) string {
	i.tried++
	el := op.Input.Element
	content := v.element(el)
	if v.stuck {
		return ""
	}
	first, err := AppendElement(nil, el, content)
	if err != nil {
		return ""
	}
	if details, _, err := s.ValidatePayload(op, first, 0); err != nil || len(details) > 0 {
		return "" // a rule that only the engine knows
	}
	i.valid++
	text, untold := twinOf(el, first)
	if untold != "" {
		i.untold = untold
		if !strings.Contains(untold, "cannot be told in JSON") {
			return "no twin: " + untold
		}
		return ""
	}
	i.twins++
	if !json.Valid(text) {
		return fmt.Sprintf("it is no JSON: %s", text)
	}
	if said := sameAgain(s, op, first, text); said != "" {
		return said
	}
	if !everSettled(el.Type, map[*Type]bool{}) {
		return ""
	}
	return sameAgain(s, op, first, []byte(v.shuffled(decodedJSON(text))))
}

func twinOf(el *Element, xml []byte) (text []byte, untold string) {
	tree, err := document.Read(xml)
	if err != nil {
		return nil, err.Error()
	}
	defer tree.Release()
	text, err = AppendJSON(nil, el, tree.Root())
	if err != nil {
		return nil, fault.Of(err).Error()
	}
	return text, ""
}

// sameAgain says in which way text is not the twin of a valid message.
func sameAgain(s *Service, op *Operation, xml, text []byte) string {
	d, err := s.FromJSON(op, text, 0)
	if err != nil {
		return fmt.Sprintf("%v\n%s\n%s", err, xml, text)
	}
	if details, _, err := s.ValidatePayload(op, d.XML, 0); err != nil || len(details) > 0 {
		return fmt.Sprintf("%v%s\n%s\n%s\n%s", err, lines(details), xml, text, d.XML)
	}
	before, after := canonicalForm(xml), canonicalForm(d.XML)
	if before != after {
		return fmt.Sprintf("another message\n%s\n%s\n%s", before, after, text)
	}
	return ""
}

// canonicalForm is what two messages are compared by.
func canonicalForm(xml []byte) string {
	tree, err := document.Read(xml)
	if err != nil {
		return err.Error()
	}
	defer tree.Release()
	return string(document.AppendCanonical(nil, tree.Root()))
}

// everSettled reports whether nowhere in the type the order of keys counts.
func everSettled(t *Type, seen map[*Type]bool) bool {
	if seen[t] {
		return true
	}
	seen[t] = true
	l := t.layout()
	for _, s := range l.slots {
		if !everSettled(s.element.Type, seen) {
			return false
		}
	}
	return l.model == nil || l.settled
}

func decodedJSON(text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		return err.Error()
	}
	return out
}

// plainJSON writes what is neither object nor array.
func plainJSON(value any) string {
	out, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// TestCorpusTwins makes up messages of every operation of a folder of real
// WSDLs (see TestCorpus) and takes them to JSON and back.
func TestCorpusTwins(t *testing.T) {
	root := os.Getenv("GATEHOUSE_TEST_CORPUS")
	if root == "" {
		t.Skip("GATEHOUSE_TEST_CORPUS is not set to a folder of WSDLs")
	}
	var all invented
	operations, told := 0, 0
	for _, entry := range manifest(t, root) {
		c, err := Load(os.DirFS(root), entry.path)
		if err != nil {
			continue
		}
		for _, s := range c.Services {
			for _, op := range s.Operations {
				if op.Unsupported != "" || s.Degraded() != "" {
					continue
				}
				operations++
				before := all.twins
				all.untold = "nothing valid was made up"
				random := rand.New(rand.NewPCG(1, uint64(operations)))
				for range 20 {
					if said := all.roundTrip(s, op, &inventor{pick: random.IntN}); said != "" {
						t.Fatalf("%s, %s: %s", entry.path, op.Name, said)
					}
				}
				if all.twins > before {
					told++
				} else {
					t.Logf("%s, %s: no twin: %s", entry.path, op.Name, all.untold)
				}
			}
		}
	}
	t.Logf("%d operations, %d with twins; %v", operations, told, all)
	if told*100 < operations*80 {
		t.Errorf("messages of %d of %d operations have twins; at least 80 %% must", told, operations)
	}
}
