package main

import "github.com/gatehouse/gatehouse/adapters/rest"

// serveSearches makes the door of searches.
func (s *service) serveSearches(messages *rest.Messages) *rest.Views {
	views := rest.NewViews(s.core, currentSearches{s}, s.desk, s.log)
	if s.project.Search.Messages {
		views.AddMessages(messages)
	}
	return views
}
