package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one mistake in a file: where it is and what is wrong, in a sentence
// for the person who wrote the file.
type Fault struct {
	File         string
	Line, Column int    // 1-based; columns count characters; zero when the fault has no place
	Path         string // of the node, e.g. routes[2].from, or empty
	Message      string
}

// Error renders file:line:column: path: message.
func (f Fault) Error() string {
	parts := make([]string, 0, 3)
	if at := f.position(); at != "" {
		parts = append(parts, at)
	}
	if f.Path != "" {
		parts = append(parts, f.Path)
	}
	return strings.Join(append(parts, f.Message), ": ")
}

func (f Fault) position() string {
	if f.Line == 0 {
		return f.File
	}
	return strings.TrimPrefix(fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column), ":")
}

// Faults is every mistake of one or more files. It is an error when it is not
// empty: return Err, never a Faults value.
type Faults []Fault

// Error renders one fault per line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Add appends err: the faults it carries, or a fault without a place. A nil
// err adds nothing.
func (fs *Faults) Add(err error) {
	if err != nil {
		*fs = append(*fs, asFaults(err, Fault{})...)
	}
}

// Err returns the faults sorted by place, each once, or nil when there are none.
func (fs Faults) Err() error {
	if len(fs) == 0 {
		return nil
	}
	sorted := slices.Clone(fs)
	slices.SortStableFunc(sorted, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(sorted)
}

// asFaults returns the faults in err. What is not a fault becomes one, at place.
func asFaults(err error, place Fault) Faults {
	if fs, ok := errors.AsType[Faults](err); ok {
		return fs
	}
	if f, ok := errors.AsType[Fault](err); ok {
		return Faults{f}
	}
	place.Message = err.Error()
	return Faults{place}
}
