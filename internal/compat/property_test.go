package compat_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/gatehouse/gatehouse/internal/compat"
	"github.com/gatehouse/gatehouse/internal/contract"
)

// messagesEach is how many messages are made of each contract.
const messagesEach = 40

// TestMessagesSurvive is what makes a comparison worth believing: random
// schemas, each changed at random, and random messages of both. A message of the
// old version that the new one refuses must be foretold by a change to what is
// sent that is breaking, or that is a notice; a message of the new version that
// the old one refuses, by one to what is received. GATEHOUSE_TEST_ROUNDS says how
// many pairs are tried, GATEHOUSE_TEST_SEED where to begin.
func TestMessagesSurvive(t *testing.T) {
	rounds, seed := number(t, "GATEHOUSE_TEST_ROUNDS", 100), number(t, "GATEHOUSE_TEST_SEED", 1)
	var sum tally
	for i := range rounds {
		sum.round(t, uint64(seed+i))
		if t.Failed() {
			break
		}
	}
	t.Logf("%+v", sum)
	if sum.Pairs*4 < rounds || sum.Refused*10 < sum.Pairs || sum.Unchanged == 0 || sum.Harmless*20 < sum.Pairs {
		t.Errorf("the schemas are not what they should be: %+v", sum)
	}
}

func number(t *testing.T, name string, otherwise int) int {
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// tally counts what was tried. A pair is counted once for each direction.
type tally struct {
	Invalid   int // schemas that do not compile
	Pairs     int
	Messages  int // valid before
	Unchanged int // pairs without a change
	Harmless  int // pairs with harmless changes only
	Breaking  int // pairs with a breaking change
	Refused   int // pairs of which a message was refused
	ByNotice  int // of those, foretold by notices only
}

func (n *tally) round(t *testing.T, seed uint64) {
	m := maker{rand.New(rand.NewPCG(seed, 7))}
	before := m.schema()
	after := before.copied()
	for range 1 + m.IntN(3) {
		m.mutate(after)
	}
	const both = `<xs:element name="In" type="t:C0"/><xs:element name="Out" type="t:C0"/><xs:element name="Broken" type="xs:string"/>`
	old, new := service(t, both+before.String()), service(t, both+after.String())
	if old.Services[0].Degraded() != "" || new.Services[0].Degraded() != "" {
		n.Invalid++
		return
	}
	r := compat.Compare(old, new)
	n.direction(t, m, old, new, r, compat.Sent, seed)
	n.direction(t, m, new, old, r, compat.Received, seed)
}

// direction sends messages of one contract to the other.
func (n *tally) direction(t *testing.T, m maker, from, to *contract.Contract, r *compat.Report, d compat.Direction, seed uint64) {
	worst, any := compat.Harmless, false
	for _, c := range r.Changes {
		if c.Direction == d {
			any = true
			if c.Class == compat.Breaking || c.Class == compat.Notice && worst == compat.Harmless {
				worst = c.Class
			}
		}
	}
	n.Pairs++
	switch {
	case !any:
		n.Unchanged++
	case worst == compat.Harmless:
		n.Harmless++
	case worst == compat.Breaking:
		n.Breaking++
	}
	s := &sampler{Rand: m.Rand, c: from}
	refused := false
	for range messagesEach {
		message := s.message(from.Services[0].Operations[0].Input.Element)
		if message == "" || !valid(t, from, message) {
			continue
		}
		n.Messages++
		if valid(t, to, message) {
			continue
		}
		refused = true
		if worst == compat.Harmless {
			details, _, _ := to.Services[0].Validate([]byte(message), 3)
			t.Errorf("seed %d, %s: only harmless changes %q, but this is refused: %v\n%s", seed, d, brief(r), details, message)
			return
		}
	}
	if refused {
		n.Refused++
		if worst == compat.Notice {
			n.ByNotice++
		}
	}
}

func valid(t *testing.T, c *contract.Contract, message string) bool {
	details, _, err := c.Services[0].Validate([]byte(message), 1)
	if err != nil {
		t.Fatalf("%v\n%s", err, message)
	}
	return len(details) == 0
}
