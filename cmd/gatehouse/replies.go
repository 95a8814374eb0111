package main

import (
	"slices"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// checkReplies finds addresses that two channels list: a message that names one
// would have to be answered by both.
func (p *project) checkReplies(faults *config.Faults) {
	listed := map[string]string{}
	for _, ch := range p.Channels {
		if ch.Value.Replies == nil {
			continue
		}
		for _, address := range ch.Value.Replies.Addresses {
			key, _, err := gateway.ReplyURL(address)
			other, taken := listed[key]
			if err == nil && taken && other != ch.Name {
				faults.Add(ch.node.Fault("replies.addresses: %s is listed by channel %s, too", address, other))
			}
			listed[key] = ch.Name
		}
	}
}

// unnamed reports whether nobody may name the addresses of a channel of replies.
func (p *project) unnamed(channel string) bool {
	return !slices.ContainsFunc(p.Grants, func(g grantSection) bool {
		return g.covers(gateway.OnChannel(channel)) && slices.Contains(g.May, gateway.Cause)
	})
}
