package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse/gatehouse/internal/plural"
)

// AuditReport is what a whole verification has found out.
type AuditReport struct {
	At time.Time `json:"at"`
	AuditFindings
	// Heads are the last entries of the chains, to be noted elsewhere: from then on
	// nobody can change anything before them unnoticed.
	Heads []AuditHead `json:"heads"`
	// Noted is how many heads that were noted before were met, and TooOld how many
	// are of entries that retention has removed since.
	Noted  int `json:"noted"`
	TooOld int `json:"too_old,omitempty"`
}

// AuditWalk is how far a whole verification has come. It takes no more memory for
// a longer trail, can be written down as JSON at any time, and be gone on with.
type AuditWalk struct {
	Span AuditSpan `json:"span"`
	// Next is the place in Span.Starts of the chain that is being verified, and At
	// the last entry of it that fits.
	Next  int           `json:"next"`
	At    AuditHead     `json:"at"`
	Found AuditFindings `json:"found"`
	Heads []AuditHead   `json:"heads"`
	// Cuts are the entries up to which retention has removed chains.
	Cuts map[int]int64 `json:"cuts,omitempty"`
}

// NewAuditWalk begins a verification of a span.
func NewAuditWalk(span *AuditSpan) *AuditWalk {
	w := &AuditWalk{Span: *span, Heads: []AuditHead{}, Cuts: map[int]int64{}}
	w.begin()
	return w
}

// AuditReader is where a walk reads: a gateway, or the store past it.
type AuditReader struct {
	// Part is Gateway.AuditVerify of the walk's span, or its equal.
	Part func(after AuditHead) (*AuditPart, error)
	// Entry is Gateway.AuditEntry or its equal.
	Entry func(chain int, seq int64) (*AuditEntry, error)
}

// ReadAudit reads past a gateway.
func ReadAudit(ctx context.Context, trail AuditTrail, span *AuditSpan) AuditReader {
	return AuditReader{
		Part: func(after AuditHead) (*AuditPart, error) { return VerifyAudit(ctx, trail, after, span) },
		Entry: func(chain int, seq int64) (*AuditEntry, error) {
			return AuditEntryOf(ctx, trail, chain, seq)
		},
	}
}

// Done reports whether every chain was walked, or something does not fit.
func (w *AuditWalk) Done() bool { return w.Found.Break != nil || w.Next >= len(w.Span.Starts) }

// Check judges a walk that was read from a file.
func (w *AuditWalk) Check() error {
	switch {
	case w.Span.Until.IsZero():
		return errors.New("it has no span")
	case w.Next < 0 || w.Next > len(w.Span.Starts) || w.At.Seq < 0:
		return errors.New("it is nowhere in its span")
	case w.Next < len(w.Span.Starts) && w.At.Chain != w.Span.Starts[w.Next].Chain:
		return errors.New("it is on another chain than its span")
	}
	if w.Cuts == nil {
		w.Cuts = map[int]int64{}
	}
	return nil
}

func (w *AuditWalk) begin() {
	if w.Next < len(w.Span.Starts) {
		w.At = w.Span.Starts[w.Next]
	}
}

// Step verifies the next part, which takes a few seconds at most.
func (w *AuditWalk) Step(from AuditReader) error {
	p, err := from.Part(w.At)
	if err != nil {
		return err
	}
	w.Found.Add(p.AuditFindings)
	w.At = p.Head
	if p.Cut > 0 {
		w.Cuts[w.At.Chain] = p.Cut
	}
	if !p.Done && p.Break == nil {
		return nil
	}
	if w.At.Seq > 0 { // else nothing was written to it yet
		w.Heads = append(w.Heads, w.At)
	}
	w.Next++
	w.begin()
	return nil
}

// End judges what was found. Expected heads, noted at an earlier time, have to be
// on the way.
func (w *AuditWalk) End(from AuditReader, expected []AuditHead) (*AuditReport, error) {
	report := &AuditReport{At: w.Span.Until, AuditFindings: w.Found, Heads: slices.Clone(w.Heads)}
	slices.SortFunc(report.Heads, func(a, b AuditHead) int { return cmp.Compare(a.Chain, b.Chain) })
	for _, want := range expected {
		if report.Break != nil {
			break
		}
		if err := w.meet(report, want, from); err != nil {
			return nil, err
		}
	}
	report.Judge(&w.Span, w.whole())
	return report, nil
}

// meet looks for a head that was noted.
func (w *AuditWalk) meet(report *AuditReport, want AuditHead, from AuditReader) error {
	e, err := from.Entry(want.Chain, want.Seq)
	if err != nil {
		return err
	}
	switch {
	case e != nil && e.Hash == want.Hash:
		report.Noted++
	case e != nil:
		report.Break = &AuditBreak{Chain: want.Chain, Seq: want.Seq, At: e.At, Reason: "its hash is another one than was noted: the chain was written anew, or an older state of the database was restored"}
	default:
		cut, err := w.cut(want.Chain, from)
		if err != nil {
			return err
		}
		if want.Seq <= cut {
			report.TooOld++
			return nil
		}
		report.Break = &AuditBreak{Chain: want.Chain, Seq: want.Seq, Reason: "the entry whose hash was noted is not there: the end of the chain was taken off, or an older state of the database was restored"}
	}
	return nil
}

// whole reports whether the walk has seen everything that was ever written to the
// chains.
func (w *AuditWalk) whole() bool {
	for _, cut := range w.Cuts {
		if cut > 0 {
			return false
		}
	}
	return w.Span.whole()
}

// cut is the entry up to which retention has removed a chain. A walk that began
// later has not come by.
func (w *AuditWalk) cut(chain int, from AuditReader) (int64, error) {
	if cut, known := w.Cuts[chain]; known {
		return cut, nil
	}
	p, err := from.Part(AuditHead{Chain: chain})
	if err != nil {
		return 0, err
	}
	w.Cuts[chain] = p.Cut
	return p.Cut, nil
}

// Progress says in words how far it has come.
func (w *AuditWalk) Progress() string {
	return fmt.Sprintf("chain %d of %d, entry %d: %s and %s fit", w.Next+1, len(w.Span.Starts), w.At.Seq, plural.Of(w.Found.Entries, "entry", "entries"), plural.Of(w.Found.Messages, "message", "messages"))
}

// WalkAudit verifies a span from its beginning to its end.
func WalkAudit(span *AuditSpan, expected []AuditHead, from AuditReader) (*AuditReport, error) {
	w := NewAuditWalk(span)
	for !w.Done() {
		if err := w.Step(from); err != nil {
			return nil, err
		}
	}
	return w.End(from, expected)
}
