package sqlserver

import (
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// questions are what the lot is asked about the items that it may hold.
func (d *document) questions(items []*sqlstore.Item) {
	d.key("w")
	d.open('[')
	for n, it := range items {
		if it.UsesLot() {
			d.question(n, it)
		}
	}
	d.close(']')
}

func (d *document) question(n int, it *sqlstore.Item) {
	m, l := it.Message(), &it.Ledger
	d.open('[')
	d.number(int64(n))
	d.truth(it.Only())
	d.truth(it.Retry())
	d.text(l.Route)
	if it.Entry.Keep != nil {
		d.text(l.OrderingKey)
	} else {
		d.null()
	}
	if m.Redelivered {
		d.hex(m.Origin[:])
	} else {
		d.null()
	}
	if r := it.Entry.Release; r != nil {
		d.hex(r.ID[:])
	} else {
		d.null()
	}
	d.close(']')
}

func (d *document) truth(yes bool) {
	n := int64(0)
	if yes {
		n = 1
	}
	d.number(n)
}

func (d *document) instant(t time.Time) {
	if t.IsZero() {
		d.null()
		return
	}
	d.text(t.UTC().Format(stamp))
}

// What becomes of a held message (column how of @x).
const (
	removed  = 1
	replayed = 2
	heldOn   = 3
)

// lot writes the messages that are held, the held ones that change, and the
// lines of their history. It reports whether there are any.
func (d *document) lot(items []*sqlstore.Item, b *blob) bool {
	any := false
	for _, part := range []struct {
		name  string
		write func(n int, it *sqlstore.Item)
	}{
		{"h", func(n int, it *sqlstore.Item) { d.held(n, it, it.Keeping(), b) }},
		{"x", func(_ int, it *sqlstore.Item) { d.change(it) }},
		{"l", func(_ int, it *sqlstore.Item) { d.line(it) }},
	} {
		d.key(part.name)
		d.open('[')
		for n, it := range items {
			if it.Keeping() == nil && (part.name == "h" || it.Closing() == sqlstore.Open) {
				continue
			}
			part.write(n, it)
			any = true
		}
		d.close(']')
	}
	return any
}

func (d *document) held(n int, it *sqlstore.Item, k *sqlstore.Kept, b *blob) {
	m, l := it.Message(), &it.Ledger
	d.open('[')
	d.number(int64(n))
	d.hex(m.ID[:])
	d.truth(it.Retry())
	d.text(m.ReceivedAt.UTC().Format(stamp))
	d.text(l.Route)
	d.text(l.Endpoint)
	d.text(l.Mapping)
	d.hex(m.Contract[:])
	d.text(l.Principal)
	d.text(k.Login)
	d.text(l.Sender)
	d.text(l.Identity)
	d.hex(m.Body[:])
	d.text(l.ContentType)
	d.text(l.OrderingKey)
	d.text(l.TraceParent)
	d.text(l.Correlation)
	d.hex(k.Origin)
	d.raw(k.Properties)
	d.text(k.State)
	d.text(k.Code)
	d.text(k.Reason)
	d.number(int64(k.Attempts))
	d.instant(k.Next)
	d.instant(k.Until)
	d.number(int64(it.Packing))
	if it.Retry() {
		d.body(nil, b) // it is there already
	} else {
		d.body(it.Payload, b)
	}
	d.text(k.Cause)
	d.close(']')
}

// change names a held message that is closed or held on.
func (d *document) change(it *sqlstore.Item) {
	how, id := int64(heldOn), it.Message().ID
	switch it.Closing() {
	case sqlstore.Remove:
		how = removed
	case sqlstore.Replay:
		how, id = replayed, it.Entry.Release.ID
	default:
		if !it.Retry() {
			return
		}
	}
	d.open('[')
	d.hex(id[:])
	d.number(how)
	d.text(it.Line().By)
	d.close(']')
}

func (d *document) line(it *sqlstore.Item) {
	l := it.Line()
	d.open('[')
	d.hex(l.Message[:])
	d.hex(l.ID[:])
	d.text(l.What)
	d.text(l.By)
	d.text(l.Code)
	d.text(l.Reason)
	d.close(']')
}
