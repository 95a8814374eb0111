package sqlserver_test

import (
	"sync"
	"testing"

	"github.com/gatehouse/gatehouse/adapters/sqlserver"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

// TestMigrateTwice: several processes at once apply each migration once; and
// what they made is what mappings are checked against in SQLite, too.
func TestMigrateTwice(t *testing.T) {
	const processes = 3
	dsn := createDatabase(t)
	applied := make([][]sqlserver.Migration, processes)
	stores := make([]*sqlserver.Store, processes)
	var wg sync.WaitGroup
	for i := range processes {
		stores[i] = openStore(t, dsn)
		wg.Go(func() {
			var err error
			if applied[i], err = stores[i].Up(t.Context(), business(t)); err != nil {
				t.Errorf("up: %v", err)
			}
		})
	}
	wg.Wait()
	total := 0
	for _, a := range applied {
		total += len(a)
	}
	status, err := stores[0].Status(t.Context(), business(t))
	if err != nil || total != len(status) {
		t.Fatalf("%d applied, %d known: %v", total, len(status), err)
	}
	for _, m := range status {
		if m.Pending() || m.Drift != "" {
			t.Errorf("%+v", m)
		}
	}
	gatewaytest.TestModels(t, stores[0], "../internal/sqlstore/testdata/models.txt", false)
	if warnings, err := stores[0].Check(t.Context(), nil); err != nil {
		t.Errorf("looking at the settings: %v, %v", warnings, err)
	}
}
