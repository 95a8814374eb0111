package gateway

import (
	"encoding/json"
	"slices"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// problemDocument is a fault in the form of RFC 9457, with the members that the
// gateway adds to it.
type problemDocument struct {
	Type    string         `json:"type"`
	Title   string         `json:"title"`
	Code    string         `json:"code"`
	Kind    string         `json:"kind"`
	Mender  fault.Mender   `json:"mender"`
	Outcome string         `json:"outcome"`
	Message string         `json:"message"`
	Details []fault.Detail `json:"details,omitempty"`
	More    int            `json:"more,omitempty"`
}

// forSender leaves out what is the gateway's own business: where the mapping is
// and what the tables are called.
func forSender(details []fault.Detail) []fault.Detail {
	out := slices.Clone(details)
	for i := range out {
		out[i].Source, out[i].Target = "", ""
	}
	return out
}

func problem(r *Receipt) ([]byte, error) {
	f := r.Fault
	return json.Marshal(problemDocument{
		Type:    "urn:gatehouse:fault:" + string(f.Code),
		Title:   f.Message,
		Code:    string(f.Code),
		Kind:    f.Kind().String(),
		Mender:  f.Mender(),
		Outcome: r.Status.String(),
		Message: r.MessageID.String(),
		Details: forSender(f.Details),
		More:    f.More,
	})
}
