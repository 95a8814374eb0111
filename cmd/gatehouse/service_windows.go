package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/windows/svc"
)

// stopHint is how long the service manager is told that stopping may take.
const stopHint = drainTimeout + 5*time.Second

// underManager runs the program: as a service when Windows' service manager
// started it, else like any other process.
func underManager(run func(context.Context) error) error {
	asService, err := svc.IsWindowsService()
	if err != nil {
		return fmt.Errorf("looking who started this process: %w", err)
	}
	if !asService {
		return run(context.Background())
	}
	s := &windowsService{run: run}
	err = svc.Run("", s) // a service of its own process; the manager knows the name
	return errors.Join(err, s.err)
}

// windowsService is the program as the service manager sees it.
type windowsService struct {
	run func(context.Context) error
	err error // what run returned
}

// Execute implements svc.Handler. Stop, and the announcement of the machine's
// shutdown, are what SIGTERM is elsewhere: the gateway drains and ends.
func (s *windowsService) Execute(args []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (specific bool, code uint32) {
	status <- svc.Status{State: svc.StartPending}
	var log *eventLog
	if log, s.err = stderrToEvents(args[0]); s.err != nil {
		return true, exitFault
	}
	s.err = log.close(s.serve(requests, status))
	if s.err != nil {
		return true, exitFault
	}
	return false, exitOK
}

// serve runs the program until it ends, and answers the service manager meanwhile.
func (s *windowsService) serve(requests <-chan svc.ChangeRequest, status chan<- svc.Status) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	status <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptPreShutdown}
	for {
		select {
		case err := <-ended:
			return err
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- r.CurrentStatus
			case svc.Stop, svc.PreShutdown:
				status <- svc.Status{State: svc.StopPending, WaitHint: uint32(stopHint.Milliseconds())}
				stop()
			}
		}
	}
}
