package spool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Config bounds a spool.
type Config struct {
	Directory string        // of this process alone
	Keep      time.Duration // how long a job is kept after it has ended
	AtMost    int64         // bytes of all files
	PerOwner  int           // open jobs of one owner
	AtOnce    int           // jobs that are made at once
}

// maxJobs is how many jobs a spool has, ended ones among them.
const maxJobs = 10_000

// Make makes the file of a job and writes it to w; progress is told how many rows there
// are so far, and begin of what the file is.
type Make func(ctx context.Context, j Job, w io.Writer, begin func(position string, at time.Time), progress func(rows int64)) error

// Spool is the jobs of one process. It is safe for concurrent use.
type Spool struct {
	config Config
	make   Make
	now    func() time.Time
	log    *slog.Logger
	wake   chan struct{}

	mu    sync.Mutex
	jobs  map[uuid.UUID]*Job
	ends  map[uuid.UUID]context.CancelFunc // of jobs that are made
	bytes int64                            // of all files
}

// Open reads the jobs that a directory has, which is made where it does not exist. Jobs
// that nobody has ended wait again.
func Open(c Config, m Make, now func() time.Time, log *slog.Logger) (*Spool, error) {
	s := &Spool{config: c, make: m, now: now, log: log, wake: make(chan struct{}, 1), jobs: map[uuid.UUID]*Job{}, ends: map[uuid.UUID]context.CancelFunc{}}
	if err := os.MkdirAll(c.Directory, 0o700); err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(c.Directory, "*"+jobExtension))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		j, err := s.load(path)
		if err != nil {
			s.log.Warn("a file of the directory of exports is left alone", "file", path, "error", err)
			continue
		}
		if err := s.adopt(j); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// adopt takes over a job of the process before.
func (s *Spool) adopt(j *Job) error {
	info, err := os.Stat(s.path(j.ID, fileExtension))
	switch {
	case j.open() || j.State == Done && err != nil:
		// It begins anew: what there is of a file may be of anything.
		*j = Job{ID: j.ID, Owner: j.Owner, Subject: j.Subject, Request: j.Request, Name: j.Name, Media: j.Media, Created: j.Created, State: Waiting}
		if err := s.remove(j.ID); err != nil {
			return err
		}
		if err := s.save(j); err != nil {
			return err
		}
	case j.State == Done:
		s.bytes += info.Size()
	}
	s.jobs[j.ID] = j
	return nil
}

// Add has a file made. The job's owner, subject, request, name and media type are given.
// Too many open jobs are a rate_limited fault.
func (s *Spool) Add(j Job) (Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := 0
	for _, other := range s.jobs {
		if other.open() && other.Owner == j.Owner {
			own++
		}
	}
	if own >= s.config.PerOwner || len(s.jobs) >= maxJobs {
		return j, fault.New(fault.CodeExports, "this user has %d exports under way already", own)
	}
	if s.bytes >= s.config.AtMost {
		return j, fault.New(fault.CodeExportSpace, "")
	}
	j.ID, j.Created, j.State = uuid.Must(uuid.NewV7()), s.now().UTC(), Waiting
	if err := s.save(&j); err != nil {
		return j, fault.New(fault.CodeExportSpace, "").Because(err)
	}
	kept := j
	s.jobs[j.ID] = &kept
	s.nudge()
	return j, nil
}

func (s *Spool) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Find returns a job of an owner. One that is another's does not exist.
func (s *Spool) Find(id uuid.UUID, owner string) (Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[id]
	if j == nil || j.Owner != owner {
		return Job{}, fault.New(fault.CodeExportNotFound, "")
	}
	return *j, nil
}

// File opens the file of a job that is done.
func (s *Spool) File(j Job) (*os.File, error) {
	if j.State != Done {
		return nil, fault.New(fault.CodeExportState, "the export is %s", j.State)
	}
	f, err := os.Open(s.path(j.ID, fileExtension))
	if err != nil {
		return nil, fault.New(fault.CodeExportNotFound, "").Because(err)
	}
	return f, nil
}

// Remove ends a job of an owner and takes its file away.
func (s *Spool) Remove(id uuid.UUID, owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[id]
	if j == nil || j.Owner != owner {
		return fault.New(fault.CodeExportNotFound, "")
	}
	return s.drop(j)
}

// drop forgets a job, under mu.
func (s *Spool) drop(j *Job) error {
	if end := s.ends[j.ID]; end != nil {
		end()
	}
	if j.State == Done {
		s.bytes -= j.Bytes
	}
	delete(s.jobs, j.ID)
	return s.remove(j.ID)
}

// sweepEvery is how often old files are looked for.
const sweepEvery = time.Minute

// Run makes files until ctx ends; those that are not whole by then wait for the next
// process.
func (s *Spool) Run(ctx context.Context) error {
	var makers sync.WaitGroup
	defer makers.Wait()
	places := make(chan struct{}, s.config.AtOnce)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		s.sweep()
		for len(places) < cap(places) {
			j, making, end := s.next(ctx)
			if j == nil {
				break
			}
			places <- struct{}{}
			makers.Go(func() {
				defer s.nudge()
				defer func() { <-places }()
				defer end()
				s.run(making, *j)
			})
		}
		select {
		case <-s.wake:
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// next takes the job that has waited longest.
func (s *Spool) next(ctx context.Context) (*Job, context.Context, context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first *Job
	for _, j := range s.jobs {
		if j.State == Waiting && (first == nil || j.Created.Before(first.Created)) {
			first = j
		}
	}
	if first == nil || ctx.Err() != nil {
		return nil, nil, nil
	}
	first.State = Running
	making, end := context.WithCancel(ctx)
	s.ends[first.ID] = end
	copied := *first
	return &copied, making, end
}

// run makes one file and keeps what came of it.
func (s *Spool) run(ctx context.Context, j Job) {
	sum, err := s.write(ctx, &j)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ends, j.ID)
	kept := s.jobs[j.ID]
	switch {
	case kept == nil: // it was removed meanwhile
		err = s.remove(j.ID)
	case err != nil && ctx.Err() != nil: // the process ends; it begins anew with the next
		kept.State = Waiting
		err = nil
	case err != nil:
		f := fault.Of(err)
		kept.State, kept.Code, kept.Reason, kept.Finished = Failed, f.Code, f.Message, s.now().UTC()
		err = errors.Join(os.Remove(s.path(j.ID, partExtension)), s.save(kept))
	default:
		kept.State, kept.SHA256, kept.Finished = Done, sum, s.now().UTC()
		s.bytes += kept.Bytes
		err = s.save(kept)
	}
	if err != nil {
		s.log.Error("an export is not kept as it should be", "export", j.ID, "error", err)
	}
}

// write makes the file and returns its hash.
func (s *Spool) write(ctx context.Context, j *Job) (sum string, err error) {
	f, err := os.OpenFile(s.path(j.ID, partExtension), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fault.New(fault.CodeExportSpace, "").Because(err)
	}
	defer f.Close()
	out := &counted{spool: s, id: j.ID, file: f, hash: sha256.New()}
	begin := func(position string, at time.Time) {
		s.update(j.ID, func(j *Job) { j.Position, j.At = position, at })
	}
	progress := func(rows int64) { s.update(j.ID, func(j *Job) { j.Rows = rows }) }
	if err := s.make(ctx, *j, out, begin, progress); err != nil {
		return "", err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return "", fault.New(fault.CodeExportSpace, "").Because(err)
	}
	return hex.EncodeToString(out.hash.Sum(nil)), os.Rename(s.path(j.ID, partExtension), s.path(j.ID, fileExtension))
}

func (s *Spool) update(id uuid.UUID, change func(*Job)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		change(j)
	}
}

// counted is a file that is hashed and not to become too large.
type counted struct {
	spool *Spool
	id    uuid.UUID
	file  *os.File
	hash  hash.Hash
	n     int64
}

// Write implements io.Writer.
func (c *counted) Write(b []byte) (int, error) {
	c.spool.mu.Lock()
	held := c.spool.bytes
	for id, j := range c.spool.jobs {
		if j.State == Running && id != c.id {
			held += j.Bytes
		}
	}
	c.spool.mu.Unlock()
	if held+c.n+int64(len(b)) > c.spool.config.AtMost {
		return 0, fault.New(fault.CodeExportSpace, "the files of exports would have more than %d bytes", c.spool.config.AtMost)
	}
	n, err := c.file.Write(b)
	c.n += int64(n)
	c.hash.Write(b[:n])
	c.spool.update(c.id, func(j *Job) { j.Bytes = c.n })
	if err != nil {
		return n, fault.New(fault.CodeExportSpace, "").Because(fmt.Errorf("writing an export: %w", err))
	}
	return n, nil
}

// sweep removes what is too old, and files that no job has.
func (s *Spool) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var faults []error
	for _, j := range s.jobs {
		if !j.open() && s.now().Sub(j.Finished) > s.config.Keep {
			faults = append(faults, s.drop(j))
		}
	}
	entries, err := os.ReadDir(s.config.Directory)
	faults = append(faults, err)
	for _, e := range entries {
		name, extension, _ := strings.Cut(e.Name(), ".")
		id, err := uuid.Parse(name)
		if err == nil && s.jobs[id] == nil && slices.Contains([]string{partExtension, fileExtension, jobExtension + partExtension}, "."+extension) {
			faults = append(faults, os.Remove(filepath.Join(s.config.Directory, e.Name())))
		}
	}
	if err := errors.Join(faults...); err != nil {
		s.log.Error("old exports are not removed", "error", err)
	}
}
