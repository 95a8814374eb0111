package query

import "sync"

// Places bounds what is asked at once: by everybody, and by each one. It is safe for
// concurrent use.
type Places struct {
	slots chan struct{}
	each  int

	mu sync.Mutex
	of map[string]int
}

// NewPlaces returns places of which none is taken: so many, and for each user so many.
func NewPlaces(all, each int) *Places {
	return &Places{slots: make(chan struct{}, all), each: each, of: map[string]int{}}
}

// Enter takes a place among all, and among those of a user; leave gives it back. It is
// nil when there is none: all says whether nobody gets one, or he has his.
func (p *Places) Enter(user string) (leave func(), all bool) {
	select {
	case p.slots <- struct{}{}:
	default:
		return nil, true
	}
	if !p.take(user) {
		<-p.slots
		return nil, false
	}
	return func() {
		p.free(user)
		<-p.slots
	}, false
}

func (p *Places) take(user string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[user] >= p.each {
		return false
	}
	p.of[user]++
	return true
}

func (p *Places) free(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[user]--; p.of[user] == 0 {
		delete(p.of, user)
	}
}
