package contract

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/wsdl"
)

// agreement counts what became of broken messages.
type agreement struct {
	valid, broken, refused, translated int
	accepted, recognised               int      // of the broken ones, by the engine and without it
	samples                            []string // of what was only translated
}

func (a agreement) String() string {
	return fmt.Sprintf("%d valid messages, %d broken, %d refused, of them %d in the engine's words; %d accepted all the same, %d of them without the engine", a.valid, a.broken, a.refused, a.translated, a.accepted, a.recognised)
}

func (a *agreement) add(b agreement) {
	a.valid, a.broken, a.refused, a.translated = a.valid+b.valid, a.broken+b.broken, a.refused+b.refused, a.translated+b.translated
	a.accepted, a.recognised = a.accepted+b.accepted, a.recognised+b.recognised
	a.samples = append(a.samples, b.samples...)
}

// agree makes up messages of every operation, breaks them in some places, and
// holds the explanation against the engine's verdict. said is what is wrong.
func (a *agreement) agree(s *Service, pick func(int) int, messages, breaks int) (said string) {
	for _, op := range s.Operations {
		if op.Unsupported != "" || op.Style == RPCEncoded {
			continue
		}
		for range messages {
			v := &inventor{pick: pick}
			content := v.element(op.Input.Element)
			if v.stuck {
				continue
			}
			payload, err := AppendElement(nil, op.Input.Element, content)
			if err != nil {
				continue
			}
			message := slices.Concat([]byte(envelopeStart), payload, []byte(envelopeEnd))
			if s.validator.Validate(message) != nil {
				if recognised(s, message) {
					return fmt.Sprintf("%s: it is recognised, and the engine refuses it\n%s", op.Name, message)
				}
				continue
			}
			a.valid++
			m := &mutator{pick: pick, types: slices.SortedFunc(maps.Keys(s.types), compareNames)}
			for range breaks {
				broken, ok := m.mutate(message)
				if !ok {
					continue
				}
				if said := a.judge(s, broken); said != "" {
					return fmt.Sprintf("%s, %s: %s\n%s", op.Name, broken.what, said, broken.message)
				}
			}
		}
	}
	return ""
}

// judge holds one broken message's explanation against the verdict.
func (a *agreement) judge(s *Service, m mutation) string {
	a.broken++
	verdict := s.validator.Validate(m.message)
	tree, err := document.Read(m.message)
	if err != nil {
		return fmt.Sprintf("it cannot be read: %v", err)
	}
	defer tree.Release()
	recognised := s.recognises(nil, tree.Root())
	if recognised && verdict != nil {
		return fmt.Sprintf("it is recognised, and the engine refuses it: %v", verdict)
	}
	if verdict == nil {
		if a.accepted++; recognised {
			a.recognised++
		}
		x := &explainer{service: s, misplacedText: true}
		x.envelope(tree.Root())
		if len(x.details) > 0 {
			return "the engine accepts it, and yet:\n" + lines(x.details)
		}
		return ""
	}
	a.refused++
	x, err := s.judge(tree, verdict, func(x *explainer) { x.envelope(tree.Root()) })
	if err != nil {
		return fmt.Sprintf("a fault: %v", err)
	}
	if x.translated > 0 {
		a.translated++
		a.samples = append(a.samples, fmt.Sprintf("%s: %v", m.what, verdict))
		return ""
	}
	return a.placed(m, x.details)
}

// placed demands that every detail is about the place that was changed.
func (a *agreement) placed(m mutation, details []fault.Detail) string {
	if len(details) == 0 {
		return "the engine refuses it and nothing is said"
	}
	starts := newLines(m.message)
	for _, d := range details {
		if at := int(starts[d.Line-1]) + d.Column - 1; at < m.from || at >= m.to {
			return "a detail is about something else:\n" + lines(details)
		}
	}
	return ""
}

// agreeOn runs the property over one contract with numbers of its own.
func agreeOn(t *testing.T, all *agreement, name string, c *Contract, messages, breaks int) {
	t.Helper()
	for _, s := range c.Services {
		if s.Degraded() != "" {
			continue
		}
		var one agreement
		random := rand.New(rand.NewPCG(1, 2))
		if said := one.agree(s, random.IntN, messages, breaks); said != "" {
			t.Errorf("%s %s: %s", name, s.Name, said)
		}
		all.add(one)
	}
}

// TestExplanationAgrees breaks made-up messages of the samples and of the graphs:
// what the engine refuses is explained, at the place that was broken and nowhere
// else; what it accepts is not.
func TestExplanationAgrees(t *testing.T) {
	var all agreement
	for _, name := range []string{"orders/orders.wsdl", "customers/customers.wsdl"} {
		c, err := Load(wsdl.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		agreeOn(t, &all, name, c, 30, 40)
	}
	agreeOn(t, &all, "every kind", everyKindContract(t, everyKind), 150, 20)
	archives, err := filepath.Glob("testdata/graphs/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := Load(archiveFS(a), "sys/main.wsdl"); err == nil {
			agreeOn(t, &all, filepath.Base(name), c, 10, 20)
		}
	}
	report(t, all)
	if all.refused < 1000 {
		t.Errorf("only %d were refused", all.refused)
	}
}

func report(t *testing.T, all agreement) {
	t.Log(all)
	kinds := map[string]int{}
	for _, s := range all.samples {
		what, verdict, _ := strings.Cut(s, " at ")
		_, verdict, _ = strings.Cut(verdict, ": ")
		if kinds[what]++; kinds[what] <= 3 {
			t.Logf("%s: %s", what, verdict)
		}
	}
	t.Log(kinds)
}

// TestExplanationAgreesOnCorpus does the same over a folder of real contracts.
func TestExplanationAgreesOnCorpus(t *testing.T) {
	root := os.Getenv("GATEHOUSE_TEST_CORPUS")
	if root == "" {
		t.Skip("GATEHOUSE_TEST_CORPUS is not set to a folder of WSDLs")
	}
	var all agreement
	for _, entry := range manifest(t, root) {
		c, err := Load(os.DirFS(root), entry.path)
		if err != nil {
			continue
		}
		agreeOn(t, &all, entry.path, c, 3, 25)
	}
	report(t, all)
}
