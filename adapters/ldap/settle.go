package ldap

import (
	"context"
	"time"
)

// settle waits until a refusal's time tells nothing: an unknown user costs one
// search, a wrong password a bind with however slow a hash. It ends when a multiple
// of refusal_delay has passed since the login began.
//
// Go's timers do not do for the end of that wait. On Linux an idle process sleeps in
// whole milliseconds, counted from the last packet: the time of the answer would
// still tell, modulo a millisecond, when the directory's own answer came.
func (d *Directory) settle(ctx context.Context, began time.Time) {
	delay := d.config.RefusalDelay
	until := began.Add(delay)
	if over := d.now().Sub(until); over >= 0 {
		until = until.Add(delay * (over/delay + 1))
	}
	if !pause(ctx, until.Sub(d.now())-dozeFor) {
		return
	}
	rest := min(until.Sub(d.now()), dozeFor)
	select {
	case d.dozing <- struct{}{}:
		doze(rest)
		<-d.dozing
	default: // as busy as that, times tell nothing
		pause(ctx, rest)
	}
}

const (
	dozeFor   = 2 * time.Millisecond // more than a timer is late by itself
	maxDozing = 16
)

// pause waits, and reports false when the context ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
