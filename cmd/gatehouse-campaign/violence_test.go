package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var failpointCall = regexp.MustCompile(`failpoint\.Hit\("([a-z-]+)"\)`)

// TestFailpoints reads the places from the gateway's source, so that none is
// forgotten.
func TestFailpoints(t *testing.T) {
	found := map[string]bool{}
	for _, root := range []string{"../../internal", "../../adapters"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			src, err := os.ReadFile(path)
			for _, m := range failpointCall.FindAllSubmatch(src, -1) {
				found[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var known []string
	for _, points := range failpoints {
		known = append(known, points...)
	}
	for _, point := range known {
		if strings.HasPrefix(point, "purge=") {
			continue // its name and its value are apart there
		}
		if !found[point] {
			t.Errorf("the gateway has no failpoint %s", point)
		}
		delete(found, point)
	}
	for point := range found {
		if slices.ContainsFunc([]string{"job-", "adopt-", "act-", "blob-", "attachment", "sweep-", "live-", "feed-", "park-"}, func(p string) bool { return strings.HasPrefix(point, p) }) {
			continue // operators' acts, parking, attachments, live views and feeds; the gateway's own tests crash in them
		}
		t.Errorf("no campaign dies at %s", point)
	}
}

// TestPlan follows from the seed, visits every failpoint, and has as much
// violence of each kind as was asked for.
func TestPlan(t *testing.T) {
	s := &settings{seed: 1, doors: []string{"soap", "amqp"}, crashes: 250, random: 0.3, stops: 5, freezes: 2}
	plan := s.plan()
	if !slices.Equal(plan, s.plan()) {
		t.Error("the same seed makes another plan")
	}
	other := *s
	other.seed = 2
	if slices.Equal(plan, other.plan()) {
		t.Error("another seed makes the same plan")
	}
	kinds, points := map[kind]int{}, map[string]bool{}
	for _, a := range plan {
		kinds[a.kind]++
		point, _, _ := strings.Cut(a.crashAt, ":")
		points[point] = true
	}
	if kinds[crash]+kinds[kill] != 250 || kinds[kill] == 0 || kinds[halt] != 5 || kinds[frozen] != 2 {
		t.Errorf("kinds of acts: %v", kinds)
	}
	for _, list := range failpoints {
		for _, point := range list {
			if !points[point] {
				t.Errorf("nobody dies at %s", point)
			}
		}
	}
}

// TestBudget hands out what was granted, and says when there will be no more.
func TestBudget(t *testing.T) {
	b := newBudget(3)
	b.grant(2)
	b.grant(5)
	b.grant(1)
	for range 3 {
		if !b.take(t.Context()) {
			t.Fatal("less than three of three were handed out")
		}
	}
	if b.take(t.Context()) {
		t.Error("more were handed out than there are")
	}
}

// TestSettings refuses what makes no campaign.
func TestSettings(t *testing.T) {
	good := []string{"-binary", "x", "-amqp", "amqp://u:p@h"}
	for _, c := range []struct {
		args []string
		ok   bool
	}{
		{nil, true},
		{[]string{"-crashes", "3", "-store", "sqlserver://h?database=d", "-gateways", "2"}, true},
		{[]string{"-poison"}, true},
		{[]string{"-poison", "-doors", "soap"}, false},
		{[]string{"-poison", "-crashes", "3"}, false},
		{[]string{"-binary", ""}, false},
		{[]string{"-amqp", ""}, false},
		{[]string{"-doors", "soap,rest"}, false},
		{[]string{"-store", "postgres://h"}, false},
		{[]string{"-queue", "stream"}, false},
		{[]string{"-random", "1.1"}, false},
		{[]string{"-messages", "0"}, false},
		{[]string{"-crashes", "-1"}, false},
		{[]string{"more"}, false},
		{[]string{"-no-such-flag"}, false},
	} {
		var said strings.Builder
		s, err := parse(append(slices.Clone(good), c.args...), &said)
		if (err == nil) != c.ok || c.ok && (s.seed == 0 || s.frozen != 20*time.Second) || !c.ok && said.Len() == 0 {
			t.Errorf("%v: %v, said %q", c.args, err, said.String())
		}
	}
}
