package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAttachmentCrash kills the gateway, as a power failure would, between any two
// steps of a message that comes with attachments, restarts it, has the sender
// repeat, and compares: the ledger refers to all that came, and to nothing that is
// not there.
func TestAttachmentCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	for _, point := range []string{"blob-synced:1", "blob-renamed:1", "attachment-kept:1", "blob-synced:2", "blob-renamed:2", "attachments-kept:1", "commit-rendered:1", "commit-done:1"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			run := newCrashRun(t, binary)
			run.keepAttachments()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			supervised, stop := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				run.supervise(supervised, point)
			}()
			octets := []string{"one of them", strings.Repeat("the other, which is large", 10_000)}
			request := soapRequest{url: run.base + "/soap/orders/OrderService", user: "erp.alice", password: "erp.alice-secret", header: http.Header{},
				contentType: "multipart/related; boundary=b", body: withAttachments(run.order(0), octets)}
			first := run.insist(ctx, "order", request)
			if again := run.insist(ctx, "order", request); again != first {
				t.Errorf("the repeat got %s, the first %s", again, first)
			}
			stop()
			<-ended
			if !run.crashed {
				t.Error("the gateway was never killed")
			}
			run.attached(octets)
		})
	}
}

func (r *crashRun) keepAttachments() {
	text, err := os.ReadFile(r.file())
	if err == nil {
		err = os.WriteFile(r.file(), append(text, "\nattachments: {directory: data/attachments}\n"...), 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// withAttachments is an envelope with parts beside it.
func withAttachments(envelope []byte, octets []string) []byte {
	var b strings.Builder
	b.WriteString("--b\r\nContent-Type: text/xml; charset=utf-8\r\n\r\n" + string(envelope) + "\r\n")
	for _, o := range octets {
		b.WriteString("--b\r\nContent-Type: text/plain\r\n\r\n" + o + "\r\n")
	}
	return []byte(b.String() + "--b--\r\n")
}

// attached compares the ledger with the directory.
func (r *crashRun) attached(octets []string) {
	rows, err := r.query(`SELECT lower(hex(sha256)) FROM "gateway.attachment" ORDER BY part`)
	if err != nil {
		r.t.Fatal(err)
	}
	found := strings.Fields(rows)
	if len(found) != len(octets) {
		r.t.Fatalf("the ledger refers to %q", found)
	}
	for i, o := range octets {
		sum := sha256.Sum256([]byte(o))
		name := hex.EncodeToString(sum[:])
		if found[i] != name {
			r.t.Errorf("attachment %d is %s in the ledger, want %s", i+1, found[i], name)
		}
		kept, err := os.ReadFile(filepath.Join(r.dir, "data/attachments/blobs", name[:2], name))
		if err != nil || string(kept) != o {
			r.t.Errorf("attachment %d is not in the directory: %d bytes, %v", i+1, len(kept), err)
		}
	}
}
