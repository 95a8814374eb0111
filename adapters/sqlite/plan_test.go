package sqlite

import (
	"database/sql"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/config"
)

// TestPlans: no statement of the ledger, the inbox or the outbox reads a table
// from end to end or sorts what it found, so none gets slower as they grow.
func TestPlans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.db")
	s, err := Open(t.Context(), Config{Path: config.Path(path)}, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	statements := sqlstore.Statements(text)
	for name, s := range map[string]string{"known": knownText, "recent": recentText, "is claim": isClaimText, "claim": claims.single(), "claimed": claimed.single(), "enter": entries.single(), "entered": enteredText, "mark": uptoText, "removed": removedText, "forget": forgetText, "prefixes": prefixesText, "payload of": payloads.single(), "key": keys.single(), "change": changes.single(), "unclaim": unclaimText, "waits": waitsText, "number": numberText,
		"delivery": deliveries.single(), "outbox": outbox.single(), "held by id": heldText, "held by origin": originText, "ahead": aheadText, "hold": holdText,
		"rehold": reholdText, "replayed": replayText, "wakes": wakeText, "line": lineText, "unhold": unholdText, "unpacked": unpackedText, "unkeyed": unkeyedText,
		"follow": followText, "batch": batchText, "head": headText} {
		statements[name] = s
	}
	// The leases are a handful; a page of everything walks the primary key; and
	// what waits for a channel is counted in the narrowest index there is.
	walks := map[string]string{
		"claimed": "k",                 // what is asked for
		"removed": "gateway.unentered", // a few
		"ping":    "gateway.lease", "chainHeads": "gateway.chain", "list all": "gateway.message", "list refusals: all": "gateway.refusal", "list held: all": "gateway.held", "versionTable": "sqlite_schema",
		"chainSeqs": "gateway.chain", "keptFrom": "gateway.change_removed", "sealingKeys": "gateway.sealing_key", "addSealingKey": "gateway.sealing_key", "notings": "gateway.noting",
		"lastRelayed":                      "s",                                              // the shards
		"jobs":                             "gateway.job",                                    // a handful
		"lot delivery groups: any channel": "p USING COVERING INDEX ix_gateway_parked_cause", // every parked delivery counts
		"countOutbox":                      "gateway.outbox USING COVERING INDEX sqlite_autoindex_gateway.outbox_1", "countStuck": "gateway.parked USING COVERING INDEX ix_gateway_parked_key",
	}
	// A few rows of one message.
	sorted := map[string]bool{"keys": true, "deliveries": true, "standsOf": true, "waitingOf": true, "parkedOf": true,
		"usage": true} // the senders of a route
	// How the lot finds what it needs, however much waits.
	for name, want := range map[string]string{
		"due":            "ix_gateway_held_due (state=? AND next_at<?)",
		"asleep":         "ix_gateway_held_due (state=? AND next_at=?)",
		"wake":           "ix_gateway_held_key (route=? AND ordering_key=?)",
		"wakes":          "ix_gateway_held_key (route=? AND ordering_key=?)",
		"ahead":          "ix_gateway_held_key (route=? AND ordering_key=? AND id<?)",
		"countWaiting":   "COVERING INDEX ix_gateway_held_cause (state=?)",
		"held by origin": "ix_gateway_held_origin (origin=?)",
		"pending":        "ix_gateway_parked_key (channel=? AND shard=? AND ordering_key=? AND seq<?)",
		"unparkBehind":   "ix_gateway_parked_key (channel=? AND shard=? AND ordering_key=?)",
		// What is old is where the index begins, however much is young.
		"agedInbox":     "INDEX cx_gateway_inbox (message_id>? AND message_id<?)",
		"agedPayloads":  "SEARCH p USING PRIMARY KEY (message_id>? AND message_id<?)",
		"agedLedger":    "ix_gateway_message_route (route=? AND id>? AND id<?)",
		"agedReplayed":  "ix_gateway_held_state (state=? AND id>? AND id<?)",
		"agedDiscarded": "ix_gateway_held_state (state=? AND id>? AND id<?)",
		"agedRelayed":   "PRIMARY KEY (channel=? AND shard=? AND first_seq<?)",
		"agedRefusals":  "SEARCH r USING PRIMARY KEY (id>? AND id<?)",
		"purgeSuspects": "ix_gateway_suspect_at (at<?)",
		"nextRoute":     "ix_gateway_message_route (route>?)",
		"subject":       "SEARCH k USING PRIMARY KEY (value=? AND message_id>?)",
	} {
		if steps := planOf(t, db, statements[name]); !slices.ContainsFunc(steps, func(s string) bool { return strings.HasSuffix(s, want) }) {
			t.Errorf("%s does not go by %s: %q", name, want, steps)
		}
	}
	for name, statement := range statements {
		grouped := strings.HasPrefix(name, "lot groups: ") || strings.HasPrefix(name, "lot delivery groups: ")
		if grouped { // a few hundred groups are put in order; what they are made of is not
			sorted[name] = true
		}
		for _, step := range planOf(t, db, statement) {
			if table, ok := strings.CutPrefix(step, "SCAN "); ok && table != walks[name] && !(grouped && table == "g") && !strings.HasPrefix(table, "json_each") && table != "CONSTANT ROW" {
				t.Errorf("%s: %s\n%s", name, step, statement)
			}
			if strings.Contains(step, "TEMP B-TREE FOR ORDER BY") && !sorted[name] {
				t.Errorf("%s: %s\n%s", name, step, statement)
			}
			if strings.HasPrefix(step, "SEARCH gateway.outbox") && strings.HasSuffix(step, "(channel=? AND shard=?)") {
				t.Errorf("%s reads the whole queue: %s", name, step)
			}
			t.Logf("%s: %s", name, step)
		}
	}
}

var parameters = regexp.MustCompile(`\?(\d+)`)

func planOf(t *testing.T, db *sql.DB, statement string) (steps []string) {
	t.Helper()
	n := strings.Count(parameters.ReplaceAllString(statement, ""), "?")
	for _, m := range parameters.FindAllStringSubmatch(statement, -1) {
		i, _ := strconv.Atoi(m[1])
		n = max(n, i)
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, make([]any, n)...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	return steps
}
