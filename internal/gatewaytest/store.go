package gatewaytest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Probe looks at the database behind a store, past the store itself.
type Probe interface {
	// Query returns the rows of a SELECT as text, NULL as "NULL". A table is
	// written {schema.table}.
	Query(t testing.TB, query string) [][]string
	// Exec runs a statement that takes tables the same way, and {identity} for the
	// declaration of a primary key of whole numbers that the database draws.
	Exec(t testing.TB, statement string)
	// Sequence makes an empty sequence, schema.name, for the test.
	Sequence(t testing.TB, name string)
	// ForbidUpdates makes the database refuse every UPDATE of rows of a table
	// that finds any.
	ForbidUpdates(t testing.TB, schema, table string)
	// Another returns a second store on the same database, as another process
	// would have one.
	Another(t testing.TB) gateway.Store
}

// StoreOpener returns a store on an empty ledger and the sample's business
// tables, empty but for the seeded products.
type StoreOpener func(t testing.TB) (gateway.Store, Probe)

// TestStore is what every Store has to pass.
func TestStore(t *testing.T, open StoreOpener) {
	tests := []struct {
		name string
		run  func(s *storeSuite, t *testing.T)
	}{
		{"stores a message once", (*storeSuite).storesOnce},
		{"tells identities apart", (*storeSuite).tellsApart},
		{"64 at once are one", (*storeSuite).concurrentRepeats},
		{"repeats within a batch", (*storeSuite).repeatsInBatch},
		{"one refused costs nobody else", (*storeSuite).oneRefused},
		{"look-ups", (*storeSuite).lookups},
		{"keep and fail", (*storeSuite).keepAndFail},
		{"tables of codes", (*storeSuite).codeTables},
		{"codes of a time", (*storeSuite).codesOfTime},
		{"rows that look-ups make", (*storeSuite).stubs},
		{"two processes make one row", (*storeSuite).stubsRace},
		{"numbers of a sequence", (*storeSuite).sequences},
		{"rows of one table below each other", (*storeSuite).trees},
		{"a row that is never inserted", (*storeSuite).neverInserted},
		{"what is amended and older", (*storeSuite).amendedLate},
		{"absent children are deleted", (*storeSuite).absentDelete},
		{"an older version is superseded", (*storeSuite).superseded},
		{"an update sets what is present", (*storeSuite).partialUpdate},
		{"equal rows are left alone", (*storeSuite).equalRows},
		{"one key twice in a message", (*storeSuite).twiceInMessage},
		{"a row moves to a new parent", (*storeSuite).newParent},
		{"shared rows in a batch", (*storeSuite).sharedRows},
		{"values survive the round trip", (*storeSuite).roundTrip},
		{"nothing stored is named", (*storeSuite).nothingNamed},
		{"one table twice in a mapping", (*storeSuite).tableTwice},
		{"a failing reply refuses", (*storeSuite).failingReply},
		{"numbers are dense and ordered", (*storeSuite).denseNumbers},
		{"leases and fences", (*storeSuite).leases},
		{"confirming", (*storeSuite).confirming},
		{"parking holds its key", (*storeSuite).parking},
		{"skipping holds nobody", (*storeSuite).skipping},
		{"what is posted", (*storeSuite).posts},
		{"responses of channels", (*storeSuite).responses},
		{"unheard answers of the outbox", (*storeSuite).unheard},
		{"the ledger tells", (*storeSuite).ledger},
		{"what is kept beside a payload", (*storeSuite).keepsBeside},
		{"the ledger finds", (*storeSuite).finds},
		{"a cancelled call stores nothing", (*storeSuite).cancelled},
		{"rehearsals leave nothing", (*storeSuite).rehearses},
		{"rehearsals of what is refused", (*storeSuite).rehearsesRefusals},

		{"three of ten are held with the seven", (*storeSuite).heldTogether},
		{"every refusal can be held", (*storeSuite).heldForAll},
		{"what is not kept is refused", (*storeSuite).notKept},
		{"a held message claims nothing", (*storeSuite).claimsNothing},
		{"repeats of what is held", (*storeSuite).heldRepeats},
		{"a waiting message is stored in the end", (*storeSuite).storedInTheEnd},
		{"a retry that fails is held on", (*storeSuite).heldOn},
		{"a retry finds its identity stored", (*storeSuite).overtaken},
		{"a key waits behind its first", (*storeSuite).keyWaits},
		{"whoever goes wakes the next", (*storeSuite).wakesNext},
		{"due ones", (*storeSuite).dueOnes},
		{"due ones but of some routes", (*storeSuite).dueExcept},
		{"a redelivered message is held once", (*storeSuite).heldOnce},
		{"an unheard commit of what is held", (*storeSuite).unheardHold},
		{"replays", (*storeSuite).replays},
		{"a refused replay changes nothing", (*storeSuite).refusedReplay},
		{"two processes release one message", (*storeSuite).twoRelease},
		{"a release of what is gone", (*storeSuite).releaseGone},
		{"acts on held messages", (*storeSuite).actsOnHeld},
		{"the ledger tells of held ones", (*storeSuite).ledgerOfHeld},
		{"suspects", (*storeSuite).suspects},
		{"quotas", (*storeSuite).quotas},
		{"usage", (*storeSuite).usage},
		{"what is held is counted", (*storeSuite).counted},

		{"what is parked by cause", (*storeSuite).groupsByCause},
		{"parked deliveries by cause", (*storeSuite).groupsOfDeliveries},
		{"jobs", (*storeSuite).keepsJobs},
		{"corrections", (*storeSuite).corrections},

		{"deliveries released behind a reader", (*storeSuite).releasedBehind},
		{"deliveries held back and let go", (*storeSuite).heldBack},
		{"deliveries behind a head", (*storeSuite).behindHead},
		{"deliveries discarded", (*storeSuite).discardedDeliveries},
		{"deliveries parked by an operator", (*storeSuite).parkedByOperator},
		{"a parked delivery that was taken", (*storeSuite).takenAfterAll},
		{"acts on deliveries of nothing", (*storeSuite).actsOnNothing},

		{"a large reply", (*storeSuite).largeReply},
		{"the inbox forgets", (*storeSuite).inboxForgets},
		{"payloads go", (*storeSuite).payloadsGo},
		{"nothing that waits goes", (*storeSuite).nothingWaitingGoes},
		{"the ledger goes", (*storeSuite).ledgerGoes},
		{"what is closed goes", (*storeSuite).closedGo},
		{"refusals go", (*storeSuite).refusalsGo},
		{"two purge at once", (*storeSuite).twoPurge},

		{"what comes beside a message", (*storeSuite).attaches},
		{"a subject is erased", (*storeSuite).erases},
		{"nothing open is erased", (*storeSuite).erasesNothingOpen},
		{"refusals that mention somebody", (*storeSuite).mentions},

		{"changes of live tables", (*storeSuite).notesChanges},
		{"changes of rows that are kept", (*storeSuite).notesKept},
		{"since when changes are noted", (*storeSuite).notedSince},
		{"what others have written", (*storeSuite).seen},
		{"old changes go", (*storeSuite).changesGo},
		{"sealing keys", (*storeSuite).sealingKeys},

		{"the audit trail", (*storeSuite).auditTrail},
		{"what is done to the ledger shows", (*storeSuite).auditTells},
		{"what has waited is in the audit trail", (*storeSuite).auditWaited},
		{"stale attempts are not in the audit trail", (*storeSuite).auditStale},
		{"a repeat of what was superseded is in the audit trail", (*storeSuite).auditOvertaken},
		{"processes share the audit trail", (*storeSuite).auditTogether},
		{"what is moved in the audit trail shows", (*storeSuite).auditMoved},
		{"a restored audit trail shows", (*storeSuite).auditRestored},
		{"an act that is not recorded is not done", (*storeSuite).auditDenies},
		{"retention during a verification is no break", (*storeSuite).auditDuring},
		{"retention and erasure are no breaks", (*storeSuite).auditRetention},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store, probe := open(t)
			tt.run(&storeSuite{t: t, store: store, probe: probe, lanes: make([]sync.Mutex, store.Lanes())}, t)
		})
	}
}

// storeSuite is one test on one fresh store.
type storeSuite struct {
	t     *testing.T
	store gateway.Store
	probe Probe
	lanes []sync.Mutex
}

func (s *storeSuite) writer(m *plan) gateway.Writer {
	s.t.Helper()
	w, err := s.store.Writer(s.t.Context(), m.Mapping)
	if err != nil {
		s.t.Fatalf("compiling the mapping: %v", err)
	}
	return w
}

// commit commits one batch on one lane, as the gateway's lanes do.
func (s *storeSuite) commit(w gateway.Writer, lane int, entries ...*gateway.Entry) []gateway.Outcome {
	s.t.Helper()
	s.lanes[lane].Lock()
	defer s.lanes[lane].Unlock()
	out, err := w.Commit(s.t.Context(), lane, entries)
	if err != nil {
		s.t.Errorf("commit: %v", err)
		return make([]gateway.Outcome, len(entries))
	}
	return out
}

// one commits one entry and checks its status.
func (s *storeSuite) one(w gateway.Writer, e *gateway.Entry, want gateway.Status) gateway.Outcome {
	s.t.Helper()
	o := s.commit(w, 0, e)[0]
	s.status(o, want)
	return o
}

func (s *storeSuite) status(o gateway.Outcome, want gateway.Status) {
	s.t.Helper()
	if o.Status != want {
		s.t.Fatalf("status %s, want %s: %v", o.Status, want, o.Err)
	}
}

// all commits a batch until nothing of it is deferred any more.
func (s *storeSuite) all(w gateway.Writer, entries ...*gateway.Entry) []gateway.Outcome {
	s.t.Helper()
	out := make([]gateway.Outcome, len(entries))
	waiting := make([]int, len(entries))
	for i := range waiting {
		waiting[i] = i
	}
	for len(waiting) > 0 {
		batch := make([]*gateway.Entry, len(waiting))
		for i, n := range waiting {
			batch[i] = entries[n]
		}
		var again []int
		for i, o := range s.commit(w, 0, batch...) {
			out[waiting[i]] = o
			if o.Status == gateway.Deferred {
				again = append(again, waiting[i])
			}
		}
		if len(again) == len(waiting) {
			s.t.Fatal("a whole batch was deferred")
		}
		waiting = again
	}
	return out
}

// rows checks the rows of a query, given as their columns joined by spaces.
func (s *storeSuite) rows(query string, want ...string) {
	s.t.Helper()
	var got []string
	for _, r := range s.probe.Query(s.t, query) {
		got = append(got, strings.Join(r, " "))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%s\n got %q\nwant %q", query, got, want)
	}
}

func (s *storeSuite) code(err error, want fault.Code) *fault.Error {
	s.t.Helper()
	f := fault.Of(err)
	if f == nil || f.Code != want {
		s.t.Fatalf("fault %v, want %s", err, want)
	}
	return f
}

const (
	customers = `SELECT customer_no, name, email FROM {crm.customer} ORDER BY customer_no`
	orders    = `SELECT o.order_no, c.customer_no, o.revision, o.status, o.note FROM {sales.sales_order} AS o INNER JOIN {crm.customer} AS c ON c.id = o.customer_id ORDER BY o.order_no`
	lines     = `SELECT o.order_no, l.line_no, p.sku FROM {sales.order_line} AS l INNER JOIN {sales.sales_order} AS o ON o.id = l.order_id INNER JOIN {catalog.product} AS p ON p.id = l.product_id ORDER BY o.order_no, l.line_no`
	features  = `SELECT l.line_no, f.name, f.value FROM {sales.order_line_feature} AS f INNER JOIN {sales.order_line} AS l ON l.id = f.line_id ORDER BY l.line_no, f.name`
	messages  = `SELECT COUNT(*) FROM {gateway.message}`
	waiting   = `SELECT COUNT(*) FROM {gateway.outbox}`
)

// storesOnce: the rows, the reply and the delivery are there; the same message
// again gets the same reply and leaves everything as it is.
func (s *storeSuite) storesOnce(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	o := order{no: "PO-1", customer: "C-1", name: "Acme", lines: []line{{no: 1, sku: "BOLT-M8", features: []string{"colour=blue"}}, {no: 2, sku: "NUT-M8"}}}
	first := s.one(w, p.entry("m1", o), gateway.Stored)
	s.rows(customers, "C-1 Acme NULL")
	s.rows(orders, "PO-1 C-1 1 SUBMITTED NULL")
	s.rows(lines, "PO-1 1 BOLT-M8", "PO-1 2 NUT-M8")
	s.rows(features, "1 colour blue")
	id := s.probe.Query(t, `SELECT id FROM {sales.sales_order}`)[0][0]
	if want := "<reply>" + id + "</reply>"; string(first.Reply) != want {
		t.Errorf("reply %q, want %q", first.Reply, want)
	}
	if !slices.Equal(first.Channels, []string{"order-events"}) {
		t.Errorf("channels %q", first.Channels)
	}

	again := s.one(w, p.entry("m1", o), gateway.Duplicate)
	if !bytes.Equal(again.Reply, first.Reply) || again.MessageID != first.MessageID {
		t.Errorf("the repeat got %q of %s, want %q of %s", again.Reply, again.MessageID, first.Reply, first.MessageID)
	}
	s.rows(messages, "1")
	s.rows(waiting, "1")
	s.rows(lines, "PO-1 1 BOLT-M8", "PO-1 2 NUT-M8")
}

func (s *storeSuite) tellsApart(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	first := s.one(w, p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme"}), gateway.Stored)

	other := p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Changed"})
	o := s.one(w, other, gateway.Conflict)
	s.code(o.Err, fault.CodeKeyReused)
	if o.Reply != nil {
		t.Error("a conflict was given a stored reply")
	}

	stranger := p.entry("m1", order{no: "PO-2", customer: "C-2", name: "Other"})
	stranger.Message.Sender = "partner-2"
	s.one(w, stranger, gateway.Stored)

	route := p.entry("m1", order{no: "PO-3", customer: "C-3", name: "Third"})
	route.Message.Route = "another"
	s.one(w, route, gateway.Stored)

	// A gateway that does not know whether its commit arrived sends the very same message again.
	retry := p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme"})
	retry.Message.ID = first.MessageID
	s.one(w, retry, gateway.Duplicate)
	s.rows(messages, "3")
	s.rows(customers, "C-1 Acme NULL", "C-2 Other NULL", "C-3 Third NULL")
}

func (s *storeSuite) concurrentRepeats(t *testing.T) {
	const callers = 64
	p := newPlan()
	w := s.writer(p)
	out := make([]gateway.Outcome, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			o := order{no: "PO-1", customer: "C-1", name: "Acme", lines: []line{{no: 1, sku: "NUT-M8"}}}
			out[i] = s.commit(w, i%s.store.Lanes(), p.entry("m1", o))[0]
		})
	}
	wg.Wait()
	count := map[gateway.Status]int{}
	for _, o := range out {
		count[o.Status]++
		if !bytes.Equal(o.Reply, out[0].Reply) || o.MessageID != out[0].MessageID {
			t.Fatalf("replies differ: %q and %q", o.Reply, out[0].Reply)
		}
	}
	if count[gateway.Stored] != 1 || count[gateway.Duplicate] != callers-1 {
		t.Errorf("outcomes %v, want one stored", count)
	}
	s.rows(messages, "1")
	s.rows(lines, "PO-1 1 NUT-M8")
	s.rows(waiting, "1")
}

func (s *storeSuite) repeatsInBatch(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	s.one(w, p.entry("m0", order{no: "PO-0", customer: "C-0", name: "Zero"}), gateway.Stored)
	out := s.commit(w, 0,
		p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme"}),
		p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme"}),
		p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Other"}),
		p.entry("m0", order{no: "PO-0", customer: "C-0", name: "Zero"}),
		p.entry("m2", order{no: "PO-2", customer: "C-2", name: "Two"}),
	)
	for i, want := range []gateway.Status{gateway.Stored, gateway.Duplicate, gateway.Conflict, gateway.Duplicate, gateway.Stored} {
		s.status(out[i], want)
	}
	if !bytes.Equal(out[0].Reply, out[1].Reply) || out[0].MessageID != out[1].MessageID {
		t.Error("the repeat in the batch got another reply")
	}
	s.rows(messages, "3")
}

func (s *storeSuite) oneRefused(t *testing.T) {
	const size = 128
	for _, tt := range []struct {
		name string
		bad  line
		code fault.Code
	}{
		{"look-up", line{no: 1, sku: "NO-SUCH"}, fault.CodeLookup},
		{"check", line{no: 1, sku: "NUT-M8", quantity: "0"}, fault.CodeConstraint},
	} {
		p := newPlan()
		w := s.writer(p)
		entries := make([]*gateway.Entry, size)
		for i := range entries {
			no := fmt.Sprintf("%s-%03d", tt.name, i)
			o := order{no: no, customer: no, name: "Acme", lines: []line{{no: 1, sku: "NUT-M8"}}}
			if i == 77 {
				o.lines = []line{tt.bad}
			}
			entries[i] = p.entry(no, o)
		}
		for i, o := range s.commit(w, 0, entries...) {
			if i != 77 {
				s.status(o, gateway.Stored)
				continue
			}
			s.status(o, gateway.Refused)
			f := s.code(o.Err, tt.code)
			if strings.Contains(f.Message, "CHECK") || strings.Contains(f.Message, "ck_") {
				t.Errorf("the public sentence tells of the database: %q", f.Message)
			}
		}
		s.rows(fmt.Sprintf(`SELECT COUNT(*) FROM {sales.sales_order} WHERE order_no = '%s-077'`, tt.name), "0")
		s.rows(fmt.Sprintf(`SELECT COUNT(*) FROM {crm.customer} WHERE customer_no = '%s-077'`, tt.name), "0")
		s.rows(fmt.Sprintf(`SELECT COUNT(*) FROM {gateway.message} WHERE "identity" = '%s-077'`, tt.name), "0")

		// Nothing of it was kept: mended, it may use its identity.
		o := order{no: tt.name + "-077", customer: "C", name: "Acme", lines: []line{{no: 1, sku: "NUT-M8"}}}
		s.one(w, p.entry(tt.name+"-077", o), gateway.Stored)
	}
	s.rows(messages, fmt.Sprint(2*size))
}

func (s *storeSuite) lookups(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	bad := order{no: "PO-1", customer: "C-1", name: "Acme", lines: []line{{no: 1, sku: "NONE"}, {no: 2, sku: "NUT-M8"}, {no: 3, sku: "NADA"}}}
	f := s.code(s.one(w, p.entry("m1", bad), gateway.Refused).Err, fault.CodeLookup)
	if len(f.Details) != 2 {
		t.Fatalf("details %v, want both look-ups", f.Details)
	}
	d := f.Details[0]
	if d.Line != 11 || d.Target != "sales.order_line.product_id" || !strings.Contains(d.Found, "NONE") || d.Path == "" {
		t.Errorf("the look-up is not located: %+v", d)
	}

	p = newPlan(waitForProduct)
	s.code(s.one(s.writer(p), p.entry("m1", bad), gateway.Refused).Err, fault.CodeNotYet)

	p = newPlan(noteFromProduct)
	w = s.writer(p)
	s.one(w, p.entry("m2", order{no: "PO-2", customer: "C-1", name: "Acme", note: "NUT-M8"}), gateway.Stored)
	s.one(w, p.entry("m3", order{no: "PO-3", customer: "C-1", name: "Acme", note: "NONE"}), gateway.Stored)
	s.rows(orders, "PO-2 C-1 1 SUBMITTED Hexagon nut M8", "PO-3 C-1 1 SUBMITTED NULL")
}

func (s *storeSuite) failingReply(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	bad := p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme"})
	bad.Render = func([]value) (*rendered, error) { return nil, fault.New(fault.CodeReplyContract, "") }
	out := s.commit(w, 0, bad, p.entry("m2", order{no: "PO-2", customer: "C-2", name: "Two"}))
	s.status(out[0], gateway.Refused)
	s.code(out[0].Err, fault.CodeReplyContract)
	s.status(out[1], gateway.Stored)
	s.rows(customers, "C-2 Two NULL")
	s.rows(messages, "1")
}

func (s *storeSuite) cancelled(t *testing.T) {
	p := newPlan()
	w := s.writer(p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme"})
	if _, err := w.Commit(ctx, 0, []*gateway.Entry{e}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("commit under a cancelled context: %v, want unavailable", err)
	}
	s.rows(messages, "0")
	if err := s.store.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	s.one(w, p.entry("m1", order{no: "PO-1", customer: "C-1", name: "Acme"}), gateway.Stored)
}

// eventually tries until ok, or fails the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func newID() gateway.ID { return uuid.Must(uuid.NewV7()) }

func digest(s string) gateway.Digest { return sha256.Sum256([]byte(s)) }
