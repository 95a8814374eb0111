package sqlite

import (
	"database/sql"
	"path/filepath"
	"regexp"
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
	for name, s := range map[string]string{"known": knownText, "claim": claimText, "payload of": payloadText, "key": keyText, "number": numberText,
		"delivery": deliveryText, "outbox": outboxText} {
		statements[name] = s
	}
	// The leases are a handful; a page of everything walks the primary key.
	walks := map[string]string{"ping": "gateway.lease", "list all": "gateway.message", "list refusals: all": "gateway.refusal", "versionTable": "sqlite_schema"}
	for name, statement := range statements {
		for _, step := range planOf(t, db, statement) {
			if table, ok := strings.CutPrefix(step, "SCAN "); ok && table != walks[name] && !strings.HasPrefix(table, "json_each") && table != "CONSTANT ROW" {
				t.Errorf("%s: %s\n%s", name, step, statement)
			}
			if strings.Contains(step, "TEMP B-TREE FOR ORDER BY") && name != "keys" && name != "deliveries" {
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
	n := 0
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
