package spool

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// State is what has become of a job.
type State string

// The states of jobs.
const (
	Waiting State = "waiting"
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
)

// Job is a file that is made, or was.
type Job struct {
	ID      uuid.UUID `json:"id"`
	Owner   string    `json:"owner"` // whose it is, and nobody else's
	Subject string    `json:"subject"`
	Request string    `json:"request"` // what the maker makes it from
	Name    string    `json:"name"`    // of the file, for whoever fetches it
	Media   string    `json:"media"`

	State   State     `json:"state"`
	Created time.Time `json:"created"`
	Rows    int64     `json:"rows"`
	Bytes   int64     `json:"bytes"`
	// Position and At say what the file is of, once that is known.
	Position string    `json:"position,omitempty"`
	At       time.Time `json:"at,omitzero"`
	// SHA256 is of the whole file, in hexadecimal digits.
	SHA256   string     `json:"sha256,omitempty"`
	Finished time.Time  `json:"finished,omitzero"`
	Code     fault.Code `json:"code,omitempty"` // why it failed
	Reason   string     `json:"reason,omitempty"`
}

// open reports whether the job is to be made still.
func (j *Job) open() bool { return j.State == Waiting || j.State == Running }

func (s *Spool) path(id uuid.UUID, extension string) string {
	return filepath.Join(s.config.Directory, id.String()+extension)
}

// The files of a job: what is known of it, what is made of it, and what it was made.
const (
	jobExtension  = ".json"
	partExtension = ".part"
	fileExtension = ".file"
)

// save writes what is known of a job, whole or not at all.
func (s *Spool) save(j *Job) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	draft := s.path(j.ID, jobExtension+partExtension)
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, s.path(j.ID, jobExtension))
}

// load reads a job; nil where it is none.
func (s *Spool) load(path string) (*Job, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	j := &Job{}
	if err := json.Unmarshal(text, j); err != nil || j.ID == uuid.Nil || filepath.Base(path) != j.ID.String()+jobExtension {
		return nil, errors.Join(err, errors.New("this is no job"))
	}
	return j, nil
}

// remove takes a job's files away.
func (s *Spool) remove(id uuid.UUID) error {
	var faults []error
	for _, extension := range []string{fileExtension, partExtension, jobExtension} {
		if err := os.Remove(s.path(id, extension)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}
