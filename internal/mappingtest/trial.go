package mappingtest

import (
	"errors"
	"fmt"
	"testing/fstest"
	"time"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/sample"
)

// Trial is a case whose mapping compiles.
type Trial struct {
	*Case
	Mapping *mapping.Mapping
	maker   *sample.Maker
}

// Try compiles a case. The error says what the compiler did not take.
func (c *Case) Try() (*Trial, error) {
	loaded, err := contract.Load(fstest.MapFS{"t/t.wsdl": {Data: []byte(c.WSDL)}}, "t/t.wsdl")
	if err != nil {
		return nil, fmt.Errorf("the contract: %w", err)
	}
	file, err := mapping.Parse("p.yaml", []byte(c.YAML))
	if err != nil {
		return nil, err
	}
	var sets []*mapping.CodeSet
	for i, src := range c.Codes {
		set, err := mapping.ParseCodeSet(fmt.Sprintf("codes/set%d.yaml", i), []byte(src))
		if err != nil {
			return nil, fmt.Errorf("a code set: %w", err)
		}
		sets = append(sets, set)
	}
	m, err := mapping.Compile(file, loaded, sets...)
	if err != nil {
		return nil, err
	}
	return &Trial{c, m, sample.New(loaded, m.Service)}, nil
}

// Message makes a message that the contract takes; nil where what was made of
// it is none.
func (t *Trial) Message(pick Pick) ([]byte, error) {
	msg, err := t.maker.Message(t.Mapping.Operation, sample.Direction{}, sample.Options{Mode: sample.Random, Seed: uint64(pick(1 << 30))})
	if impossible := (*sample.Impossible)(nil); errors.As(err, &impossible) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	valid := msg.Payload(sample.Form{})
	for range pick(5) {
		spoilt := []byte(t.Spoil(string(valid), pick))
		if details, _, err := t.Mapping.Service.ValidatePayload(t.Mapping.Operation, spoilt, 1); err == nil && len(details) == 0 {
			valid = spoilt
		}
	}
	return valid, nil
}

func receivedAt() time.Time { return time.Date(2026, 3, 16, 10, 0, 1, 123456789, time.UTC) }

// Input is a message as a mapping takes it; release ends its use.
func Input(payload []byte) (in *mapping.Input, release func(), err error) {
	tree, err := document.Read(payload)
	if err != nil {
		return nil, nil, err
	}
	return &mapping.Input{
		Payload:   tree.Root(),
		Principal: mapping.Principal{Login: "erp.alice", DN: "cn=alice", Partner: "erp"},
		Message:   mapping.MessageFacts{ID: "0197-1", ReceivedAt: receivedAt()},
	}, tree.Release, nil
}

// Table finds a table by its name.
func (c *Case) Table(name string) *Table {
	for i := range c.Tables {
		if c.Tables[i].Name == name {
			return &c.Tables[i]
		}
	}
	return nil
}

// Column finds a column by its name; id is the table's own.
func (t *Table) Column(name string) Column {
	for _, col := range t.Columns {
		if col.Name == name {
			return col
		}
	}
	return Column{Name: name, Native: "bigint"}
}

// table is what a step writes.
func (t *Trial) table(step int) *Table { return t.Case.Table(t.Mapping.Tables[step].Name.Name) }
