package sqlstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"time"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Responded records what the other side of a channel answered: of each delivery
// the last answer, and how many there were. Called again with the same answers,
// it counts them again.
func (s *Store) Responded(ctx context.Context, l gateway.Lease, responses []gateway.Response) error {
	return s.holding(ctx, "recording answers", l, func(q Querier) error {
		for i := range responses {
			if err := s.respond(ctx, q, l, &responses[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) respond(ctx context.Context, q Querier, l gateway.Lease, r *gateway.Response) error {
	cut := 0
	if r.Cut || len(r.Body) > gateway.MaxResponse {
		cut = 1
	}
	packing, body := s.packer.pack(r.Body[:min(len(r.Body), gateway.MaxResponse)])
	args := []any{r.MessageID[:], l.Channel, l.Shard, r.Seq, s.dialect.Time(r.At), min(r.Took, time.Hour).Milliseconds(), r.Status,
		clip(r.ContentType, 255), clip(r.Code, 16), clip(r.Reason, maxReason), cut, int(packing), s.dialect.Document(hex.EncodeToString(body))}
	for _, text := range []string{s.text.respondAgain, s.text.respondFirst} {
		n, err := affected(q.ExecContext(ctx, text, args...))
		if err != nil || n > 0 {
			return err
		}
	}
	return nil
}

// response is the row of an answer as it is joined to a delivery; of a delivery
// without one every column is NULL.
type response struct {
	attempts, took, status, cut, packing sql.NullInt64
	contentType, code, reason            sql.NullString
	first, at                            time.Time
	body                                 []byte
}

// columns are the destinations, in the order of the statement.
func (r *response) columns(d Dialect) []any {
	return []any{&r.attempts, d.ScanTime(&r.first), d.ScanTime(&r.at), &r.took, &r.status, &r.contentType, &r.code, &r.reason, &r.cut, &r.packing, &r.body}
}

// record is nil when there is no answer.
func (r *response) record() (*gateway.ResponseRecord, error) {
	if !r.attempts.Valid {
		return nil, nil
	}
	body, err := unpack(Packing(r.packing.Int64), r.body)
	if err != nil {
		return nil, err
	}
	return &gateway.ResponseRecord{Attempts: int(r.attempts.Int64), FirstAt: r.first, Response: gateway.Response{
		At: r.at, Took: time.Duration(r.took.Int64) * time.Millisecond, Status: int(r.status.Int64), ContentType: r.contentType.String,
		Body: body, Cut: r.cut.Int64 != 0, Code: r.code.String, Reason: r.reason.String,
	}}, nil
}
