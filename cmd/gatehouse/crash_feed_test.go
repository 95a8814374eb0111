package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/feed"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// TestFeedCrash kills the gateway between the steps by which a feed gets a file, first
// the snapshot and then one of changes, in a directory and in a bucket: what the manifest
// lists in the end is there with its hash, each stretch of the log once, and nothing else
// is.
func TestFeedCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("crash runs take a while; run without -short")
	}
	binary := buildCrashBinary(t)
	for _, point := range []string{"feed-written:1", "feed-written:2", "feed-named:1", "feed-named:2", "feed-listed:1", "feed-listed:2"} {
		for _, kind := range []string{"directory", "bucket"} {
			t.Run(point+" "+kind, func(t *testing.T) {
				t.Parallel()
				run := newCrashRun(t, binary)
				place := fedPlace(feedFolder(filepath.Join(run.dir, "feed")))
				if kind == "bucket" {
					place = feedBucket{gatewaytest.NewBucket(t)}
				}
				run.feed(place)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				stop := run.serveUntilKilledAt(ctx, point)
				if strings.HasSuffix(point, ":2") {
					run.awaitManifest(ctx, place, func(m *feed.Manifest) bool { return len(m.Files) == 1 })
				}
				run.sendUntilAnswered(ctx, 0)
				run.awaitCrash(ctx)
				run.sendUntilAnswered(ctx, 2)
				m := run.awaitManifest(ctx, place, func(m *feed.Manifest) bool {
					rows := int64(0)
					for _, f := range m.Files {
						rows += f.Rows
					}
					return rows >= 2
				})
				for ctx.Err() == nil && len(place.files(t)) != len(m.Files)+1 {
					time.Sleep(20 * time.Millisecond) // what is left over goes behind the manifest
				}
				stop()
				run.verifyFeed(place, m)
			})
		}
	}
}

// fedPlace is where a feed is, for who reads it.
type fedPlace interface {
	section() string // of the configuration
	files(t *testing.T) map[string][]byte
}

// feedFolder is a folder of the gateway's machine.
type feedFolder string

func (d feedFolder) section() string { return "directory: feed" }

func (d feedFolder) files(t *testing.T) map[string][]byte {
	out := map[string][]byte{}
	entries, err := os.ReadDir(string(d))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(string(d), e.Name()))
		if err == nil {
			out[e.Name()] = text
		}
	}
	return out
}

// feedBucket is a bucket that outlives the gateway.
type feedBucket struct{ *gatewaytest.Bucket }

func (b feedBucket) section() string {
	return "bucket: {s3: {endpoint: '" + b.URL + "', name: " + gatewaytest.BucketName + ", prefix: feed, access_key: key, secret_key: secret}}"
}

func (b feedBucket) files(*testing.T) map[string][]byte {
	out := map[string][]byte{}
	for key, content := range b.Objects() {
		out[strings.TrimPrefix(key, "feed/")] = content
	}
	return out
}

// feed has the orders written to a place.
func (r *crashRun) feed(place fedPlace) {
	src, err := os.ReadFile(r.file())
	if err == nil {
		text := strings.Replace(string(src), "\nroles:\n", "\nfeeds: [{feed: warehouse, view: orders, "+place.section()+", every: 100ms}]\nroles:\n", 1)
		err = os.WriteFile(r.file(), []byte(text), 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// awaitManifest waits until the feed has come as far as somebody wants.
func (r *crashRun) awaitManifest(ctx context.Context, place fedPlace, enough func(*feed.Manifest) bool) *feed.Manifest {
	m := &feed.Manifest{}
	for ctx.Err() == nil {
		if text, there := place.files(r.t)["manifest.json"]; there {
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

// verifyFeed reads the place for itself.
func (r *crashRun) verifyFeed(place fedPlace, m *feed.Manifest) {
	listed, files := []string{"manifest.json"}, place.files(r.t)
	for i, f := range m.Files {
		listed = append(listed, f.Name)
		if sum := sha256.Sum256(files[f.Name]); hex.EncodeToString(sum[:]) != f.SHA256 {
			r.t.Errorf("%s is not what was listed", f.Name)
		}
		switch {
		case f.Snapshot != (i == 0):
			r.t.Errorf("file %d: snapshot %v", i, f.Snapshot)
		case i > 0 && f.From != m.Files[i-1].To:
			r.t.Errorf("%s begins at %s, and the one before it ends at %s", f.Name, f.From, m.Files[i-1].To)
		}
	}
	slices.Sort(listed)
	if there := slices.Sorted(maps.Keys(files)); !slices.Equal(listed, there) {
		r.t.Errorf("listed are %v, and there are %v", listed, there)
	}
}
