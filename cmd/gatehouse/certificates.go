package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// rotation is the settings of a listener as its files have them: they are read
// again when one of the files has changed, which is looked at in every handshake.
// Files that do not fit each other, as in the middle of a rotation, change nothing;
// the log says so once. It is safe for concurrent use.
type rotation struct {
	section *tlsSection
	door    string
	log     *slog.Logger

	mu      sync.Mutex
	stamps  []fileStamp
	current *tls.Config
	revoked *revocations // nil: none are told
}

// fileStamp tells that a file is another one than before.
type fileStamp struct {
	info  os.FileInfo
	size  int64
	at    time.Time
	fault string
}

func stampOf(path string) fileStamp {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{fault: err.Error()}
	}
	return fileStamp{info: info, size: info.Size(), at: info.ModTime()}
}

func (s fileStamp) same(other fileStamp) bool {
	if s.fault != "" || other.fault != "" {
		return s.fault == other.fault
	}
	return s.size == other.size && s.at.Equal(other.at) && os.SameFile(s.info, other.info)
}

// stamp looks at the files before they are read, so that a change in between is
// seen by the next handshake.
func (t *tlsSection) stamp() (out []fileStamp) {
	for _, path := range []string{string(t.CertFile), string(t.KeyFile), string(t.ClientCAFile)} {
		if path != "" {
			out = append(out, stampOf(path))
		}
	}
	return out
}

// rotating reads the files for the first time, and returns settings that follow them.
func (t *tlsSection) rotating(door string, log *slog.Logger) (*tls.Config, error) {
	r := &rotation{section: t, door: door, log: log, stamps: t.stamp()}
	var err error
	if t.ClientCRLFile != "" {
		if r.revoked, err = newRevocations(string(t.ClientCRLFile), time.Now, log); err != nil {
			return nil, fmt.Errorf("listen.%s.tls.client_crl_file: %w", door, err)
		}
	}
	if r.current, err = r.read(); err != nil {
		return nil, err
	}
	served := r.current.Clone()
	served.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return r.settings(), nil }
	return served, nil
}

func (r *rotation) settings() *tls.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.section.stamp()
	if slices.EqualFunc(now, r.stamps, fileStamp.same) {
		return r.current
	}
	r.stamps = now
	next, err := r.read()
	if err != nil {
		r.log.Error("the changed certificate cannot be used; the one before it is", "listener", r.door, "error", err)
		return r.current
	}
	leaf := next.Certificates[0].Leaf
	r.log.Info("certificate read again", "listener", r.door, "subject", leaf.Subject.String(), "until", leaf.NotAfter.UTC())
	r.current = next
	return next
}

// read makes the settings of the files as they are now. Lists of withdrawn
// certificates follow a file of their own.
func (r *rotation) read() (*tls.Config, error) {
	c, err := r.section.read(r.door)
	if err == nil && r.revoked != nil {
		c.VerifyConnection = r.revoked.verify
	}
	return c, err
}

func (t *tlsSection) read(door string) (*tls.Config, error) {
	pair, err := t.certificate()
	if err != nil {
		return nil, fmt.Errorf("listen.%s.tls: %w", door, err)
	}
	// What a listener offers by itself, settings for a single client have to repeat.
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*pair}, NextProtos: []string{"h2", "http/1.1"}}
	if t.MinVersion == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if err := t.clientCAs(c); err != nil {
		return nil, fmt.Errorf("listen.%s.tls.client_ca_file: %w", door, err)
	}
	return c, nil
}
