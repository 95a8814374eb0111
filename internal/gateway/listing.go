package gateway

import "context"

// Listing is a ledger that lists messages, newest first.
type Listing interface {
	Messages(ctx context.Context, q Query) ([]Summary, error)
}

// Outcomes are what a message of the ledger can have come to.
var Outcomes = []string{"stored", "superseded", "refused", "parked", "waiting", "replayed", "discarded"}

// maxLooks bounds how often the ledger is looked into, maxLook messages at a
// time, for one page of somebody who may see little of it.
const (
	maxLooks = 5
	maxLook  = 200
)

// Messages gathers the next messages, as many as the query says, that are in the
// scope. next is set when there may be older ones, which are asked for with it as
// Before; a page may hold fewer than were asked for, or none, and still have one.
func (s Scope) Messages(ctx context.Context, from Listing, q Query) (page []Summary, next ID, err error) {
	page = []Summary{}
	wanted := q.Limit
	for range maxLooks {
		found, err := from.Messages(ctx, q)
		if err != nil {
			return nil, ID{}, err
		}
		for i, m := range found {
			if !s.Covers(OnMessage(m.Route)) {
				continue
			}
			page = append(page, m)
			if len(page) == wanted {
				if i < len(found)-1 || len(found) == q.Limit {
					next = m.ID
				}
				return page, next, nil
			}
		}
		if len(found) < q.Limit {
			return page, ID{}, nil
		}
		q.Before = found[len(found)-1].ID
		q.Limit = maxLook
	}
	return page, q.Before, nil
}
