package main

import (
	"regexp"
	"strings"
)

// held is the form of a reply by queue that tells no more than that the message
// waits or is parked.
const held = "held"

var fact = regexp.MustCompile(`(OrderId|OrderNumber|Status|Lines)"?[>:]\s*"?([^"<,}\s]+)`)

// facts are what the reply says, whatever its form.
func (r reply) facts() string {
	var out []string
	for _, m := range fact.FindAllStringSubmatch(r.body, -1) {
		out = append(out, m[1]+" "+m[2])
	}
	return strings.Join(out, ", ")
}
