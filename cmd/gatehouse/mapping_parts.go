package main

import (
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/plural"
)

// split has each part of a message mapped by itself, and then the reply. Each is
// tried on the database as it is, not on what the parts before it would leave.
func (t *trial) split(ctx context.Context, f *tryFlags, sender *gateway.Principal) error {
	m, in := t.chosen.mapping, &t.paper.in
	refused := 0
	number := 0
	err := gateway.RehearsalParts(m, t.paper.tree, in, t.paper.origin, func(r *gateway.RehearsalPart) error {
		number++
		part := newTrial(t.chosen, t.Connected)
		part.Message, part.Mapping = nil, t.Mapping
		part.Part = &trialPart{number, messagePlace{r.Path, r.Line, r.Column}}
		part.paper = &paper{origin: r, in: r.Input}
		id := uuid.Must(uuid.NewV7())
		part.paper.in.Message.ID = id.String()
		t.Parts = append(t.Parts, part)
		err := part.refuse(part.play(ctx, f, sender, id))
		if part.Fault != nil {
			refused++
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case refused > 0:
		code := fault.CodeParts
		return fault.New(code, "%d of the %s of the message would be stored", number-refused, plural.Of(number, "part", "parts"))
	}
	return t.answered(m, number)
}

// answered shows the reply to a message of which every part would be stored.
func (t *trial) answered(m *mapping.Mapping, parts int) error {
	reply, err := m.Reply(&t.paper.in, t.tally(parts))
	if err != nil {
		return err
	}
	t.Reply, t.Outcome = string(reply), "mapped"
	if t.Connected {
		t.Outcome = gateway.Stored.String()
	}
	if parts == 0 {
		t.Note = "the message has no parts: nothing would be stored"
	}
	return nil
}

// tally counts what the parts would come to.
func (t *trial) tally(parts int) mapping.Tally {
	tally := mapping.Tally{Count: parts}
	for _, part := range t.Parts {
		switch part.Outcome {
		case gateway.Duplicate.String():
			tally.Repeated++
		case gateway.Superseded.String():
		default:
			tally.Stored++
		}
	}
	return tally
}

// printParts tells the trials of the parts one after the other.
func (t *trial) printParts(out io.Writer) {
	for _, part := range t.Parts {
		fmt.Fprintf(out, "\npart      %d of %d   from %s, message %s\n", part.Part.Number, len(t.Parts), dash(part.Part.Path), part.Part.messagePlace)
		part.printOne(out)
	}
	if len(t.Parts) > 0 {
		fmt.Fprintln(out)
	}
}
