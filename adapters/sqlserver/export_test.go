package sqlserver

import (
	"log/slog"
	"time"
)

// OpenStandIn is Open for a server that has the type rowversion, and no functions that
// tell what is on its way: the number of a write is that of its transaction there.
func OpenStandIn(c Config, now func() time.Time, log *slog.Logger) (*Store, error) {
	return openWith(c, versions{
		below: "CONVERT(bigint, CONVERT(varchar(20), pg_snapshot_xmin(pg_current_snapshot())))",
		last:  "CONVERT(bigint, CONVERT(varchar(20), pg_snapshot_xmax(pg_current_snapshot())))",
	}, now, log)
}
