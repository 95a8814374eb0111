package sqlview

import (
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// TestOneWholeReport: a report that reads a whole table does not begin while another
// does, and says so when its time is up.
func TestOneWholeReport(t *testing.T) {
	d := &Database{timeout: 10 * time.Millisecond, whole: make(chan struct{}, 1)}
	d.whole <- struct{}{}
	plan := &view.ReportPlan{Plan: &view.Plan{View: &view.View{}}, Report: &view.Report{Name: "sums"}, Scan: true}
	_, err := (&Tables{database: d}).Report(t.Context(), plan)
	if fault.Of(err).Code != fault.CodeBusy {
		t.Errorf("%v", err)
	}
	if len(d.whole) != 1 {
		t.Error("the place of the other one is free")
	}
}
