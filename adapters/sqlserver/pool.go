package sqlserver

import (
	"database/sql"
	"fmt"
)

// Pool returns connections to the configured database for somebody who looks at
// its tables with statements of his own, such as a load test that checks what
// the store has written. They come about as the store's own do, with every way to
// log in. The caller closes it.
func (c Config) Pool() (*sql.DB, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	c = c.withDefaults()
	db := sql.OpenDB(&connector{config: c, timeout: c.ConnectTimeout, limit: c.RequestTimeout})
	db.SetConnMaxIdleTime(idle)
	return db, nil
}

// DatabaseName is the name of the configured database, which may stand in the
// connection string. Empty is the login's default one.
func (c Config) DatabaseName() (string, error) {
	t, err := c.target()
	if err != nil {
		return "", err
	}
	return t.params.Database, nil
}
