package rest

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/view"
)

// MessagesName is the name of the view of the ledger, where it is served.
const MessagesName = "messages"

// Messages is the ledger as a view: what came in, who sent it, and what became of it.
// No table is behind it but the ledger's own listing, so it can be asked what that
// can. Somebody sees the messages that he may read, as at the operations door.
type Messages struct {
	Ledger gateway.Listing
	Core   interface {
		// Message returns one message, or fault.NotFound.
		Message(ctx context.Context, id gateway.ID) (*gateway.Record, error)
		// Audited records that a payload is read; an error denies it.
		Audited(ctx context.Context, what, target string, act gateway.Act) error
	}
}

// The fields of the view, in their order.
const (
	ledgerID = iota
	ledgerReceived
	ledgerRoute
	ledgerSender
	ledgerPartner
	ledgerPrincipal
	ledgerIdentity
	ledgerKey
	ledgerOutcome
	ledgerCode
	ledgerReason
)

// messagesView is the view of the ledger.
func messagesView() *view.View {
	text := mapping.ColumnType{Kind: mapping.StringColumn, Unicode: true}
	none := text
	none.Nullable = true
	field := func(name, doc string, t mapping.ColumnType, filter bool) view.Field {
		return view.Field{Name: name, Doc: doc, Join: -1, Type: t, Filter: filter, Sort: name == "received_at"}
	}
	return &view.View{
		Name: MessagesName, Doc: "What came in and what became of it, the newest first.", Key: []int{ledgerID},
		Fields: []view.Field{
			field("id", "The message's own id.", mapping.ColumnType{Kind: mapping.StringColumn, UUID: true, Length: 36}, false),
			field("received_at", "When it came; asked for by ge and lt.", mapping.ColumnType{Kind: mapping.DateTimeColumn, Scale: 6}, true),
			field("route", "The route it came by; empty for what came to none.", text, true),
			field("sender", "In whose scope its identity counts: partner: and the partner, or the entry's DN.", text, true),
			field("partner", "The partner it is from.", none, true),
			field("principal", "The entry that sent it.", text, false),
			field("identity", "What makes a repeat of it a repeat.", text, true),
			field("key", "A condition on it finds messages by the value of a business key, whatever that one's name; $expand=keys shows them.", text, true),
			field("outcome", "stored, superseded, refused, parked, waiting, replayed, discarded.", text, true),
			field("code", "Of the fault, where there is one.", none, true),
			field("reason", "The fault in words.", none, false),
		},
		Children: []view.Child{{Name: "keys", View: &view.View{
			Name: MessagesName + "/keys", Doc: "The business keys of the message.", Key: []int{0, 1},
			Fields: []view.Field{field("name", "", text, false), field("value", "", text, false)},
		}}},
	}
}

// ledger is the view as one operator asks it. It is a view.Searcher and a view.Viewer.
type ledger struct {
	*Messages
	view *view.View
	who  *gateway.Operator
}

func (m *Messages) of(who *gateway.Operator) *ledger { return &ledger{m, messagesView(), who} }

// Sight shows every field, of the messages that may be read. Who may read none is told
// what he would be told of a view, and not what else there is to be granted.
func (l *ledger) Sight(name string) ([]view.Window, error) {
	if !l.who.Scope(gateway.Read).Meets(gateway.OnMessage("")) {
		return nil, l.who.MayNot(gateway.Read, gateway.OnView(name))
	}
	return []view.Window{{}}, nil
}

// View returns the view of the ledger.
func (l *ledger) View(string) (*view.View, error) { return l.view, nil }

// Scan is not offered: the ledger is not exported by this view.
func (l *ledger) Scan(context.Context, view.Viewer, string, *view.Query, func(view.Position)) iter.Seq2[*view.Row, error] {
	return func(yield func(*view.Row, error) bool) {
		yield(nil, fault.New(fault.CodeQuery, "the view %s has pages only", MessagesName))
	}
}

// Search lists messages.
func (l *ledger) Search(ctx context.Context, _ view.Viewer, _ string, q *view.Query) (*view.Page, error) {
	page := &view.Page{}
	for _, i := range q.Select {
		page.Fields = append(page.Fields, l.view.Fields[i])
	}
	if q.Key != nil {
		record, err := l.message(ctx, q.Key[0].Text)
		if err != nil {
			return nil, err
		}
		page.Rows = []view.Row{messageRow(&record.Summary, q)}
		return page, nil
	}
	asked, err := messagesAsked(q)
	if err != nil {
		return nil, err
	}
	found, next, err := l.who.Scope(gateway.Read).Messages(ctx, l.Ledger, asked)
	if err != nil {
		return nil, err
	}
	for i := range found {
		page.Rows = append(page.Rows, messageRow(&found[i], q))
	}
	if next != (gateway.ID{}) {
		page.More = &view.Mark{Values: []view.Value{textOf(next.String())}}
	}
	return page, nil
}

// message returns a message that may be read. That there is another one nobody is
// told.
func (l *ledger) message(ctx context.Context, text string) (*gateway.Record, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, fault.New(fault.CodeNoRow, "")
	}
	record, err := l.Core.Message(ctx, id)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	if err != nil || l.who.May(gateway.Read, gateway.OnMessage(record.Route)) != nil {
		return nil, fault.New(fault.CodeNoRow, "")
	}
	return record, nil
}

// messagesAsked is a query as the ledger takes it.
func messagesAsked(q *view.Query) (gateway.Query, error) {
	asked := gateway.Query{Limit: q.Top}
	if q.Count {
		return asked, fault.New(fault.CodeQuery, "messages are not counted")
	}
	if slices.ContainsFunc(q.Order, func(o view.Order) bool { return !o.Desc }) {
		return asked, fault.New(fault.CodeUnserved, "messages come with the newest first: received_at desc")
	}
	if q.After != nil {
		id, err := uuid.Parse(q.After.Values[0].Text)
		if err != nil {
			return asked, fault.New(fault.CodePage, "")
		}
		asked.Before = id
	}
	parts, ok := q.Where.(view.And)
	if !ok && q.Where != nil {
		parts = view.And{q.Where}
	}
	for _, part := range parts {
		if !narrow(&asked, part) {
			return asked, fault.New(fault.CodeUnserved, "no index of the ledger serves this; messages are found by conditions such as "+
				"route eq '…', sender eq '…', partner eq '…', identity eq '…', key eq '…', outcome eq '…', code in ('…'), received_at ge … and received_at lt …, each once and joined by and")
		}
	}
	return asked, nil
}

// narrow adds a condition to a query, when the ledger has an index for it.
func narrow(q *gateway.Query, e view.Expr) bool {
	switch e := e.(type) {
	case view.In:
		return e.Field == ledgerCode && codes(q, e.Values)
	case view.Compare:
		switch {
		case e.Field == ledgerCode && e.Op == view.Equal:
			return codes(q, []view.Value{e.Value})
		case e.Field == ledgerReceived && e.Op == view.GreaterOrEqual && q.Since.IsZero():
			q.Since = e.Value.Instant
			return true
		case e.Field == ledgerReceived && e.Op == view.Less && q.Until.IsZero():
			q.Until = e.Value.Instant
			return true
		case e.Op != view.Equal || e.Value.Text == "":
			return false
		}
		place := map[int]*string{ledgerRoute: &q.Route, ledgerSender: &q.Sender, ledgerPartner: &q.Sender, ledgerIdentity: &q.Identity, ledgerKey: &q.Key, ledgerOutcome: &q.Outcome}[e.Field]
		if place == nil || *place != "" {
			return false
		}
		*place = e.Value.Text
		if e.Field == ledgerPartner {
			*place = partnerScope + e.Value.Text
		}
		return e.Field != ledgerOutcome || slices.Contains(gateway.Outcomes, e.Value.Text)
	}
	return false
}

const partnerScope = "partner:"

func codes(q *gateway.Query, values []view.Value) bool {
	if q.Codes != nil {
		return false
	}
	for _, v := range values {
		q.Codes = append(q.Codes, v.Text)
	}
	return true
}

func textOf(s string) view.Value {
	return view.Value{Kind: mapping.StringColumn, Present: true, Text: s}
}

// messageRow is a message as a row.
func messageRow(m *gateway.Summary, q *view.Query) view.Row {
	partner, isPartner := strings.CutPrefix(m.Sender, partnerScope)
	all := []view.Value{
		ledgerID: textOf(m.ID.String()), ledgerReceived: {Kind: mapping.DateTimeColumn, Present: true, Instant: m.ReceivedAt.UTC()},
		ledgerRoute: textOf(m.Route), ledgerSender: textOf(m.Sender), ledgerPartner: view.Null, ledgerPrincipal: textOf(m.Principal),
		ledgerIdentity: textOf(m.Identity), ledgerKey: view.Null, ledgerOutcome: textOf(m.Outcome), ledgerCode: view.Null, ledgerReason: view.Null,
	}
	if isPartner {
		all[ledgerPartner] = textOf(partner)
	}
	if m.Code != "" {
		all[ledgerCode], all[ledgerReason] = textOf(m.Code), textOf(m.Reason)
	}
	r := view.Row{}
	for _, i := range q.Select {
		r.Values = append(r.Values, all[i])
		r.Seen = append(r.Seen, i != ledgerKey)
	}
	for _, e := range q.Expand {
		r.Children = append(r.Children, keyRows(m.Keys, e))
	}
	return r
}

// keyRows are the business keys of a message.
func keyRows(keys []mapping.Key, e view.Expand) (rows []view.Row) {
	for i, k := range keys {
		if e.Top > 0 && i == e.Top {
			break
		}
		r := view.Row{}
		for _, f := range e.Select {
			r.Values = append(r.Values, textOf([]string{k.Name, k.Value}[f]))
		}
		rows = append(rows, r)
	}
	return rows
}

// payload answers with what somebody sent. That it was read is in the audit trail
// before it is.
func (s *search) payload(ctx context.Context, id string) error {
	record, err := s.messages.of(s.asker).message(ctx, id)
	if err != nil {
		return err
	}
	if len(record.Payload) == 0 {
		return fault.New(fault.CodePayloadGone, "%s", strings.TrimSpace("the message's payload is not kept any more: "+record.PayloadGone))
	}
	if err := s.messages.Core.Audited(ctx, gateway.AuditRead, record.ID.String(), gateway.Act{By: s.asker.DN}); err != nil {
		return err
	}
	mediaType, extension := "application/xml", ".xml"
	if strings.Contains(record.ContentType, "json") {
		mediaType, extension = mediaJSON, ".json"
	}
	h := s.W.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", `attachment; filename="`+record.ID.String()+extension+`"`)
	s.Answer(http.StatusOK, mediaType, record.Payload)
	return nil
}
