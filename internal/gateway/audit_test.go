package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// The bytes are a promise to whoever verifies with tools of his own: docs/audit.md
// has the same two lines.
func TestAuditLayout(t *testing.T) {
	at := time.UnixMilli(1767225600000)
	act := AuditEntry{Seq: 1, At: at, Kind: AuditAct, By: "uid=olga", What: "reload", Target: "configuration", Content: AuditReason("why")}
	line := "gatehouse-audit-1 " + strings.Repeat("0", 64) + " 0 1 1767225600000 act 7569643d6f6c6761 72656c6f6164 636f6e66696775726174696f6e " +
		Digest(sha256.Sum256([]byte("why"))).String()
	if got, want := act.Link(), Digest(sha256.Sum256([]byte(line))); got != want {
		t.Errorf("the act's hash is %s, want %s", got, want)
	}
	r := AuditRecord{Taken: TakenSuperseded, ID: ID{1, 2}, Facts: Digest{3}, Payload: Digest{4}}
	batch := AuditEntry{Chain: 2, Seq: 7, At: at, Kind: AuditBatch, Content: r.Append(r.Append(nil)), Previous: act.Link()}
	record := "01" + "0102" + strings.Repeat("0", 28) + "03" + strings.Repeat("0", 62) + "04" + strings.Repeat("0", 62)
	line = "gatehouse-audit-1 " + act.Link().String() + " 2 7 1767225600000 batch " + record + record
	if got, want := batch.Link(), Digest(sha256.Sum256([]byte(line))); got != want {
		t.Errorf("the batch's hash is %s, want %s", got, want)
	}
	records, err := batch.Records()
	if err != nil || len(records) != 2 || records[1] != r {
		t.Errorf("the records are %v, %v", records, err)
	}
	for _, content := range [][]byte{nil, bytes.Repeat([]byte{1}, 80), bytes.Repeat([]byte{1}, 163)} {
		if _, err := (&AuditEntry{Content: content}).Records(); err == nil {
			t.Errorf("%d bytes are records", len(content))
		}
	}
}

func TestAuditHead(t *testing.T) {
	h := AuditHead{Chain: 3, Seq: 12, Hash: Digest{0xab}}
	var got AuditHead
	if err := got.UnmarshalText([]byte(" " + h.String() + "\n")); err != nil || got != h {
		t.Errorf("%s is read as %v, %v", h, got, err)
	}
	for _, text := range []string{"", "1:2", "1:2:3", "-1:2:" + h.Hash.String(), "1:-2:" + h.Hash.String(), "1:2:" + h.Hash.String() + "00", "1:2:" + strings.Repeat("zz", 32), "99999999999:1:" + h.Hash.String()} {
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a head", text)
		}
	}
}

func TestRemovalText(t *testing.T) {
	var r Removals
	before := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, text := range []string{RemovalText(3, before), RemovalText(4, before.Add(-time.Hour))} {
		if err := r.read(text); err != nil {
			t.Fatal(err)
		}
	}
	if r.Count != 7 || !r.Before.Equal(before) {
		t.Errorf("removed %+v", r)
	}
	if err := r.read("much from before yesterday"); err == nil {
		t.Error("anything is a removal")
	}
}

// What is gone has to be explained by what retention has removed: old enough, and
// not more of it.
func TestGone(t *testing.T) {
	at := time.Now().Add(-24 * time.Hour)
	id := uuid.Must(uuid.NewV7()) // of now
	for name, tt := range map[string]struct {
		gone    Gone
		removed Removals
		want    string
	}{
		"none":          {Gone{}, Removals{}, ""},
		"removed":       {Gone{Count: 2, Newest: id}, Removals{Count: 2, Before: time.Now().Add(time.Hour)}, ""},
		"too many":      {Gone{Count: 3, Newest: id}, Removals{Count: 2, Before: time.Now().Add(time.Hour)}, "3 messages are gone"},
		"too young":     {Gone{Count: 1, Newest: id}, Removals{Count: 2, Before: at}, "none that young"},
		"never removed": {Gone{Count: 1, Newest: id}, Removals{}, "none that young"},
	} {
		b := tt.gone.fault("messages", tt.removed)
		if (b == nil) != (tt.want == "") || b != nil && !strings.Contains(b.Reason, tt.want) {
			t.Errorf("%s: %v, want %q", name, b, tt.want)
		}
	}
}

// unwritable is a store whose audit trail takes nothing.
type unwritable struct {
	Store
	err  error
	acts []string
}

func (*unwritable) Lanes() int  { return 1 }
func (*unwritable) Shards() int { return 1 }

func (s *unwritable) Audit(_ context.Context, what, _ string, _ Act) error {
	s.acts = append(s.acts, what)
	return s.err
}

func (s *unwritable) Held(context.Context, ID) (*Held, error) {
	return &Held{Message: Message{Route: "orders", Endpoint: "amqp:in"}}, nil
}

// An act that cannot be written down is denied before anything of it is done: the
// store panics at whatever else it is asked.
func TestUnauditedActsAreDenied(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		code fault.Code
	}{
		"store away":    {fault.New(fault.CodeStoreUnavailable, ""), fault.CodeStoreUnavailable},
		"table refuses": {errors.New("trigger"), fault.CodeAudit},
	} {
		s := &unwritable{err: tt.err}
		generation, err := NewGeneration(Parts{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		g := New(Config{}, s, generation, time.Now, slog.New(slog.NewTextHandler(t.Output(), nil)))
		act := Act{By: "cn=olga", Reason: "because"}
		for what, do := range map[string]func() error{
			"reload":     func() error { return g.Audited(t.Context(), "reload", OnConfiguration, act) },
			"replay":     func() error { _, err := g.Replay(t.Context(), ID{1}, act); return err },
			"correct":    func() error { _, err := g.Correct(t.Context(), ID{1}, []byte("<a/>"), act); return err },
			"job":        func() error { return g.StartJob(t.Context(), &Job{Act: Discard, By: act.By}) },
			"job turned": func() error { _, err := g.TurnJob(t.Context(), ID{1}, JobPaused, act); return err },
		} {
			s.acts = nil
			if f := fault.Of(do()); f == nil || f.Code != tt.code || len(s.acts) != 1 {
				t.Errorf("%s, %s: %v after %v, want %s", name, what, f, s.acts, tt.code)
			}
		}
	}
}
