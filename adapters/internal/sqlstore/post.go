package sqlstore

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// OpenChannel makes sure that a channel has numbers to draw that no mapping
// publishes to.
func (s *Store) OpenChannel(ctx context.Context, channel string) error {
	return s.openShards(ctx, []string{channel})
}

// Post puts one delivery into the outbox that no commit has put there. The
// shard's row is locked first: of two posts of one wire id the second one sees
// the first.
func (s *Store) Post(ctx context.Context, p *gateway.Posting) (posted bool, err error) {
	at := stand{p.Channel, shardOf(p.OrderingKey, s.shards)}
	key, wire := clip(p.OrderingKey, 400), p.WireID
	err = s.write(ctx, func(q Querier) error {
		posted = false
		if p.Refusal != nil {
			if err := s.writeRefusal(ctx, q, p.Refusal); err != nil {
				return err
			}
		}
		if err := s.draw(ctx, q, at, 0); err != nil {
			return err
		}
		var waiting int
		if err := q.QueryRowContext(ctx, s.text.postWaiting, p.MessageID[:], at.channel, wire).Scan(&waiting); err != nil || waiting > 0 {
			return err
		}
		if err := s.draw(ctx, q, at, 1); err != nil {
			return err
		}
		var next int64
		if err := q.QueryRowContext(ctx, s.text.postSeq, at.channel, at.shard).Scan(&next); err != nil {
			return err
		}
		if _, err := q.ExecContext(ctx, s.text.postDelivery, p.MessageID[:], at.channel, at.shard, next-1, wire, clip(p.RoutingKey, 1000)); err != nil {
			return err
		}
		_, err := q.ExecContext(ctx, s.text.postOutbox, at.channel, at.shard, next-1, wire, p.MessageID[:], key, clip(p.RoutingKey, 1000), clip(p.Type, 255), clip(p.ContentType, 255),
			clip(p.Correlation, 1000), clip(p.TraceParent, 64), s.dialect.Time(s.now()), s.dialect.Document(hex.EncodeToString(p.Body)))
		posted = err == nil
		return err
	})
	return posted && err == nil, s.fail("posting a delivery", err)
}

// draw takes n numbers of a shard, or only its lock.
func (s *Store) draw(ctx context.Context, q Querier, at stand, n int) error {
	rows, err := affected(q.ExecContext(ctx, s.text.postShard, at.channel, at.shard, n))
	if err == nil && rows == 0 {
		err = fmt.Errorf("posting: %w", UnknownShard(at.channel, at.shard))
	}
	return err
}
