package gateway

import (
	"context"
	"errors"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// storeEdge logs the beginning and the end of an outage of the store, once each.
func (g *Gateway) storeEdge(ctx context.Context, err error) {
	switch {
	case err == nil && g.storeDown.CompareAndSwap(true, false):
		g.config.Metrics.storeUp.Set(1)
		g.log.InfoContext(ctx, "store available again")
	case err != nil && fault.Of(err).Code == fault.CodeStoreUnavailable && !errors.Is(err, errCallerLeft) && g.storeDown.CompareAndSwap(false, true):
		g.config.Metrics.storeUp.Set(0)
		g.log.WarnContext(ctx, "store unavailable", "error", err)
	}
}
