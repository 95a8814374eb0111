package sqlserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// Diagnose names what endangers the promises. What the login may not look at is
// said, and keeps nothing else from being looked at.
func (d *dialect) Diagnose(ctx context.Context, uses []sqlstore.Use) ([]string, error) {
	looks := []struct {
		what string
		at   func(context.Context, []sqlstore.Use) ([]string, error)
	}{
		{"the database's settings", d.lookAtSettings},
		{"the encryption", d.lookAtEncryption},
		{"the server's clock", d.lookAtClock},
		{"the login's rights", d.lookAtRights},
		{"the collations", d.lookAtCollations},
		{"the indexes", d.lookAtIndexes},
	}
	var out []string
	for _, look := range looks {
		lines, err := look.at(ctx, uses)
		if err != nil && !answered(err) {
			return out, err
		}
		if err != nil {
			lines = append(lines, fmt.Sprintf("%s could not be looked at: %v", look.what, err))
		}
		out = append(out, lines...)
	}
	return out, nil
}

// answered reports whether the server refused a question, and may answer the next.
func answered(err error) bool {
	if _, ok := errors.AsType[*connectError](err); ok {
		return false
	}
	e, ok := errors.AsType[mssql.Error](err)
	return ok && e.Class < 20
}

const settingsText = `SELECT d.name, d.compatibility_level, d.is_read_committed_snapshot_on, d.delayed_durability_desc, d.recovery_model_desc,
	d.page_verify_option_desc, d.user_access_desc, d.is_auto_close_on, d.is_auto_shrink_on,
	CONVERT(nvarchar(60), DATABASEPROPERTYEX(d.name, 'Updateability')), CONVERT(nvarchar(60), SERVERPROPERTY('ProductVersion')), CONVERT(int, SERVERPROPERTY('EngineEdition'))
	FROM sys.databases AS d WHERE d.name = DB_NAME()`

// settings are those of the database and its server. An empty text is unknown.
type settings struct {
	name                                            string
	compatibility                                   int
	versioned, autoClose, autoShrink                bool
	durability, recovery, verify, access, updatable string
	version                                         string // of the server, e.g. 16.0.4135.4
	edition                                         int
}

func (d *dialect) lookAtSettings(ctx context.Context, _ []sqlstore.Use) ([]string, error) {
	var s settings
	var texts [6]sql.NullString
	var edition sql.NullInt64
	err := d.db.QueryRowContext(ctx, settingsText).Scan(&s.name, &s.compatibility, &s.versioned, &texts[0], &texts[1],
		&texts[2], &texts[3], &s.autoClose, &s.autoShrink, &texts[4], &texts[5], &edition)
	if err != nil {
		return nil, err
	}
	s.durability, s.recovery, s.verify, s.access = texts[0].String, texts[1].String, texts[2].String, texts[3].String
	s.updatable, s.version, s.edition = texts[4].String, texts[5].String, int(edition.Int64)
	return s.complaints(), nil
}

// evergreen are the engine editions whose version says nothing: Azure SQL
// Database, Managed Instance and Fabric.
var evergreen = []int{5, 8, 12}

// oldest is the major version of SQL Server 2019.
const oldest = 15

func (s settings) complaints() []string {
	var out []string
	when := func(wrong bool, format string, args ...any) {
		if wrong {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	var major int
	fmt.Sscanf(s.version, "%d", &major) // 0 when it cannot be told
	when(slices.Contains([]string{"master", "model", "msdb", "tempdb"}, s.name),
		"the database is %s, which belongs to the server: a repair of the server loses the gateway's tables; create a database of its own and name it in store.database", s.name)
	when(s.updatable == "READ_ONLY",
		"the database is read-only here, and nothing can be stored: connect to the primary (an availability group's listener, without ApplicationIntent=ReadOnly), or ALTER DATABASE CURRENT SET READ_WRITE")
	when(major > 0 && major < oldest && !slices.Contains(evergreen, s.edition),
		"the server's version is %s, and the gateway is made for SQL Server 2019 (15) and later: statements may be refused; upgrade the server", s.version)
	when(s.compatibility < 130,
		"COMPATIBILITY_LEVEL is %d: OPENJSON, which every batch needs, begins with 130; ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 150", s.compatibility)
	when(!s.versioned,
		"READ_COMMITTED_SNAPSHOT is off: readers and lanes wait for each other; ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON, while nobody else is connected")
	when(s.durability != "" && s.durability != "DISABLED",
		"DELAYED_DURABILITY is %s: acknowledged messages can be lost; ALTER DATABASE CURRENT SET DELAYED_DURABILITY = DISABLED", s.durability)
	when(s.recovery == "SIMPLE",
		"the recovery model is SIMPLE: a restore reaches back to the last backup only, and what was acknowledged since is gone; ALTER DATABASE CURRENT SET RECOVERY FULL, and back up the log")
	when(s.autoClose,
		"AUTO_CLOSE is on: the database shuts down with its last connection, and the next message waits for its start; ALTER DATABASE CURRENT SET AUTO_CLOSE OFF")
	when(s.autoShrink,
		"AUTO_SHRINK is on: it moves pages about while messages are stored, and fragments every index; ALTER DATABASE CURRENT SET AUTO_SHRINK OFF")
	when(s.verify != "" && s.verify != "CHECKSUM",
		"PAGE_VERIFY is %s: a damaged page is found out late or never; ALTER DATABASE CURRENT SET PAGE_VERIFY CHECKSUM", s.verify)
	when(s.access != "" && s.access != "MULTI_USER",
		"user access is %s: other gateways and migrations are turned away; ALTER DATABASE CURRENT SET MULTI_USER", s.access)
	return out
}

const (
	encryptedText = `SELECT c.encrypt_option FROM sys.dm_exec_connections AS c WHERE c.session_id = @@SPID`
	schemeText    = `SELECT CONVERT(nvarchar(40), CONNECTIONPROPERTY('auth_scheme'))`
)

func (d *dialect) lookAtEncryption(ctx context.Context, _ []sqlstore.Use) ([]string, error) {
	t, err := d.config.target()
	if err != nil {
		return nil, err
	}
	var scheme, encrypted sql.NullString
	if err := d.db.QueryRowContext(ctx, schemeText).Scan(&scheme); err != nil {
		return nil, err
	}
	if open(t.params) {
		err := d.db.QueryRowContext(ctx, encryptedText).Scan(&encrypted)
		if err != nil && !answered(err) {
			return nil, err
		}
	}
	return exposures(t.params, encrypted.String, scheme.String), nil
}

// open reports whether a connection need not be encrypted.
func open(params msdsn.Config) bool {
	return params.Encryption == msdsn.EncryptionOff || params.Encryption == msdsn.EncryptionDisabled
}

// exposures says who could listen. What the server says of the connection
// (encrypted: TRUE, FALSE, or empty where the login may not look) counts where
// the configuration leaves it open.
func exposures(params msdsn.Config, encrypted, scheme string) []string {
	var out []string
	switch {
	case !open(params) || encrypted == "TRUE":
	case encrypted == "FALSE":
		out = append(out, "the connection is not encrypted: whoever is on its way can read and change every message; set encrypt to true or strict, and give the server a certificate")
	default:
		out = append(out, "the connection may not be encrypted (encrypt leaves it to the server, and the login may not look): whoever is on its way could read and change every message; set encrypt to true or strict")
	}
	if params.Encryption != msdsn.EncryptionDisabled && params.TrustServerCertificate {
		out = append(out, "the server's certificate is not verified: whoever is on the way can pretend to be the server and learn the password; set encrypt to strict, or leave out insecure_skip_verify (in a dsn TrustServerCertificate) and give tls.ca_file or tls.server_certificate_file")
	}
	if scheme == "NTLM" {
		out = append(out, "the login goes by NTLM, which proves nothing about the server; register the server's service principal name (setspn -S MSSQLSvc/server:port account) and use kerberos")
	}
	return out
}

// skew is how far the clocks may be apart before somebody should know.
const skew = time.Second

const clockText = `SELECT SYSUTCDATETIME()`

func (d *dialect) lookAtClock(ctx context.Context, _ []sqlstore.Use) ([]string, error) {
	var server time.Time
	asked := d.now()
	if err := d.db.QueryRowContext(ctx, clockText).Scan(&server); err != nil {
		return nil, err
	}
	return drift(asked, d.now(), server), nil
}

// drift compares the server's clock with ours, which read asked before and
// heard after the question.
func drift(asked, heard, server time.Time) []string {
	ahead := server.Sub(asked.Add(heard.Sub(asked) / 2))
	if ahead.Abs()-heard.Sub(asked)/2 <= skew {
		return nil
	}
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	return []string{fmt.Sprintf("the server's clock is %s %s the gateway's: messages are dated by the one, leases and parking by the other; let both follow a time server",
		ahead.Abs().Round(100*time.Millisecond), word)}
}

// sentence joins names for a line: a, b and c.
func sentence(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
