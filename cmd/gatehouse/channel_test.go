package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func channelOf(t *testing.T, text string) (channelSection, error) {
	t.Helper()
	root, err := config.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var c channelSection
	if err := root.Decode(&c); err != nil {
		return c, err
	}
	return c, located(root, c.validate())
}

func TestChannelPolicy(t *testing.T) {
	for text, want := range map[string]gateway.Policy{
		"amqp: {exchange: e}": {},
		"amqp: {exchange: e}\nwindow: 20\nrate: 30/m\non_parked: skip\nretry: {attempts: 2, first: 1s, longest: 1m}": {
			Window: 20, Rate: 0.5, Skip: true, Attempts: 2, First: time.Second, Longest: time.Minute},
		"http: {url: https://h/}": {Window: 4, Attempts: 1, Circuit: 5, For: 24 * time.Hour},
		"soap: {contract: w.wsdl#S.P.O}\nconcurrency: 9\ncircuit: 3\nretry: {for: 1h, attempts: 4}": {Window: 9, Attempts: 4, Circuit: 3, For: time.Hour},
	} {
		c, err := channelOf(t, text)
		if got := c.policy(); err != nil || got != want {
			t.Errorf("%s:\n%+v, %v; want\n%+v", text, got, err, want)
		}
	}
}

func TestWrongChannels(t *testing.T) {
	for text, want := range map[string]string{
		"retry: {}": "a channel is one of amqp:, http:, soap: and replies:",
		"amqp: {exchange: e}\nhttp: {url: https://h/}":                  "a channel is one of amqp:, http:, soap: and replies:",
		"amqp: {exchange: e}\nconcurrency: 3":                           "c.yaml:2:14: concurrency: is for requests over HTTP",
		"amqp: {exchange: e}\ncircuit: 3":                               "c.yaml:2:10: circuit: is for requests over HTTP",
		"amqp: {exchange: e}\nretry: {for: 1h}":                         "c.yaml:2:14: retry.for: is for requests over HTTP",
		"http: {url: https://h/}\nwindow: 3":                            "c.yaml:2:9: window: is for exchanges",
		"http: {url: https://h/}\nrate: 50":                             "c.yaml:2:7: rate: \"50\" is not a rate",
		"http: {url: https://h/}\non_parked: drop":                      "c.yaml:2:12: on_parked: \"drop\", expected hold or skip",
		"http: {url: https://h/}\nretry: {first: 1m, longest: 1s}":      "c.yaml:2:16: retry.first: 1m0s is longer than longest",
		"http: {url: 'https://u:secret@h/'}":                            "c.yaml:1:13: http.url: must hold no credentials",
		"http: {url: https://h/, retry: [7xx]}":                         "\"7xx\" is neither an HTTP status",
		"http: {url: http://h/, auth: {username: u, password: secret}}": "c.yaml:1:30: http.auth: a secret goes over https only",
		"http: {url: https://h/, header: {}}":                           "unknown key; did you mean headers?",
		"soap: {contract: w.wsdl#S.P.O, faults: {Server: again}}":       "c.yaml:1:40: soap.faults: Server: \"again\", expected retry, park or taken",
	} {
		_, err := channelOf(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n%v; want\n%s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("a password is repeated: %v", err)
		}
	}
}

// TestChannelsInEffect shows channels with their defaults and without secrets.
func TestChannelsInEffect(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	text := strings.Replace(everything, "url: \"https://h/\"", "url: \"https://h/\", retry: [408, 5xx], headers: {X-A: b}", 1)
	text = strings.Replace(text, "headers: {}, auth: {}", "auth: {bearer: hush}", 1)
	text = strings.Replace(text, "\n  s: {", "\n    \n  s: {rate: 90/m, ", 1)
	root, err := config.Parse(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p := &project{root: root}
	if err := root.Decode(p); err != nil {
		t.Fatal(err)
	}
	shown := p.effective()
	for _, want := range []string{"on_parked: hold", "circuit: 5", "concurrency: 4", "- \"408\"\n", "- 5xx", "- 2xx", "X-A: b", "bearer: ", "rate: 90/m", "idempotency_header: Idempotency-Key", "for: 24h"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "window: 0") || strings.Contains(shown, "circuit: 0") {
		t.Errorf("what has no meaning is shown:\n%s", shown)
	}
	if strings.Contains(shown, "hush") {
		t.Error("a secret is shown")
	}
}
