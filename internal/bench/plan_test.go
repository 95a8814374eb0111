package bench

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"
)

// drawn takes everything a plan has for one door.
func drawn(t *testing.T, p *Plan, d Door) (out []Task) {
	for {
		task, ok := p.Next(t.Context(), d)
		if !ok {
			return out
		}
		out = append(out, task)
	}
}

// TestPlanMessages hands out each number once, from the first on, with shares as
// asked, and the same for the same seed.
func TestPlanMessages(t *testing.T) {
	l := Load{Messages: 20000, SOAPShare: 1, Duplicates: 0.05, Invalid: 0.01}
	tasks := drawn(t, NewPlan(l, 7, 3, time.Now), SOAP)
	var twice, invalid, atOnce int
	for i, task := range tasks {
		if task.Number != 7+i || !task.Due.IsZero() || task.Reply {
			t.Fatalf("%d: %+v", i, task)
		}
		if task.Invalid && task.Twice {
			t.Fatalf("%d is invalid and repeated", i)
		}
		twice, invalid, atOnce = twice+one(task.Twice), invalid+one(task.Invalid), atOnce+one(task.AtOnce)
	}
	if len(tasks) != 20000 || math.Abs(float64(twice)-990) > 150 || math.Abs(float64(invalid)-200) > 70 || math.Abs(float64(atOnce)-495) > 100 {
		t.Errorf("%d tasks, %d twice, of them %d at once, %d invalid", len(tasks), twice, atOnce, invalid)
	}
	again := drawn(t, NewPlan(l, 7, 3, time.Now), SOAP)
	for i := range again {
		if again[i] != tasks[i] {
			t.Fatalf("the same seed makes %+v of %+v", again[i], tasks[i])
		}
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestPlanMix keeps the mixture although one door is faster, and gives each
// number to one door.
func TestPlanMix(t *testing.T) {
	p := NewPlan(Load{Messages: 1000, SOAPShare: 0.7, Slack: 5, Replies: 1}, 0, 1, time.Now)
	var both [Doors][]Task
	var working sync.WaitGroup
	for d := range Door(Doors) {
		working.Go(func() { both[d] = drawn(t, p, d) })
	}
	working.Wait()
	seen := map[int]bool{}
	for d, tasks := range both {
		for _, task := range tasks {
			if seen[task.Number] || task.Reply != (Door(d) == AMQP) {
				t.Fatalf("%v by door %d", task, d)
			}
			seen[task.Number] = true
		}
	}
	if given := p.Given(); len(seen) != 1000 || math.Abs(float64(given[SOAP])-700) > 10 || given[SOAP] != len(both[SOAP]) {
		t.Errorf("%d messages, by door %v", len(seen), given)
	}
	if _, ok := NewPlan(Load{Messages: 5, SOAPShare: 1}, 0, 1, time.Now).Next(t.Context(), AMQP); ok {
		t.Error("a door without a share gets a message")
	}
}

// TestPlanRate makes messages due one after the other, whenever they are asked
// for, and as many as the time has room for.
func TestPlanRate(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := begin
	p := NewPlan(Load{Duration: 2 * time.Second, Rate: 50, SOAPShare: 1}, 0, 1, func() time.Time { return now })
	now = begin.Add(time.Hour) // senders are late
	tasks := drawn(t, p, SOAP)
	if len(tasks) != 100 {
		t.Fatalf("%d messages", len(tasks))
	}
	for i, task := range tasks {
		if want := begin.Add(time.Duration(i) * 20 * time.Millisecond); !task.Due.Equal(want) {
			t.Fatalf("message %d is due at %v", i, task.Due)
		}
	}
}

// TestPlanEnds by time, by End, and with its caller.
func TestPlanEnds(t *testing.T) {
	now := time.Unix(0, 0)
	p := NewPlan(Load{Duration: time.Second, SOAPShare: 1}, 0, 1, func() time.Time { return now })
	if _, ok := p.Next(t.Context(), SOAP); !ok {
		t.Error("no message within the time")
	}
	now = now.Add(time.Second)
	if _, ok := p.Next(t.Context(), SOAP); ok {
		t.Error("a message after the time")
	}

	p = NewPlan(Load{SOAPShare: 0.5}, 0, 1, time.Now)
	p.Next(t.Context(), SOAP)
	ended := make(chan bool)
	go func() { _, ok := p.Next(t.Context(), SOAP); ended <- ok }() // AMQP is behind
	p.End()
	if <-ended {
		t.Error("a message after the end")
	}

	p = NewPlan(Load{SOAPShare: 0.5}, 0, 1, time.Now)
	p.Next(t.Context(), SOAP)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := p.Next(ctx, SOAP); ok {
		t.Error("a message for nobody")
	}
}
