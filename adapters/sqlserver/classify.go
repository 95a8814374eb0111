package sqlserver

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// Classify judges an error by the server's number, or by the network's.
func (d *dialect) Classify(err error) sqlstore.Class { return classify(err) }

func classify(err error) sqlstore.Class {
	if _, ok := errors.AsType[*connectError](err); ok {
		return sqlstore.Unavailable
	}
	if e, ok := errors.AsType[mssql.Error](err); ok {
		return classOfServer(e)
	}
	if e, ok := errors.AsType[mssql.StreamError](err); ok {
		// An answer that broke off. What it is wrapped in hides the reason.
		if class := classOfLink(e.InnerError); class != sqlstore.Broken {
			return class
		}
		return sqlstore.Transient // the connection is dropped, and with it whatever garbled it
	}
	return classOfLink(err)
}

// classOfLink judges what the network says. A link that breaks is tried again
// at once; a server that leaves us waiting would only do so again.
func classOfLink(err error) sqlstore.Class {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && !errors.Is(err, driver.ErrBadConn) {
		return sqlstore.Unavailable
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return sqlstore.Transient
	}
	for _, cut := range []error{io.EOF, io.ErrUnexpectedEOF, driver.ErrBadConn, net.ErrClosed} {
		if errors.Is(err, cut) {
			return sqlstore.Transient
		}
	}
	if errors.Is(err, sql.ErrConnDone) {
		return sqlstore.Unavailable
	}
	return sqlstore.Broken
}

// classOfServer takes the first of a request's errors that decides: later ones
// are often consequences, such as 3609 after what a trigger raised.
func classOfServer(e mssql.Error) sqlstore.Class {
	for _, one := range append(e.All[:len(e.All):len(e.All)], e) {
		if class := classOfNumber(one.Number); class != sqlstore.Broken {
			return class
		}
	}
	return classOfSeverity(e.Class)
}

// classOfSeverity judges numbers that nobody listed (Database Engine error
// severities): 17 and 19 are resources the server lacks, from 20 on it ends the
// connection.
func classOfSeverity(severity uint8) sqlstore.Class {
	switch {
	case severity >= 20:
		return sqlstore.Transient
	case severity == 17, severity == 19:
		return sqlstore.Unavailable
	}
	return sqlstore.Broken
}

// classOfNumber knows the error numbers of SQL Server 2019 to 2022 and Azure
// SQL that a statement of ours can meet. Numbers and texts are those of
// sys.messages, as Microsoft's reference "Database Engine events and errors"
// lists them; those of Azure are from "Troubleshooting connectivity issues and
// other errors with Azure SQL Database". What only a login meets is not here:
// whatever keeps a connection from coming about is unavailable.
func classOfNumber(n int32) sqlstore.Class {
	switch n {
	case 2601, 2627: // duplicate key in a unique index, in a constraint
		return sqlstore.Raced
	case changedTable:
		return sqlstore.Drifted
	}
	switch {
	case again(n):
		return sqlstore.Transient
	case away(n), outOfRoom(n), denied(n), cloud(n):
		return sqlstore.Unavailable
	case refusedValue(n):
		return sqlstore.Constraint
	case absentObject(n):
		return sqlstore.Missing
	}
	return sqlstore.Broken
}

// again: the same statements may well succeed at once.
func again(n int32) bool {
	switch n {
	case 1205, // deadlock victim
		1222,       // lock request time out
		1204,       // no lock resource at this time
		1203, 1221, // a lock that is not ours any more
		601,      // scan could not go on, rows moved
		617, 669, // an object's or a row's descriptor vanished; rerun
		3935,                   // FILESTREAM context, retry
		3940,                   // locks for the commit were not to be had
		3948, 3949, 3950, 3953, // availability replica changed; versioned row out of reach; database was not recovered
		3957, 3960, 3961, // snapshot conflicts: isolation, row, metadata
		3966,                              // marked a victim when the version store shrank
		8628,                              // time out while waiting to optimise
		9515,                              // a schema changed under the plan
		10922,                             // rerun the statement
		13535,                             // system-versioned table: changed after our transaction began
		41301, 41302, 41305, 41325, 41839, // memory-optimised tables: dependency, conflict, validation
		596: // the session was killed
		return true
	}
	return false
}

// away: the database, or the replica we reached, takes no statements now.
func away(n int32) bool {
	switch n {
	case 904, 911, 921, 922, 923, 924, // not started, not there, not recovered, restricted, single user
		913, 926, 927, 941, 942, 945, 952, // in transition, suspect, in restore, offline, files inaccessible
		954, 955, 956, // mirroring: a mirror, no quorum, not synchronised
		972,                     // could not be used
		976, 978, 979, 982, 983, // availability group: no queries, read intent only, none, no replica, role changes
		988, 992, 997, // no quorum, database lock not to be had
		823, 824, 825, 829, // a page could not be read or is damaged
		845, 846, 847, // time out waiting for a page
		615,              // stale database id; reconnect (Azure)
		3906, 3908, 3955, // read-only, in recovery
		6005,                // shutdown is in progress
		9001,                // the log is not available
		18055, 18056, 18061, // a pooled session could not be reset
		4060, 4221, 18456: // nor its login opened the database again
		return true
	}
	return false
}

// outOfRoom: disk, log, memory or workers ran out.
func outOfRoom(n int32) bool {
	switch n {
	case 701, 802, 8645, 8651, 8657, // memory
		1101, 1105, 1121, // file group full
		9002,             // log full
		3958, 3959, 3967, // version store full
		3985,                       // memory for a change of transaction
		3999,                       // commit table could not be flushed
		10928, 10929, 10930, 10936, // workers, sessions, resource pool, elastic pool
		41805, 41822, 41823, 41840: // memory-optimised data: pool, disk, quotas
		return true
	}
	return false
}

// denied: the login lacks a right, which the operator mends; the sender has done
// nothing wrong. The message says which right, so does `check --connect`, and
// the script of `migrate grants` gives it.
func denied(n int32) bool {
	switch n {
	case 229, 230, // on an object, on a column
		262, 297, 300, // in the database, for an action, on the server
		916: // the login is no user of the database
		return true
	}
	return false
}

// cloud: Azure SQL is busy, moves the database or has reached a quota.
func cloud(n int32) bool {
	switch n {
	case 40143, 40166, 40197, 40540, // the service failed over
		40501, 40545, 40613, 40627, // busy, in trouble, not available, being changed
		40544, 40549, 40550, 40551, 40552, 40553, // quota; the session held too much
		49918, 49919, 49920, 49977, 49983: // too many operations; retry
		return true
	}
	return false
}

// refusedValue: the database does not take a value of some message.
func refusedValue(n int32) bool {
	switch n {
	case 220, 232, 235, 236, 237, 238, // overflow of a number, of money
		241, 242, 244, 245, 248, 293, 295, 296, 298, // conversions of text
		515,           // NULL
		517, 535, 542, // dates out of range
		547, 550, // foreign key or check; view's check option
		2628, 8152, // truncated
		3609, 3616, // ended in a trigger
		6522,                         // a CLR type or trigger threw
		8114, 8115, 8134, 8169, 8170, // conversions, division, uniqueidentifier
		13608, 13609, // JSON
		33504: // row-level security blocks the row
		return true
	}
	return n >= 9400 && n <= 9459 || // XML parsing
		n >= 6901 && n <= 6967 || // XML validation
		n >= 50000 // raised by a trigger of the tables' owner
}

// absentObject: migrations are pending, or the login may not see what is there.
func absentObject(n int32) bool {
	switch n {
	case 207, 208, // column, object
		1088, 2812, 15151: // object, procedure, or no right to see it
		return true
	}
	return false
}
