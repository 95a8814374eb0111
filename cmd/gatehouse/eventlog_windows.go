package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/windows/svc/eventlog"
)

// eventID is the only one there is: what happened stands in the text.
const eventID = 1

// eventLog takes what is written to stderr, which a service has not, into
// Windows' event log: an event for each line, of the line's level.
type eventLog struct {
	log    *eventlog.Log
	stderr *os.File // what stderr was
	pipe   *os.File // what stderr is
	ended  chan error
}

// stderrToEvents points stderr at the event log of a source, which `gatehouse
// service install` has made known.
func stderrToEvents(source string) (*eventLog, error) {
	log, err := eventlog.Open(source)
	if err != nil {
		return nil, fmt.Errorf("event log: %w", err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	e := &eventLog{log: log, stderr: os.Stderr, pipe: in, ended: make(chan error, 1)}
	os.Stderr = in
	go func() { e.ended <- errors.Join(e.copy(out), out.Close()) }()
	return e, nil
}

// close writes the last lines and, as one event, what the service failed with;
// it returns that, and what went wrong with the log itself.
func (e *eventLog) close(failure error) error {
	os.Stderr = e.stderr
	faults := []error{failure, e.pipe.Close(), <-e.ended}
	if failure != nil {
		faults = append(faults, e.log.Error(eventID, failure.Error()))
	}
	return errors.Join(append(faults, e.log.Close())...)
}

// copy reads to the end, also past events that the log refuses: nobody may wait
// for a full pipe.
func (e *eventLog) copy(from io.Reader) error {
	var refused error
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimSpace(line); line != "" {
			if err := e.report(line); err != nil {
				refused = err
			}
		}
		if errors.Is(err, io.EOF) {
			return refused
		}
		if err != nil {
			return errors.Join(refused, err)
		}
	}
}

// logLevel finds the level where slog's text and JSON handlers write it.
var logLevel = regexp.MustCompile(`^(?:time=\S+ level=|\{"time":"[^"]*","level":")([A-Z]+)`)

func (e *eventLog) report(line string) error {
	level := logLevel.FindStringSubmatch(line)
	switch {
	case level == nil, level[1] == "ERROR": // what is no log line is a panic, or worse
		return e.log.Error(eventID, line)
	case level[1] == "WARN":
		return e.log.Warning(eventID, line)
	}
	return e.log.Info(eventID, line)
}
