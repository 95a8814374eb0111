package amqp

import "github.com/prometheus/client_golang/prometheus"

// Metrics is what consumers and publishers count. Labels are the names of queues
// and channels in the configuration, so their number is bounded. Clients may
// share one.
type Metrics struct {
	received     *prometheus.CounterVec // queue
	redelivered  *prometheus.CounterVec
	suspects     *prometheus.CounterVec
	acknowledged *prometheus.CounterVec
	held         *prometheus.CounterVec
	replies      *prometheus.CounterVec // queue, outcome
	inHand       *prometheus.GaugeVec
	up           *prometheus.GaugeVec

	published *prometheus.CounterVec // channel
	settled   *prometheus.CounterVec // channel, outcome
	blocked   *prometheus.GaugeVec
}

// NewMetrics makes the metrics and registers them with r; with a nil r they are
// counted for nobody.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_amqp_" + name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_amqp_" + name, Help: help}, labels)
	}
	m := &Metrics{
		received:     counter("received_total", "Messages that the broker handed over, repeats included.", "queue"),
		redelivered:  counter("redelivered_total", "Messages among them that somebody had received before.", "queue"),
		suspects:     counter("suspects_total", "Redelivered messages that were taken alone, because a process may have died over them.", "queue"),
		acknowledged: counter("acknowledged_total", "Messages acknowledged, after their commit.", "queue"),
		held:         counter("held_windows_total", "Times that unacknowledged messages were given back because database or directory were away.", "queue"),
		replies:      counter("replies_total", "Replies to messages with reply-to, by outcome (sent, unroutable, failed).", "queue", "outcome"),
		inHand:       gauge("in_hand", "Messages received and not acknowledged yet.", "queue"),
		up:           gauge("consumer_up", "1 while the queue is subscribed to, else 0.", "queue"),
		published:    counter("published_total", "Messages sent to the broker, repeats included.", "channel"),
		settled:      counter("settled_total", "What became of them: confirmed, returned (no queue wanted it), nacked, or unknown (the connection ended first).", "channel", "outcome"),
		blocked:      gauge("blocked", "Publishing connections that the broker blocks now.", "channel"),
	}
	if r != nil {
		r.MustRegister(m.received, m.redelivered, m.suspects, m.acknowledged, m.held, m.replies, m.inHand, m.up, m.published, m.settled, m.blocked)
	}
	return m
}

// queueMetrics are those of one queue.
type queueMetrics struct {
	received, redelivered, suspects, acknowledged, held prometheus.Counter
	inHand, up                                          prometheus.Gauge
	replied, unroutable, unreplied                      prometheus.Counter
}

func (m *Metrics) queue(name string) queueMetrics {
	return queueMetrics{
		received:     m.received.WithLabelValues(name),
		redelivered:  m.redelivered.WithLabelValues(name),
		suspects:     m.suspects.WithLabelValues(name),
		acknowledged: m.acknowledged.WithLabelValues(name),
		held:         m.held.WithLabelValues(name),
		inHand:       m.inHand.WithLabelValues(name),
		up:           m.up.WithLabelValues(name),
		replied:      m.replies.WithLabelValues(name, "sent"),
		unroutable:   m.replies.WithLabelValues(name, "unroutable"),
		unreplied:    m.replies.WithLabelValues(name, "failed"),
	}
}

// channelMetrics are those of one channel.
type channelMetrics struct {
	published, confirmed, returned, nacked, unknown prometheus.Counter
	blocked                                         prometheus.Gauge
}

func (m *Metrics) channel(name string) channelMetrics {
	return channelMetrics{
		published: m.published.WithLabelValues(name),
		confirmed: m.settled.WithLabelValues(name, "confirmed"),
		returned:  m.settled.WithLabelValues(name, "returned"),
		nacked:    m.settled.WithLabelValues(name, "nacked"),
		unknown:   m.settled.WithLabelValues(name, "unknown"),
		blocked:   m.blocked.WithLabelValues(name),
	}
}
