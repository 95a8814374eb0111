package gatewaytest

import (
	"context"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Deliveries makes n deliveries with fresh ids, every field filled, and dense
// sequence numbers from 1.
func Deliveries(n int, routingKey string) []gateway.Delivery {
	out := make([]gateway.Delivery, n)
	for i := range out {
		id := uuid.Must(uuid.NewV7())
		wire := uuid.New()
		out[i] = gateway.Delivery{
			Channel: "order-events", Shard: 3, Seq: int64(i + 1),
			WireID: hex.EncodeToString(wire[:]), MessageID: id,
			OrderingKey: fmt.Sprintf("PO-%d ä", i), RoutingKey: routingKey,
			Type: "order.accepted", ContentType: "application/json",
			Correlation: fmt.Sprintf("urn:uuid:%s", id),
			TraceParent: "00-" + strings.Repeat("ab", 16) + "-" + strings.Repeat("cd", 8) + "-01",
			CreatedAt:   time.Date(2026, 3, 29, 1, 30, i%60, 0, time.UTC),
			Body:        fmt.Appendf(nil, `{"orderNo":"PO-%d"}`, i),
		}
	}
	return out
}

// wantCodes compares results with the codes wanted; an empty code is success.
func wantCodes(t *testing.T, results []error, want []fault.Code) {
	t.Helper()
	if len(results) != len(want) {
		t.Errorf("%d results for %d deliveries", len(results), len(want))
		return
	}
	for i, err := range results {
		if got := codeOf(err); got != want[i] {
			t.Errorf("result %d: %v, want code %q", i, err, want[i])
			return
		}
	}
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

func routable(sent []gateway.Delivery, codes []fault.Code) []gateway.Delivery {
	var out []gateway.Delivery
	for i, d := range sent {
		if codes[i] == "" {
			out = append(out, d)
		}
	}
	return out
}

// sameDeliveries compares wire ids, bodies and order.
func sameDeliveries(t *testing.T, got, want []gateway.Delivery) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d deliveries arrived, want %d", len(got), len(want))
		return
	}
	for i := range want {
		if got[i].WireID != want[i].WireID || string(got[i].Body) != string(want[i].Body) {
			t.Errorf("delivery %d arrived as %s %q, want %s %q", i, got[i].WireID, got[i].Body, want[i].WireID, want[i].Body)
			return
		}
	}
}

func equalDelivery(a, b gateway.Delivery) bool { return reflect.DeepEqual(a, b) }

// publishUntilTaken publishes what has no fate yet again and again, as the relay
// does, until everything is taken.
func publishUntilTaken(t *testing.T, p gateway.Publisher, deliveries []gateway.Delivery) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	left := slices.Clone(deliveries)
	for len(left) > 0 && ctx.Err() == nil {
		var again []gateway.Delivery
		for i, err := range p.Publish(ctx, left) {
			switch codeOf(err) {
			case "":
			case fault.CodeChannelUnavailable:
				again = append(again, left[i])
			default:
				t.Fatalf("delivery %d: %v", i, err)
			}
		}
		left = again
	}
	if len(left) > 0 {
		t.Fatalf("%d deliveries were not taken within %v", len(left), patience)
	}
}
