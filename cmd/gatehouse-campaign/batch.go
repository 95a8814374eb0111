package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// batchParts is how many parts a batch has: several commits, between and within
// which a gateway may die.
const batchParts = 300

// messagesPerBatch is how many other messages come for each batch.
const messagesPerBatch = 2000

// batches is how many batches a campaign sends.
func (s *settings) batches() int {
	if !s.through("soap") {
		return 0
	}
	return max(1, s.messages/messagesPerBatch)
}

// batch is the n-th message that is split. Its parts fall into a few ordering keys.
type batch int

func (b batch) part(i int) string { return fmt.Sprintf("%s-%d", b, i) }

func (b batch) String() string { return fmt.Sprintf("B%d", int(b)) }

func (b batch) xml() string {
	var parts strings.Builder
	for i := range batchParts {
		fmt.Fprintf(&parts, `<b:Item number="%s" group="%s-%d"/>`, b.part(i), b, i%5)
	}
	return `<b:SubmitItems xmlns:b="urn:gatehouse:campaign:batch">` + parts.String() + `</b:SubmitItems>`
}

// submit is an ERP that sends batches, one after the other and spread over the
// campaign; each twice.
func (s *senders) submit(ctx context.Context) {
	c := s.newCaller(s.settings.chance(800))
	defer c.close()
	for n := range s.settings.batches() {
		b := batch(n)
		if !s.history.reached(ctx, n*s.settings.messages/s.settings.batches()*9/10) {
			return
		}
		s.history.try(b)
		for range 2 {
			answer, ok := c.insist(ctx, order{Identity: b.String()}, "/soap/batch/Batch", erp, b.xml())
			if !ok {
				return
			}
			s.history.batchReply(b, answer)
		}
	}
}

// itemOf is the number of the item that an event tells of.
func itemOf(body []byte) (string, error) {
	var e struct {
		Number string `json:"number"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return "", fmt.Errorf("reading an event: %w", err)
	}
	return e.Number, nil
}
