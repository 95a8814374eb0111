package sqlserver

import (
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// document writes JSON: arrays of arrays, values by place.
type document struct {
	buf   []byte
	fresh bool // nothing stands before the next element
}

func (d *document) comma() {
	if !d.fresh {
		d.buf = append(d.buf, ',')
	}
	d.fresh = false
}

func (d *document) open(b byte) {
	d.comma()
	d.buf = append(d.buf, b)
	d.fresh = true
}

func (d *document) close(b byte) {
	d.buf = append(d.buf, b)
	d.fresh = false
}

func (d *document) key(name string) {
	d.text(name)
	d.buf = append(d.buf, ':')
	d.fresh = true
}

func (d *document) null() {
	d.comma()
	d.buf = append(d.buf, "null"...)
}

func (d *document) number(n int64) {
	d.comma()
	d.buf = strconv.AppendInt(d.buf, n, 10)
}

func (d *document) hex(b []byte) {
	if b == nil {
		d.null()
		return
	}
	d.comma()
	d.buf = append(d.buf, '"')
	d.buf = hex.AppendEncode(d.buf, b)
	d.buf = append(d.buf, '"')
}

// raw writes what is JSON already.
func (d *document) raw(text string) {
	d.comma()
	d.buf = append(d.buf, text...)
}

// text writes a string; bytes that are not UTF-8 become U+FFFD.
func (d *document) text(s string) {
	d.comma()
	d.buf = append(d.buf, '"')
	start := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r >= ' ' && r != '"' && r != '\\' && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		d.buf = append(d.buf, s[start:i]...)
		d.escape(r)
		i += size
		start = i
	}
	d.buf = append(d.buf, s[start:]...)
	d.buf = append(d.buf, '"')
}

func (d *document) escape(r rune) {
	switch r {
	case '"', '\\':
		d.buf = append(d.buf, '\\', byte(r))
	case utf8.RuneError:
		d.buf = append(d.buf, "\uFFFD"...)
	default:
		const digits = "0123456789abcdef"
		d.buf = append(d.buf, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
	}
}

// rowsDocument is @rows: the messages, what the lot is asked about them, and for
// each step their rows.
func rowsDocument(p *sqlstore.Plan, items []*sqlstore.Item, lot bool) string {
	d := &document{fresh: true, buf: make([]byte, 0, 1024*len(items))}
	d.open('{')
	d.key("m")
	d.open('[')
	for n, it := range items {
		m := it.Message()
		d.open('[')
		d.number(int64(n))
		d.hex(m.ID[:])
		d.hex(it.Claim[:])
		d.hex(m.Body[:])
		d.close(']')
	}
	d.close(']')
	if lot {
		d.questions(items)
	}
	for _, step := range p.Steps {
		d.key("t" + strconv.Itoa(step.Index))
		d.open('[')
		for n, it := range items {
			if it.Only() {
				continue
			}
			for r := range it.Rows[step.Index] {
				d.row(step, n, r, &it.Rows[step.Index][r])
			}
		}
		d.close(']')
	}
	d.close('}')
	return string(d.buf)
}

// row writes what script.read takes apart.
func (d *document) row(step *sqlstore.Step, n, r int, row *sqlstore.Row) {
	d.open('[')
	d.number(int64(n))
	d.number(int64(r))
	d.number(int64(row.Source.Parent))
	d.absences(row)
	for i := range step.Columns {
		c, cell := &step.Columns[i], &row.Cells[i]
		switch {
		case c.Sequence != nil:
		case c.Ref != nil:
			d.reference(cell)
		case c.Found != nil:
			d.lookup(c, cell)
		default:
			d.datum(cell.Data)
		}
	}
	d.close(']')
}

// absences writes an 'a' for each column whose source is absent, or null when
// there is none.
func (d *document) absences(row *sqlstore.Row) {
	last := -1
	for i := range row.Cells {
		if row.Cells[i].Kind == mapping.AbsentCell {
			last = i
		}
	}
	if last < 0 {
		d.null()
		return
	}
	d.comma()
	d.buf = append(d.buf, '"')
	for i := range row.Cells[:last+1] {
		mark := byte('-')
		if row.Cells[i].Kind == mapping.AbsentCell {
			mark = 'a'
		}
		d.buf = append(d.buf, mark)
	}
	d.buf = append(d.buf, '"')
}

func (d *document) reference(cell *sqlstore.Cell) {
	if cell.Kind != mapping.Reference {
		d.null()
		return
	}
	d.number(int64(cell.Row))
}

func (d *document) lookup(c *sqlstore.Column, cell *sqlstore.Cell) {
	t, missing := c.Found, sqlstore.Datum{}
	if cell.Kind != mapping.KeysCell {
		d.null()
		for range t.Keys() {
			d.null()
		}
	} else {
		d.number(1)
		for _, k := range cell.Keys {
			d.datum(k)
		}
		missing = t.Missing
	}
	if c.Lookup.NotFound == mapping.ValueMissing {
		d.datum(missing)
	}
}

// datum writes a value as OPENJSON converts it to the column's type, in forms
// that no language setting of the server reads differently.
func (d *document) datum(v sqlstore.Datum) {
	if !v.Present {
		d.null()
		return
	}
	switch v.Kind {
	case mapping.IntegerColumn, mapping.BoolColumn:
		d.number(v.Int)
	case mapping.DecimalColumn:
		d.text(v.Number.Text('f'))
	case mapping.FloatColumn:
		d.comma()
		d.buf = strconv.AppendFloat(d.buf, v.Float, 'e', -1, 64)
	case mapping.DateTimeColumn:
		d.text(v.Instant.Format("2006-01-02T15:04:05.9999999"))
	case mapping.DateColumn:
		d.text(v.Instant.Format(time.DateOnly))
	case mapping.BytesColumn:
		d.hex(v.Bytes)
	default:
		d.text(v.Text)
	}
}

// blobPadding is the length from which the driver declares varbinary(max).
const blobPadding = 8001

// blob gathers bodies end to end.
type blob []byte

func (b *blob) add(body []byte) (offset, length int64) {
	offset = int64(len(*b))
	*b = append(*b, body...)
	return offset, int64(len(body))
}

func (b *blob) padded() []byte {
	for len(*b) < blobPadding {
		*b = append(*b, make([]byte, blobPadding-len(*b))...)
	}
	return *b
}

// sealParameters are @meta and @blob: what the ledger and the outbox take of
// the items that are stored, the lot of those that are held, and the audit trail
// of both. They are empty when there are none.
func sealParameters(lane int, items []*sqlstore.Item, lot bool, gone []sqlstore.Change) (meta string, bodies []byte) {
	d := &document{fresh: true, buf: make([]byte, 0, 1024*len(items))}
	var b blob
	any := false
	d.open('{')
	d.key("a") // first: it is looked for whether there are any or not
	d.open('[')
	for n, it := range items {
		if it.Sealable() {
			d.attachments(n, it)
		}
	}
	d.close(']')
	d.key("m")
	d.open('[')
	for n, it := range items {
		if it.Sealable() {
			d.message(n, it, &b)
			any = true
		}
	}
	d.close(']')
	if lot {
		any = d.lot(items, &b) || any
	}
	if !any {
		return "", nil
	}
	d.key("k")
	d.open('[')
	for n, it := range items {
		if it.Sealable() || it.Keeping() != nil {
			d.keys(n, it)
		}
	}
	d.close(']')
	d.key("d")
	d.open('[')
	ordinal := int64(0)
	for n, it := range items {
		for i := range it.Deliveries {
			d.delivery(ordinal, n, &it.Deliveries[i], &b)
			ordinal++
		}
	}
	d.close(']')
	d.key("r")
	d.open('[')
	for n, it := range items {
		if r, ok := it.Record(); ok {
			d.record(n, &r)
		}
	}
	d.close(']')
	d.changes(items, gone)
	d.key("chain")
	d.number(int64(gateway.LaneChain(lane)))
	d.key("noting")
	d.number(int64(items[0].Noting()))
	now := items[0].Now()
	d.key("ms")
	d.number(now.UnixMilli())
	d.key("at")
	d.text(now.Format(stamp))
	d.close('}')
	return string(d.buf), b.padded()
}

// stamp is a datetime2(3) in a form that every language setting reads alike.
const stamp = "2006-01-02T15:04:05.000"

func (d *document) message(n int, it *sqlstore.Item, b *blob) {
	m, l := it.Message(), &it.Ledger
	d.open('[')
	d.number(int64(n))
	d.hex(m.ID[:])
	d.text(m.ReceivedAt.UTC().Format(stamp))
	d.text(l.Route)
	d.text(l.Endpoint)
	d.text(l.Mapping)
	d.hex(m.Contract[:])
	d.text(l.Principal)
	d.text(l.Sender)
	d.text(l.Identity)
	d.hex(m.Body[:])
	d.text(l.ContentType)
	d.text(l.OrderingKey)
	d.text(l.TraceParent)
	d.text(l.Correlation)
	d.text(it.Outcome.Status.String())
	d.hex(l.ReplayOf)
	d.number(int64(it.Packing))
	d.body(it.Payload, b)
	if it.Reply == nil || it.Outcome.Status != gateway.Stored {
		d.number(0)
		d.number(-1)
	} else {
		d.body(it.KeptReply(), b)
	}
	if beside := it.KeptBeside(); beside == nil {
		d.number(0)
		d.number(-1)
	} else {
		d.body(beside, b)
	}
	d.close(']')
}

// record is what the audit trail takes of a message.
func (d *document) record(n int, r *gateway.AuditRecord) {
	d.open('[')
	d.number(int64(n))
	d.hex(r.Append(nil))
	d.close(']')
}

// attachments are what a message was sent with.
func (d *document) attachments(n int, it *sqlstore.Item) {
	for _, a := range it.Message().Attachments {
		d.open('[')
		d.number(int64(n))
		d.number(int64(a.Part))
		d.text(sqlstore.Short(a.ContentID, sqlstore.MaxContentID))
		d.text(sqlstore.Short(a.MediaType, sqlstore.MaxMediaType))
		d.number(a.Size)
		d.hex(a.Hash[:])
		d.close(']')
	}
}

func (d *document) body(body []byte, b *blob) {
	offset, length := b.add(body)
	d.number(offset)
	d.number(length)
}

func (d *document) keys(n int, it *sqlstore.Item) {
	for _, k := range it.Ledger.Keys {
		d.open('[')
		d.number(int64(n))
		d.text(k.Name)
		d.text(k.Value)
		d.close(']')
	}
}

func (d *document) delivery(order int64, n int, q *sqlstore.Delivery, b *blob) {
	d.open('[')
	d.number(order)
	d.number(int64(n))
	d.number(int64(q.Ordinal))
	d.text(q.Publication.Channel)
	d.number(int64(q.Shard))
	d.text(q.WireID)
	d.text(q.Publication.RoutingKey)
	d.text(q.Publication.Type)
	d.text(q.Publication.ContentType)
	d.body(q.Publication.Body, b)
	d.close(']')
}
