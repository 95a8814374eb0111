package bench

// Report is what a load test comes to. Its keys in JSON are promised: they are
// added to, and neither renamed nor removed. Times are in seconds, sizes in bytes; what
// could not be measured is left out.
type Report struct {
	Verdict    string         `json:"verdict"` // holds, or broken
	Wrong      map[string]int `json:"wrong"`   // by kind; every kind is there
	Words      []string       `json:"words,omitempty"`
	Load       LoadReport     `json:"load"`
	Throughput Throughput     `json:"throughput"`
	// Latency is by door: soap, from a request to its answer; amqp, from a
	// message to the reply that says it is stored; amqp_confirm, to the broker's confirm.
	Latency  map[string]Percentiles `json:"latency"`
	Gateway  Process                `json:"gateway"`
	Sender   Process                `json:"sender"` // the load test itself, with the demo's servers
	Commits  *Commits               `json:"commits,omitempty"`
	Baseline *Baseline              `json:"baseline,omitempty"`
	Machine  Machine                `json:"machine"`
	Setting  Setting                `json:"configuration"`
}

// LoadReport is what was sent.
type LoadReport struct {
	Messages    int     `json:"messages"` // different ones, while it was measured
	SOAP        int     `json:"soap"`
	AMQP        int     `json:"amqp"`
	WarmUp      int     `json:"warm_up"` // messages before
	Repeats     int     `json:"repeats"` // sent again on purpose
	Retries     int     `json:"retries"` // sent again for want of an answer
	Cuts        int     `json:"cuts"`    // connections that were cut
	Invalid     int     `json:"invalid"` // break the contract
	Concurrency int     `json:"concurrency"`
	Rate        float64 `json:"rate,omitempty"` // messages per second asked for
	Bytes       float64 `json:"bytes_per_message"`
	Seed        uint64  `json:"seed"`
}

// Throughput is how much was stored, and how fast.
type Throughput struct {
	Seconds float64 `json:"seconds"` // from the first message until all were stored
	Stored  int     `json:"stored"`
	// PerSecond counts stored messages of all doors; SOAP and AMQP each until its
	// own last one.
	PerSecond      float64 `json:"per_second"`
	SOAPPerSecond  float64 `json:"soap_per_second,omitempty"`
	AMQPPerSecond  float64 `json:"amqp_per_second,omitempty"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	// Published is when the last delivery had been confirmed, from the first message on.
	Published     float64 `json:"published_seconds,omitempty"`
	PublishedRate float64 `json:"published_per_second,omitempty"`
}

// Process is what a process has used while the load was measured.
type Process struct {
	CPU        float64 `json:"cpu_seconds,omitempty"`
	User       float64 `json:"user_seconds,omitempty"`
	System     float64 `json:"system_seconds,omitempty"`
	Share      float64 `json:"cpu_share,omitempty"` // of all processors
	PerMessage float64 `json:"cpu_seconds_per_message,omitempty"`
	RSS        float64 `json:"rss_bytes,omitempty"` // afterwards
	PeakRSS    float64 `json:"rss_peak_bytes,omitempty"`
	Heap       float64 `json:"heap_bytes,omitempty"` // afterwards, garbage included
	Goroutines float64 `json:"goroutines,omitempty"`
	// Allocations and Allocated are per stored message.
	Allocations float64 `json:"allocations_per_message,omitempty"`
	Allocated   float64 `json:"allocated_bytes_per_message,omitempty"`
	Collections float64 `json:"garbage_collections,omitempty"`
}

// Commits is how messages shared transactions.
type Commits struct {
	Count    float64 `json:"count"`
	Messages float64 `json:"messages_per_commit"`
	Seconds  float64 `json:"seconds_per_commit"`
}

// Baseline is the same rows, inserted by hand in batches.
type Baseline struct {
	Batch int `json:"messages_per_transaction"`
	// Business is of the business rows alone, Ledger of all rows that the gateway
	// has left, its own included: in messages per second, and the share of it
	// that the gateway reached.
	Business      float64 `json:"business_per_second"`
	BusinessShare float64 `json:"business_share"`
	Ledger        float64 `json:"ledger_per_second"`
	LedgerShare   float64 `json:"ledger_share"`
	// In processor time nothing counts that others on the machine do: seconds for
	// each message.
	BusinessCPU float64 `json:"business_cpu_seconds_per_message,omitempty"`
	LedgerCPU   float64 `json:"ledger_cpu_seconds_per_message,omitempty"`
	Rows        int     `json:"business_rows"`
	LedgerRows  int     `json:"ledger_rows"`
	// All rows once more, in transactions of as many messages as there are
	// connections of which each waits for its answer: no more can be on their way at
	// once. Zero where something else bounds them.
	Connections      int     `json:"connections_size,omitempty"`
	ConnectionsRate  float64 `json:"connections_size_per_second,omitempty"`
	ConnectionsShare float64 `json:"connections_size_share,omitempty"`
	ConnectionsCPU   float64 `json:"connections_size_cpu_seconds_per_message,omitempty"`
	// All rows once more, in transactions of as many messages as the gateway's had:
	// the disk is waited for as often. Zero when the gateway does not tell.
	AsOften    int     `json:"gateway_size,omitempty"`
	OftenRate  float64 `json:"gateway_size_per_second,omitempty"`
	OftenShare float64 `json:"gateway_size_share,omitempty"`
	OftenCPU   float64 `json:"gateway_size_cpu_seconds_per_message,omitempty"`
}

// Machine is where the load test ran.
type Machine struct {
	CPU    string  `json:"cpu,omitempty"`
	Cores  int     `json:"cores"`
	Memory float64 `json:"memory_bytes,omitempty"`
	OS     string  `json:"os"`
	Kernel string  `json:"kernel,omitempty"`
	// Fsync is the median time of an fsync in the folder of the database, of a
	// database that is a file.
	Fsync     float64 `json:"fsync_seconds,omitempty"`
	Go        string  `json:"go"`
	Gatehouse string  `json:"gatehouse"`
}

// Setting is what of the configuration matters here.
type Setting struct {
	File     string `json:"file"`
	Store    string `json:"store"`
	Route    string `json:"route"`
	Mapping  string `json:"mapping"`
	Endpoint string `json:"endpoint,omitempty"`
	Queue    string `json:"queue,omitempty"`
	Server   string `json:"server"` // its own, or the one that ran already
	Message  string `json:"message"`
	Checked  string `json:"checked"`
}

// Verdicts.
const (
	Holds = "holds"
	Fails = "broken"
)

// Put writes the findings into the report.
func (r *Report) Put(f *Findings) {
	r.Verdict, r.Wrong, r.Words = Holds, map[string]int{}, nil
	if f.Any() {
		r.Verdict = Fails
	}
	for _, kind := range Kinds {
		r.Wrong[kind] = f.Count(kind)
		for _, word := range f.Words(kind) {
			r.Words = append(r.Words, kind+": "+word)
		}
	}
}
