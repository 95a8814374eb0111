package main

import (
	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/internal/sealing"
)

// serveSearches makes the door of searches; where pages go on is sealed with keys.
func (s *service) serveSearches(keys sealing.Keys, messages *rest.Messages) *rest.Views {
	views := rest.NewViews(s.project.Search, s.core, currentSearches{s}, keys, s.watch.searches, s.log)
	if s.project.Search.Messages {
		views.AddMessages(messages)
	}
	return views
}
