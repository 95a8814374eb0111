package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// verdict is what a campaign comes to.
type verdict struct {
	findings
	tally        *tally
	acknowledged int
	parked       int
	repeats      int
	removed      int // payloads, by retention
	broken       int // requests cut by crashes, which is what crashes do
	took         time.Duration
	dir          string
}

// settle adds what may not be when nothing crashed.
func (v *verdict) settle(a *account) {
	v.repeats, v.broken = a.repeats(), len(a.cuts)
	for identity := range a.acknowledged {
		if a.attempted[identity].Key != fenceKey {
			v.acknowledged++
		}
	}
	if v.tally.crashes()+v.tally.freezes+v.tally.cuts+v.tally.brokers > 0 {
		return
	}
	v.findings[cutCall] = append(v.findings[cutCall], a.cuts...)
	// Who cannot renew his lease in time stops publishing, and what the broker has
	// taken of it and not yet confirmed comes again: at least once, as after a crash.
	if v.repeats > 0 && v.tally.lapses == 0 {
		v.add(repeated, "%d events came again though every end was orderly", v.repeats)
	}
}

// wrong reports whether anything is.
func (v *verdict) wrong() bool {
	for _, list := range v.findings {
		if len(list) > 0 {
			return true
		}
	}
	return false
}

// print tells what is wrong, and closes with the one line.
func (v *verdict) print(out io.Writer) {
	const most = 10 // of each kind
	for _, kind := range slices.Sorted(maps.Keys(v.findings)) {
		for i, what := range v.findings[kind] {
			if i == most {
				fmt.Fprintf(out, "%s: and %d more\n", kind, len(v.findings[kind])-most)
				break
			}
			fmt.Fprintf(out, "%s: %s\n", kind, what)
		}
	}
	if v.wrong() {
		fmt.Fprintf(out, "project, database and logs are in %s\n", v.dir)
	}
	fmt.Fprintf(out, "%v; payloads removed %d; took %v\n", v.tally, v.removed, v.took.Round(100*time.Millisecond))
	fmt.Fprintln(out, v.line())
}

// line is the closing line.
func (v *verdict) line() string {
	crashes := v.tally.crashes()
	out := fmt.Sprintf("crashes %d, acknowledged %d", crashes, v.acknowledged)
	for _, kind := range []string{lost, twice, disorder, changedID, differing} {
		out += fmt.Sprintf(", %s %d", kind, len(v.findings[kind]))
	}
	out += fmt.Sprintf(", parked %d, wire duplicates %d", v.parked, v.repeats)
	if crashes > 0 {
		out += fmt.Sprintf(" (%.1f per crash)", float64(v.repeats)/float64(crashes))
	}
	if v.tally.stops > 0 {
		out += fmt.Sprintf(", stops %d (slowest %v), requests broken %d", v.tally.stops, v.tally.slowest.Round(time.Millisecond), v.broken)
	}
	if v.tally.freezes > 0 {
		out += fmt.Sprintf(", freezes %d (others went on in %d)", v.tally.freezes, v.tally.handed)
	}
	for _, kind := range []string{unexpected, unpublished, unanswered, leftOver, unparked, wrongParked, refusedCall, damaged, repeated, stuck, aborted} {
		if n := len(v.findings[kind]); n > 0 {
			out += fmt.Sprintf(", %s %d", kind, n)
		}
	}
	return out
}
