package sqlite

import (
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The statements of the lot that a commit needs.
const (
	heldText   = `SELECT state, route, ordering_key FROM "gateway.held" WHERE id = ?1`
	originText = `SELECT state, id FROM "gateway.held" WHERE origin = ?1 AND state IN ('waiting', 'parked') ORDER BY id LIMIT 1`
	waitsText  = `SELECT 1 FROM "gateway.held" WHERE state = 'waiting' AND route = ?1 LIMIT 1`
	aheadText  = `SELECT 1 FROM "gateway.held" WHERE state = 'waiting' AND route = ?1 AND ordering_key = ?2 AND id < ?3 LIMIT 1`
	holdText   = `INSERT INTO "gateway.held" (id, received_at, route, endpoint, mapping, contract, principal, login, sender, "identity", body, content_type,
		ordering_key, traceparent, correlation, origin, properties, state, code, reason, attempts, next_at, until_at, cause)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)`
	reholdText = `UPDATE "gateway.held" SET state = ?2, code = ?3, reason = ?4, attempts = ?5, next_at = ?6, until_at = ?7, cause = ?8 WHERE id = ?1`
	replayText = `UPDATE "gateway.held" SET state = 'replayed', next_at = NULL, until_at = NULL, closed_by = ?2 WHERE id = ?1`
	wakeText   = `UPDATE "gateway.held" SET next_at = ?3 WHERE state = 'waiting' AND next_at IS NULL AND id = (SELECT o.id FROM "gateway.held" AS o
		WHERE o.state = 'waiting' AND o.route = ?1 AND o.ordering_key = ?2 ORDER BY o.id LIMIT 1)`
	lineText     = `INSERT OR IGNORE INTO "gateway.attempt" (message_id, id, at, what, done_by, code, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`
	unholdText   = `DELETE FROM "gateway.held" WHERE id = ?1`
	unpackedText = `DELETE FROM "gateway.payload" WHERE message_id = ?1`
	unkeyedText  = `DELETE FROM "gateway.message_key" WHERE message_id = ?1`
)

// held is what the lot knows of a message.
type held struct{ state, route, key string }

func heldOf(s *session, id gateway.ID) (h held, err error) {
	row, found, err := s.row(heldText, id[:])
	if err != nil || !found {
		return held{}, err
	}
	return held{row[0].(string), row[1].(string), row[2].(string)}, nil
}

func (h held) open() bool { return h.state == sqlstore.Waiting || h.state == sqlstore.Parked }

// inLot settles an item that the lot decides about, before anything is tried of
// it or after the inbox turned out to have its identity for another message.
func inLot(s *session, it *sqlstore.Item) (settled bool, err error) {
	if it.Entry.Release != nil {
		settled, err = released(s, it)
	} else {
		settled, err = again(s, it)
	}
	if settled || err != nil || it.Only() || it.Entry.Keep == nil || !it.Going() {
		return settled, err
	}
	id := it.Message().ID
	_, found, err := s.row(aheadText, it.Ledger.Route, it.Ledger.OrderingKey, id[:])
	if found {
		it.Behind()
	}
	return found, err
}

// released settles another attempt of a message that is not there to be tried: a
// retry needs it waiting, a replay waiting or parked.
func released(s *session, it *sqlstore.Item) (settled bool, err error) {
	id := it.Entry.Release.ID
	h, err := heldOf(s, id)
	switch {
	case err != nil, h.state == sqlstore.Waiting, h.open() && !it.Retry():
		return false, err
	case h.open():
		it.Again(h.state, id) // an operator parked it meanwhile
	default:
		it.Gone()
	}
	return true, nil
}

// again settles an item that is held already: because the answer to an earlier
// commit was lost, or because its queue hands it out once more.
func again(s *session, it *sqlstore.Item) (settled bool, err error) {
	m := it.Message()
	h, err := heldOf(s, m.ID)
	switch {
	case err != nil:
		return false, err
	case h.state != "":
		it.Again(h.state, m.ID)
		return true, nil
	case !m.Redelivered:
		return false, nil
	}
	row, found, err := s.row(originText, m.Origin[:])
	if err != nil || !found {
		return false, err
	}
	it.Again(row[0].(string), gateway.ID(row[1].([]byte)))
	return true, nil
}

// settleLot writes into the lot what became of an item.
func settleLot(s *session, it *sqlstore.Item) error {
	if k := it.Keeping(); k != nil {
		return hold(s, it, k)
	}
	if it.Closing() == sqlstore.Open {
		return nil
	}
	return closeHeld(s, it)
}

func hold(s *session, it *sqlstore.Item, k *sqlstore.Kept) error {
	keep := newlyHeld
	if it.Retry() {
		keep = heldOn
	}
	if err := keep(s, it, k); err != nil {
		return err
	}
	failpoint.Hit("commit-held")
	return line(s, it)
}

// heldOn keeps on holding a message; one that goes to the parking lot lets the
// next of its key have its turn.
func heldOn(s *session, it *sqlstore.Item, k *sqlstore.Kept) error {
	id := it.Message().ID
	h, err := heldOf(s, id)
	if err != nil {
		return err
	}
	if err := s.do(reholdText, id[:], k.State, k.Code, k.Reason, k.Attempts, moment(k.Next), moment(k.Until), k.Cause); err != nil {
		return err
	}
	return wake(s, it, h)
}

func newlyHeld(s *session, it *sqlstore.Item, k *sqlstore.Kept) error {
	m, l := it.Message(), &it.Ledger
	err := s.do(holdText, m.ID[:], m.ReceivedAt.UnixMilli(), l.Route, l.Endpoint, l.Mapping, m.Contract[:], l.Principal, k.Login, l.Sender, l.Identity, m.Body[:],
		l.ContentType, l.OrderingKey, l.TraceParent, l.Correlation, k.Origin, k.Properties, k.State, k.Code, k.Reason, k.Attempts, moment(k.Next), moment(k.Until), k.Cause)
	if err != nil {
		return err
	}
	return contents(s, it)
}

// moment is a time or NULL.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// closeHeld closes the held message that the item was another attempt of, if
// nobody has done so before.
func closeHeld(s *session, it *sqlstore.Item) error {
	r := it.Entry.Release
	h, err := heldOf(s, r.ID)
	if err != nil {
		return err
	}
	switch closing := it.Closing(); {
	case closing == sqlstore.Remove && h.state == sqlstore.Waiting:
		for _, text := range []string{unholdText, unpackedText, unkeyedText} {
			if err := s.do(text, r.ID[:]); err != nil {
				return err
			}
		}
		it.Removed()
	case closing == sqlstore.Replay && h.open():
		if err := s.do(replayText, r.ID[:], it.Line().By); err != nil {
			return err
		}
	default:
		return nil
	}
	if err := wake(s, it, h); err != nil {
		return err
	}
	return line(s, it)
}

// wake makes the next message of a key due when the one before it is out of the
// way.
func wake(s *session, it *sqlstore.Item, h held) error {
	return s.do(wakeText, h.route, h.key, it.Now().UnixMilli())
}

func line(s *session, it *sqlstore.Item) error {
	l := it.Line()
	return s.do(lineText, l.Message[:], l.ID[:], it.Now().UnixMilli(), l.What, l.By, l.Code, l.Reason)
}
