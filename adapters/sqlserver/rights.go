package sqlserver

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

const (
	// A table that is not there, or that the login may not see, has NULL.
	rightsText = `SELECT HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'SELECT'), HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'INSERT'),
	HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'UPDATE'), HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'DELETE')`

	powersText = `SELECT USER_NAME(), COALESCE(SUSER_SNAME(), USER_NAME()), HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'CONTROL'),
	HAS_PERMS_BY_NAME('gateway', 'SCHEMA', 'ALTER'), HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'VIEW DEFINITION')`
)

// operations are what HAS_PERMS_BY_NAME is asked for, in the order of rightsText.
var operations = [4]string{"SELECT", "INSERT", "UPDATE", "DELETE"}

// want is what the gateway does with one table, in the order of operations.
type want struct {
	table mapping.TableName
	needs [4]bool
}

// powers is what the login may do beyond rows.
type powers struct {
	user, login             string
	control, alter, catalog sql.NullInt64
}

func (d *dialect) lookAtRights(ctx context.Context, uses []sqlstore.Use) ([]string, error) {
	var p powers
	if err := d.db.QueryRowContext(ctx, powersText).Scan(&p.user, &p.login, &p.control, &p.alter, &p.catalog); err != nil {
		return nil, err
	}
	var lacks []lack
	for _, w := range wants(ledgerTables(), uses) {
		var has [4]sql.NullInt64
		if err := d.db.QueryRowContext(ctx, rightsText, table(w.table)).Scan(&has[0], &has[1], &has[2], &has[3]); err != nil {
			return nil, err
		}
		lacks = w.compare(has, lacks)
	}
	out := p.complaints()
	for _, l := range lacks {
		out = append(out, l.complaint(p.user))
	}
	return out, nil
}

// wants lists the ledger's tables, which every commit or a later upkeep needs
// as a whole, and those of the mappings.
func wants(ledger []string, uses []sqlstore.Use) []want {
	out := []want{{mapping.TableName{Schema: "gateway", Name: "migration"}, [4]bool{true}}}
	for _, name := range ledger {
		out = append(out, want{mapping.TableName{Schema: "gateway", Name: name}, [4]bool{true, true, true, true}})
	}
	for _, u := range uses {
		// To draw a number from a sequence takes UPDATE (NEXT VALUE FOR, Permissions).
		out = append(out, want{u.Table, [4]bool{!u.Sequence, u.Insert, u.Update || u.Sequence, u.Delete}})
	}
	return out
}

var creation = regexp.MustCompile(`(?m)^CREATE TABLE gateway\.(\w+)`)

// ledgerTables are those that the migrations make. A login that may not see
// them could not tell.
func ledgerTables() []string {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is ours
	}
	var names []string
	for _, file := range files {
		content, err := migrations.ReadFile(file)
		if err != nil {
			panic(err) // it is embedded
		}
		for _, found := range creation.FindAllSubmatch(content, -1) {
			names = append(names, string(found[1]))
		}
	}
	return names
}

// lack is what the login may not do in some tables.
type lack struct {
	operations []string
	tables     []mapping.TableName
}

// compare adds what the login lacks in a table to what it lacks in others. A
// table of which nothing is known is told of where the mappings are compared
// with the tables.
func (w want) compare(has [4]sql.NullInt64, lacks []lack) []lack {
	var lacking []string
	for i, needed := range w.needs {
		if needed && has[i].Valid && has[i].Int64 == 0 {
			lacking = append(lacking, operations[i])
		}
	}
	if lacking == nil {
		return lacks
	}
	same := func(l lack) bool { return slices.Equal(l.operations, lacking) }
	if i := slices.IndexFunc(lacks, same); i >= 0 {
		lacks[i].tables = append(lacks[i].tables, w.table)
		return lacks
	}
	return append(lacks, lack{lacking, []mapping.TableName{w.table}})
}

func (l lack) complaint(user string) string {
	names := make([]string, len(l.tables))
	for i, t := range l.tables {
		names[i] = t.String()
	}
	mend := "run the script of `gatehouse migrate grants --login " + user + "`"
	if len(l.tables) == 1 {
		mend = fmt.Sprintf("GRANT %s ON OBJECT::%s TO %s, or %s", strings.Join(l.operations, ", "), table(l.tables[0]), bracket(user), mend)
	}
	return fmt.Sprintf("%s may not %s in %s: messages that need it wait; %s", user, sentence(l.operations), sentence(names), mend)
}

func (p powers) complaints() []string {
	yes := func(n sql.NullInt64) bool { return n.Valid && n.Int64 == 1 }
	excess := ""
	switch {
	case yes(p.control):
		excess = "controls the whole database"
	case yes(p.alter):
		excess = "may alter the gateway's tables"
	}
	var out []string
	if excess != "" {
		out = append(out, fmt.Sprintf("the login %s %s: whoever takes over the gateway can do the same, and serve needs to read and write rows only; let serve log in as another that has the script of `gatehouse migrate grants`, and keep this one for migrations",
			p.login, excess))
	}
	if p.catalog.Valid && !yes(p.catalog) && !yes(p.control) {
		out = append(out, fmt.Sprintf("%s may not see how tables are defined, which mappings are compared with at start: tables, defaults and foreign keys may seem to be missing; GRANT VIEW DEFINITION TO %s", p.user, bracket(p.user)))
	}
	return out
}
