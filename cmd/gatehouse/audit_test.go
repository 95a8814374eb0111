package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// TestAuditResumes: a verification that was interrupted goes on where it was.
func TestAuditResumes(t *testing.T) {
	f := auditFlags{resume: filepath.Join(t.TempDir(), "walk")}
	began, parts, broken := 0, []int64{}, errors.New("cut off")
	trail := auditTrail{
		begin: func(time.Time) (*gateway.AuditSpan, error) {
			began++
			return &gateway.AuditSpan{Until: time.Now(), Starts: []gateway.AuditHead{{}, {Chain: 1}}}, nil
		},
		read: func(*gateway.AuditSpan) gateway.AuditReader {
			return gateway.AuditReader{Part: func(after gateway.AuditHead) (*gateway.AuditPart, error) {
				if after.Seq == 2 && broken != nil {
					return nil, broken
				}
				parts = append(parts, after.Seq)
				after.Seq++
				return &gateway.AuditPart{Head: after, Done: after.Seq == 4, AuditFindings: gateway.AuditFindings{Entries: 1}}, nil
			}}
		},
	}
	if _, err := f.walk(t.Context(), io.Discard, trail, time.Time{}, nil); !errors.Is(err, broken) {
		t.Fatalf("%v", err)
	}
	broken = nil
	report, err := f.walk(t.Context(), io.Discard, trail, time.Time{}, nil)
	if err != nil || report.Entries != 8 || len(report.Heads) != 2 || began != 1 || len(parts) != 8 {
		t.Errorf("%+v, %v; begun %d times, parts %v", report, err, began, parts)
	}
	if _, err := os.Stat(f.resume); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
	for _, text := range []string{"", "{}", `{"span": {"starts": [], "until": "2026-03-01T00:00:00Z"}}x`, `{"next": 9}`, `{"anything": 1}`, "\x00"} {
		if err := os.WriteFile(f.resume, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := f.walk(t.Context(), io.Discard, trail, time.Time{}, nil)
		if _, ok := errors.AsType[usageError](err); !ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAnchors(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	file := filepath.Join(t.TempDir(), "heads")
	for text, want := range map[string]string{
		"# monday\n\n1:2:" + hash + "\r\n  0:1:" + hash: "",
		"":                    "has no heads",
		"# nothing\n":         "has no heads",
		"1:2:" + hash + "\nx": ":2: \"x\" is no chain:seq:hash",
		"1:0:" + hash:         "counted from 1",
		"\x00\xff":            "is no chain:seq:hash",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f := auditFlags{anchor: file, expected: []string{"3:3:" + hash}}
		heads, err := f.noted()
		if want == "" && (err != nil || len(heads) != 3) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, %v", text, heads, err)
		}
	}
	if err := os.WriteFile(file, make([]byte, maxAnchors+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&auditFlags{anchor: file}).noted(); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a huge file: %v", err)
	}
	if _, err := (&auditFlags{anchor: file + "x"}).noted(); err == nil {
		t.Error("no file is one of heads")
	}
}
