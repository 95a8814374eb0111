package main

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// What senders write does not steer the terminal of who looks at it.
func TestPrintedMessagesAreInert(t *testing.T) {
	const hostile = "a\x1b[2Jb\r\x00c\u009bd\ne\tf"
	r := &gateway.Record{
		Summary: gateway.Summary{Route: hostile, Sender: hostile, Identity: hostile, Reason: hostile, Keys: []mapping.Key{{Name: "k", Value: hostile}}},
		Payload: []byte("<a>\n\t\x1b[2J</a>"),
		History: []gateway.Attempt{{What: hostile, By: hostile, Reason: hostile}},
	}
	var list, record strings.Builder
	if err := printSummaries(&list, []gateway.Summary{r.Summary}, false); err != nil {
		t.Fatal(err)
	}
	if err := printRecord(&record, r, false); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{list.String(), record.String()} {
		if strings.ContainsAny(text, "\x1b\r\x00\u009b") {
			t.Errorf("%q steers a terminal", text)
		}
	}
	if n := strings.Count(list.String(), "\n"); n != 2 {
		t.Errorf("the list has %d lines:\n%s", n, list.String())
	}
	if !strings.Contains(record.String(), "<a>\n\t") {
		t.Errorf("the payload lost its lines:\n%s", record.String())
	}
}
