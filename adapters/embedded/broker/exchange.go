package broker

import (
	"reflect"
	"slices"
	"strings"
)

// exchange routes messages to queues and to other exchanges.
type exchange struct {
	name, kind string
	bindings   []binding
}

// binding leads to a queue or to an exchange, never to both.
type binding struct {
	key      string
	args     table
	queue    *queue
	exchange *exchange
}

func (b binding) equal(o binding) bool {
	return b.key == o.key && b.queue == o.queue && b.exchange == o.exchange &&
		(len(b.args) == 0 && len(o.args) == 0 || reflect.DeepEqual(b.args, o.args))
}

func knownKind(kind string) bool {
	return slices.Contains([]string{"direct", "fanout", "topic", "headers"}, kind)
}

func (x *exchange) bind(b binding) {
	if !slices.ContainsFunc(x.bindings, b.equal) {
		x.bindings = append(x.bindings, b)
	}
}

func (x *exchange) unbind(b binding) {
	x.bindings = slices.DeleteFunc(x.bindings, b.equal)
}

// route collects the queues of a message, each once, in binding order.
func (x *exchange) route(key string, headers table, r *routing) {
	if slices.Contains(r.seen, x) {
		return
	}
	r.seen = append(r.seen, x)
	for _, b := range x.bindings {
		if !x.matches(b, key, headers) {
			continue
		}
		if b.exchange != nil {
			b.exchange.route(key, headers, r)
		} else {
			r.add(b.queue)
		}
	}
}

type routing struct {
	seen   []*exchange
	queues []*queue
}

func (r *routing) add(q *queue) {
	if !slices.Contains(r.queues, q) {
		r.queues = append(r.queues, q)
	}
}

func (x *exchange) matches(b binding, key string, headers table) bool {
	switch x.kind {
	case "fanout":
		return true
	case "topic":
		return matchTopic(strings.Split(b.key, "."), strings.Split(key, "."))
	case "headers":
		return matchHeaders(b.args, headers)
	}
	return b.key == key
}

// matchTopic matches words: * is exactly one, # any number of them.
func matchTopic(pattern, words []string) bool {
	for i, p := range pattern {
		if p == "#" {
			return matchRest(pattern[i+1:], words[i:])
		}
		if i >= len(words) || p != "*" && p != words[i] {
			return false
		}
	}
	return len(pattern) == len(words)
}

func matchRest(pattern, words []string) bool {
	for i := range len(words) + 1 {
		if matchTopic(pattern, words[i:]) {
			return true
		}
	}
	return false
}

// matchHeaders compares the arguments of a binding that do not start with x-.
func matchHeaders(args, headers table) bool {
	hit, need := 0, 0
	for key, want := range args {
		if strings.HasPrefix(key, "x-") {
			continue
		}
		need++
		if got, ok := headers[key]; ok && (want == nil || reflect.DeepEqual(got, want)) {
			hit++
		}
	}
	return hit == need || args["x-match"] == "any" && hit > 0
}

// forget removes the bindings that lead to an exchange that is gone.
func (x *exchange) forget(gone *exchange) {
	x.bindings = slices.DeleteFunc(x.bindings, func(b binding) bool { return gone != nil && b.exchange == gone })
}
