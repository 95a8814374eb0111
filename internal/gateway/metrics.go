package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// Metrics is what the core counts. Labels are names of the configuration and
// closed sets of words, never a user or an id, so their number is bounded.
type Metrics struct {
	messages  *prometheus.CounterVec   // door, route, outcome
	refusals  *prometheus.CounterVec   // door, route, code
	took      *prometheus.HistogramVec // door, route: from arrival to answer
	batches   prometheus.Histogram     // entries of a commit
	commits   *prometheus.HistogramVec // result: seconds of a commit
	queued    prometheus.Gauge         // entries waiting in lanes
	delivered *prometheus.CounterVec   // channel, outcome
	delay     *prometheus.HistogramVec // channel: from commit to confirmation
	answers   *prometheus.HistogramVec // channel, status: seconds of one attempt
	channelUp *prometheus.GaugeVec     // channel: its circuit is closed
	storeUp   prometheus.Gauge
	operated  *prometheus.CounterVec // act, result
	looks     *prometheus.CounterVec // result
	stopped   *prometheus.GaugeVec   // route

	// What the lot and the outbox hold, as of the last look.
	waiting, parked *prometheus.GaugeVec // route
	outbox, stuck   *prometheus.GaugeVec // channel

	limited *prometheus.CounterVec // scope, limit
	quota   *prometheus.GaugeVec   // scope, unit

	purged   *prometheus.CounterVec // table
	age      *prometheus.GaugeVec   // stock
	purgedAt prometheus.Gauge
}

// NewMetrics makes the core's metrics and registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	// From a cached login and a batched commit, well under a millisecond and a
	// few of them, to what a caller waits at most.
	seconds := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	m := &Metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_messages_total",
			Help: "Messages by door (soap, amqp), route and outcome (stored, duplicate, superseded, waiting, parked, empty: split into no parts, or the kind of the fault)."}, []string{"door", "route", "outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_faults_total",
			Help: "Messages refused or kept, by the code of their fault (docs/errors.md)."}, []string{"door", "route", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_message_seconds",
			Help: "Time from a message's arrival to its outcome.", Buckets: seconds}, []string{"door", "route"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gatehouse_commit_messages",
			Help: "Messages that were committed together.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128}}),
		commits: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_commit_seconds",
			Help: "Time of one commit in the database, by result (ok, failed).", Buckets: seconds}, []string{"result"}),
		queued: prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatehouse_lane_messages",
			Help: "Messages that wait for their commit."}),
		delivered: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_deliveries_total",
			Help: "Deliveries by channel and outcome (confirmed; refused for good; delayed, which fails alone and is tried again; failed with its channel; parked)."}, []string{"channel", "outcome"}),
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_delivery_seconds",
			Help: "Time from a delivery's commit to its confirmation.", Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 5, 15, 60, 300, 3600}}, []string{"channel"}),
		answers: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "gatehouse_channel_answer_seconds",
			Help: "Time of one attempt over HTTP, by channel and status of the answer (2xx to 5xx, or none).", Buckets: seconds}, []string{"channel", "status"}),
		channelUp: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_channel_up",
			Help: "1 while the circuit of a channel is closed, 0 from the failure that opens it to the next answer."}, []string{"channel"}),
		storeUp: prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatehouse_store_up",
			Help: "Whether the database answers: 1, or 0 from a failure until it answers what it was asked two seconds after the last one."}),
		operated: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_operator_acts_total",
			Help: "Acts of operators (park, replay, correct, repeat, discard, job) by result (done, refused)."}, []string{"act", "result"}),
	}
	m.looks = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_table_looks_total",
		Help: "Looks at the tables under the routes, by result (same, changed, failed)."}, []string{"result"})
	m.stopped = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_stopped_routes",
		Help: "1 for a route that writes nothing, because its mapping does not fit the tables any more."}, []string{"route"})
	r.MustRegister(m.looks, m.stopped)
	held := func(name, help, label string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{label})
	}
	m.waiting = held("gatehouse_waiting_messages", "Messages that wait for another attempt.", "route")
	m.parked = held("gatehouse_parked_messages", "Messages in the parking lot: somebody has to decide.", "route")
	m.outbox = held("gatehouse_outbox_deliveries", "Deliveries that wait for their channel.", "channel")
	m.stuck = held("gatehouse_parked_deliveries", "Deliveries in the parking lot: somebody has to decide.", "channel")
	r.MustRegister(m.waiting, m.parked, m.outbox, m.stuck)
	m.limited = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_limited_messages_total",
		Help: "Messages turned away or held up for a limit, by role or partner and limit (rate, concurrent, messages, bytes)."}, []string{"scope", "limit"})
	m.quota = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_quota_drawn",
		Help: "What all gateways on the store have drawn of a day's quota, as of this one's last look, by role or partner and unit (messages, bytes)."}, []string{"scope", "unit"})
	r.MustRegister(m.limited, m.quota)
	m.purged = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_purged_rows_total",
		Help: "Rows that were removed because they had been kept long enough, by table of the schema gateway."}, []string{"table"})
	m.age = held("gatehouse_oldest_row_seconds", "Age of the oldest row that is kept (inbox, payloads, ledger, refusals).", "stock")
	m.purgedAt = prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatehouse_purge_last_run_timestamp_seconds",
		Help: "When this process last looked through everything that is kept for a time; 0 while another one does."})
	r.MustRegister(m.purged, m.age, m.purgedAt)
	m.storeUp.Set(1)
	r.MustRegister(m.messages, m.refusals, m.took, m.batches, m.commits, m.queued, m.delivered, m.delay, m.answers, m.channelUp, m.storeUp, m.operated)
	return m
}

// message counts one outcome. A route that nobody found is empty.
func (m *Metrics) message(p *passage, took time.Duration, err error) {
	route := ""
	if p.route != nil {
		route = p.route.Name
	}
	outcome, f := p.receipt.Status.String(), p.receipt.Fault
	if err != nil {
		f = fault.Of(err)
		outcome = f.Kind().String()
	}
	door := p.arrival.door()
	m.messages.WithLabelValues(door, route, outcome).Inc()
	m.took.WithLabelValues(door, route).Observe(took.Seconds())
	if f != nil {
		m.refusals.WithLabelValues(door, route, string(f.Code)).Inc()
	}
}

// TurnedAway counts a request that its door refused before there was a message.
func (m *Metrics) TurnedAway(door string, code fault.Code) {
	m.refusals.WithLabelValues(door, "", string(code)).Inc()
}

// empty counts a message that was split into nothing.
func (m *Metrics) empty(p *passage, took time.Duration) {
	m.messages.WithLabelValues(p.arrival.door(), p.route.Name, "empty").Inc()
	m.took.WithLabelValues(p.arrival.door(), p.route.Name).Observe(took.Seconds())
}

func (m *Metrics) commit(entries int, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.batches.Observe(float64(entries))
	m.commits.WithLabelValues(result).Observe(took.Seconds())
}

// holding shows what is held. Names that hold nothing any more go.
func (m *Metrics) holding(h Holding) {
	for gauge, counts := range map[*prometheus.GaugeVec]map[string]int{m.waiting: h.Waiting, m.parked: h.Parked, m.outbox: h.Outbox, m.stuck: h.Stuck} {
		gauge.Reset()
		for name, n := range counts {
			gauge.WithLabelValues(name).Set(float64(n))
		}
	}
}

// ages shows how old the oldest rows are. Stocks without any go.
func (m *Metrics) ages(now time.Time, oldest map[Stock]time.Time) {
	m.age.Reset()
	for stock, at := range oldest {
		m.age.WithLabelValues(stock.String()).Set(max(0, now.Sub(at).Seconds()))
	}
}

// looked counts a look, and shows which routes are stopped.
func (m *Metrics) looked(changed bool, stopped []Stopped) {
	result := "same"
	if changed {
		result = "changed"
	}
	m.looks.WithLabelValues(result).Inc()
	m.stopped.Reset()
	for _, s := range stopped {
		m.stopped.WithLabelValues(s.Route).Set(1)
	}
}

func (m *Metrics) act(what string, err error) {
	result := "done"
	if err != nil {
		result = "refused"
	}
	m.operated.WithLabelValues(what, result).Inc()
}
