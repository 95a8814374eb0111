package soap

// places is a number of things that may be held at once; whoever finds none
// free is turned away, never queued: a queue in front of a full gateway only
// makes every caller late.
type places chan struct{}

func newPlaces(n int) places { return make(places, n) }

// take returns false when all places are taken.
func (p places) take() bool {
	select {
	case p <- struct{}{}:
		return true
	default:
		return false
	}
}

func (p places) free() { <-p }
