package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/sample"
)

// patience bounds each of compiling, vetting and running a client.
const patience = 5 * time.Minute

// prove compiles and vets the client in a module of its own, which has nothing
// but the standard library, and sends samples of every message through its
// types: what comes out must be valid and say the same. Operations for which it
// is not so become exceptions of the verdict; the error is the compiler's.
func prove(c *contract.Contract, made *client, v *verdict) error {
	work, err := os.MkdirTemp("", "gatehouse-gen-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := made.lay(work); err != nil {
		return err
	}
	for _, args := range [][]string{{"build", "-o", "prove", "."}, {"vet", "./..."}} {
		if said, err := command(work, nil, "go", args...); err != nil {
			return fmt.Errorf("the client does not compile: %s", firstLines(said, err))
		}
	}
	trips := tripsOf(c, made)
	questions, err := json.Marshal(trips.questions)
	if err != nil {
		return err
	}
	said, err := command(work, questions, filepath.Join(work, "prove"))
	if err != nil {
		return fmt.Errorf("the client does not run: %s", firstLines(said, err))
	}
	var answers []answer
	if err := json.Unmarshal(said, &answers); err != nil || len(answers) != len(trips.questions) {
		return fmt.Errorf("the client does not run: %d answers to %d questions: %s", len(answers), len(trips.questions), firstLines(said, err))
	}
	trips.judge(answers, v)
	return nil
}

func command(dir string, stdin []byte, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
	c.Stdin = bytes.NewReader(stdin)
	var out, wrong bytes.Buffer
	c.Stdout, c.Stderr = &out, &wrong
	if err := c.Run(); err != nil {
		return append(wrong.Bytes(), out.Bytes()...), err
	}
	return out.Bytes(), nil
}

// firstLines keeps a command's first complaints, or says how it ended.
func firstLines(said []byte, err error) string {
	const most = 3
	var out []string
	for line := range strings.Lines(string(said)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && len(out) < most {
			out = append(out, strings.TrimPrefix(line, "client/"))
		}
	}
	if len(out) == 0 && err != nil {
		return err.Error()
	}
	return strings.Join(out, "; ")
}

const proveModule = "module prove\n\ngo 1.22\n"

const proveMain = `package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"

	client "prove/client"
)

func main() {
	var questions []struct {
		Type string
		XML  []byte
	}
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	answers := make([]struct {
		XML   []byte
		Error string
	}, len(questions))
	for i, q := range questions {
		v := client.ProveNew(q.Type)
		err := xml.NewDecoder(bytes.NewReader(q.XML)).Decode(v)
		if err == nil {
			answers[i].XML, err = xml.Marshal(v)
		}
		if err != nil {
			answers[i].Error = err.Error()
		}
	}
	json.NewEncoder(os.Stdout).Encode(answers)
}
`

// lay writes the client and what drives it into a module.
func (c *client) lay(work string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package %s\n\nfunc ProveNew(name string) any {\n\tswitch name {\n", c.pkg)
	for _, s := range c.structs {
		if s.root != nil {
			fmt.Fprintf(&b, "\tcase %q:\n\t\treturn new(%s)\n", s.name, s.name)
		}
	}
	b.WriteString("\t}\n\treturn nil\n}\n")
	files := map[string][]byte{"go.mod": []byte(proveModule), "main.go": []byte(proveMain), "client/zz_prove.go": b.Bytes()}
	for name, source := range c.files {
		files["client/"+name] = source
	}
	if err := os.Mkdir(filepath.Join(work, "client"), 0o700); err != nil {
		return err
	}
	for name, source := range files {
		if err := os.WriteFile(filepath.Join(work, name), source, 0o600); err != nil {
			return err
		}
	}
	return nil
}

type question struct {
	Type string
	XML  []byte
}

type answer struct {
	XML   []byte
	Error string
}

// trip is one element that goes through the client.
type trip struct {
	service   *contract.Service
	operation *contract.Operation
	element   *contract.Element // nil where its validity is that of the whole
	declared  *contract.Element
	what      string // "the request, full"
	failed    string // no sample could be made
	question  int
}

type trips struct {
	contract  *contract.Contract
	questions []question
	trips     []trip
}

// wanted are the samples of each message: the smallest, the largest and some by
// chance.
var wanted = []struct {
	name    string
	options sample.Options
}{
	{"minimal", sample.Options{Mode: sample.Minimal}},
	{"full", sample.Options{Mode: sample.Full}},
	{"random 1", sample.Options{Mode: sample.Random, Seed: 1}},
	{"random 2", sample.Options{Mode: sample.Random, Seed: 2}},
	{"random 3", sample.Options{Mode: sample.Random, Seed: 3}},
}

func tripsOf(c *contract.Contract, made *client) *trips {
	t := &trips{contract: c}
	for _, s := range made.services {
		maker := sample.New(c, s.contract)
		for _, o := range s.operations {
			if o.input != nil {
				t.message(maker, s, o, sample.Direction{}, o.contract.Input.Element, o.input)
			}
			if o.output != nil {
				t.message(maker, s, o, sample.Direction{Reply: true}, o.contract.Output.Element, o.output)
			}
			at := 0
			for _, f := range o.contract.Faults {
				if f.Element != nil {
					t.message(maker, s, o, sample.Direction{Fault: f.Name}, f.Element, o.faults[at])
					at++
				}
			}
		}
	}
	return t
}

func (t *trips) message(m *sample.Maker, s *service, o *operation, d sample.Direction, e *contract.Element, as *structType) {
	what := "the request"
	switch {
	case d.Reply:
		what = "the reply"
	case d.Fault != "":
		what = "fault " + d.Fault
	}
	for _, w := range wanted {
		one := trip{service: s.contract, operation: o.contract, element: e, declared: e, what: what + ", " + w.name}
		msg, err := m.Message(o.contract, d, w.options)
		if err != nil {
			if w.options.Mode != sample.Random {
				one.failed = err.Error()
				t.trips = append(t.trips, one)
			}
			continue
		}
		t.ask(one, as, msg.Payload(sample.Form{}))
		if w.options.Mode != sample.Random && d.Fault == "" {
			t.headers(one, o, msg.Envelope(sample.Form{}))
		}
	}
}

func (t *trips) ask(one trip, as *structType, xml []byte) {
	if (&comparison{t.contract}).beyond(xml, one.declared) {
		return
	}
	one.question = len(t.questions)
	t.trips = append(t.trips, one)
	t.questions = append(t.questions, question{as.name, xml})
}

// headers sends the header blocks of a sample through the client.
func (t *trips) headers(one trip, o *operation, envelope []byte) {
	tree, err := document.Read(envelope)
	if err != nil {
		return
	}
	defer tree.Release()
	for block := range tree.Root().FirstChild().Children() {
		for _, h := range o.headers {
			if *h.root == block.Name() {
				one.what = "header " + h.root.Local
				one.element, one.declared = nil, t.contract.Element(*h.root)
				t.ask(one, h, document.AppendStandalone(nil, block))
				break
			}
		}
	}
}

// judge adds what the answers prove to the verdict: one exception for each
// operation at most.
func (t *trips) judge(answers []answer, v *verdict) {
	type key struct{ service, operation string }
	failed, seen := map[key]bool{}, map[key]bool{}
	for _, one := range t.trips {
		k := key{one.service.Name, one.operation.Name + one.operation.Position.String()}
		if !seen[k] {
			seen[k] = true
			v.Proven++
		}
		why := one.failed
		if why == "" {
			v.Samples++
			why = t.judgeOne(one, t.questions[one.question].XML, answers[one.question])
		}
		if why != "" && !failed[k] {
			failed[k] = true
			v.Proven--
			v.except(one.service.Name, one.operation.Name, one.what+": "+why)
		}
	}
}

// judgeOne says why an answer is not the sample again.
func (t *trips) judgeOne(one trip, sent []byte, a answer) string {
	if a.Error != "" {
		return a.Error
	}
	if difference := (&comparison{t.contract}).compare(sent, a.XML, one.declared); difference != "" {
		return difference
	}
	if one.service.Degraded() != "" || one.element == nil {
		return ""
	}
	op := &contract.Operation{Name: one.operation.Name, Input: &contract.Message{Element: one.element}}
	details, _, err := one.service.ValidatePayload(op, a.XML, 1)
	switch {
	case err != nil:
		return "what the client writes cannot be judged: " + err.Error()
	case len(details) > 0:
		return "what the client writes is not valid: " + details[0].String()
	}
	return ""
}
