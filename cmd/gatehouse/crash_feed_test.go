package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/feed"
)

// TestFeedCrash kills the gateway between the steps by which a feed gets a file, first
// the snapshot and then one of changes: what the manifest lists in the end is there
// with its hash, each stretch of the log once, and nothing else is.
func TestFeedCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	for _, point := range []string{"feed-written", "feed-named", "feed-listed"} {
		for _, count := range []string{":1", ":2"} {
			t.Run(point+count, func(t *testing.T) {
				t.Parallel()
				run := newCrashRun(t, binary)
				run.feed()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				stop := run.serveUntilKilledAt(ctx, point+count)
				if count == ":2" {
					run.awaitManifest(ctx, func(m *feed.Manifest) bool { return len(m.Files) == 1 })
				}
				run.sendUntilAnswered(ctx, 0)
				run.awaitCrash(ctx)
				run.sendUntilAnswered(ctx, 2)
				m := run.awaitManifest(ctx, func(m *feed.Manifest) bool {
					rows := int64(0)
					for _, f := range m.Files {
						rows += f.Rows
					}
					return rows >= 2
				})
				stop()
				run.verifyFeed(m)
			})
		}
	}
}

// feed has the orders written to the folder "feed".
func (r *crashRun) feed() {
	src, err := os.ReadFile(r.file())
	if err == nil {
		text := strings.Replace(string(src), "\nroles:\n", "\nfeeds: [{feed: warehouse, view: orders, directory: feed, every: 100ms}]\nroles:\n", 1)
		err = os.WriteFile(r.file(), []byte(text), 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// awaitManifest waits until the feed has come as far as somebody wants.
func (r *crashRun) awaitManifest(ctx context.Context, enough func(*feed.Manifest) bool) *feed.Manifest {
	m := &feed.Manifest{}
	for ctx.Err() == nil {
		text, err := os.ReadFile(filepath.Join(r.dir, "feed", "manifest.json"))
		if err == nil {
			if err := json.Unmarshal(text, m); err != nil {
				r.t.Fatalf("the manifest cannot be read: %v\n%s", err, text)
			}
			if enough(m) {
				return m
			}
			m = &feed.Manifest{}
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Fatal("the feed never came so far")
	return nil
}

// verifyFeed reads the folder for itself.
func (r *crashRun) verifyFeed(m *feed.Manifest) {
	var listed, there []string
	for i, f := range m.Files {
		listed = append(listed, f.Name)
		text, err := os.ReadFile(filepath.Join(r.dir, "feed", f.Name))
		if err != nil {
			r.t.Error(err)
			continue
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != f.SHA256 {
			r.t.Errorf("%s is not what was listed", f.Name)
		}
		switch {
		case f.Snapshot != (i == 0):
			r.t.Errorf("file %d: snapshot %v", i, f.Snapshot)
		case i > 0 && f.From != m.Files[i-1].To:
			r.t.Errorf("%s begins at %s, and the one before it ends at %s", f.Name, f.From, m.Files[i-1].To)
		}
	}
	entries, err := os.ReadDir(filepath.Join(r.dir, "feed"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "part-") {
			there = append(there, e.Name())
		}
	}
	slices.Sort(listed)
	if !slices.Equal(listed, there) {
		r.t.Errorf("listed are %v, and there are %v", listed, there)
	}
}
