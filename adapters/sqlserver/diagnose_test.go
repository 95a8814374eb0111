package sqlserver

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/microsoft/go-mssqldb/msdsn"

	"github.com/gatehouse/gatehouse/internal/mapping"
)

// healthy is a database of which nothing is to be said.
var healthy = settings{name: "gatehouse", compatibility: 160, versioned: true, durability: "DISABLED", recovery: "FULL",
	verify: "CHECKSUM", access: "MULTI_USER", updatable: "READ_WRITE", version: "16.0.4135.4", edition: 3}

// TestSettings: each setting that endangers something is named, with what mends
// it, and nothing else is.
func TestSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(s *settings)
		want   []string
	}{
		"healthy":             {func(*settings) {}, nil},
		"Azure SQL":           {func(s *settings) { s.version, s.edition = "12.0.2000.8", 5 }, nil},
		"nothing known":       {func(s *settings) { *s = settings{name: "g", versioned: true, compatibility: 150} }, nil},
		"a server's database": {func(s *settings) { s.name = "master" }, []string{"create a database"}},
		"a replica":           {func(s *settings) { s.updatable = "READ_ONLY" }, []string{"nothing can be stored"}},
		"an old server":       {func(s *settings) { s.version = "13.0.1" }, []string{"upgrade the server"}},
		"an old level":        {func(s *settings) { s.compatibility = 120 }, []string{"COMPATIBILITY_LEVEL = 150"}},
		"no row versions":     {func(s *settings) { s.versioned = false }, []string{"SET READ_COMMITTED_SNAPSHOT ON"}},
		"lossy":               {func(s *settings) { s.durability = "FORCED" }, []string{"SET DELAYED_DURABILITY = DISABLED"}},
		"simple":              {func(s *settings) { s.recovery = "SIMPLE" }, []string{"SET RECOVERY FULL"}},
		"sleepy":              {func(s *settings) { s.autoClose, s.autoShrink = true, true }, []string{"SET AUTO_CLOSE OFF", "SET AUTO_SHRINK OFF"}},
		"unverified":          {func(s *settings) { s.verify = "NONE" }, []string{"SET PAGE_VERIFY CHECKSUM"}},
		"for one":             {func(s *settings) { s.access = "SINGLE_USER" }, []string{"SET MULTI_USER"}},
	} {
		s := healthy
		tt.change(&s)
		contains(t, name, s.complaints(), tt.want...)
	}
}

// contains checks that there is one line for each text, in order.
func contains(t *testing.T, name string, lines []string, want ...string) {
	t.Helper()
	if len(lines) != len(want) {
		t.Errorf("%s: %d lines, want %d: %q", name, len(lines), len(want), lines)
		return
	}
	for i := range want {
		if !strings.Contains(lines[i], want[i]) {
			t.Errorf("%s: %q, want %q", name, lines[i], want[i])
		}
	}
}

func TestExposures(t *testing.T) {
	for _, tt := range []struct {
		dsn, encrypted, scheme string
		want                   []string
	}{
		{"server=h;encrypt=strict", "", "SQL", nil},
		{"server=h;encrypt=true", "", "KERBEROS", nil},
		{"server=h;encrypt=true;trustservercertificate=true", "", "SQL", []string{"not verified"}},
		{"server=h", "TRUE", "SQL", []string{"not verified"}}, // the server insisted on encryption
		{"server=h", "FALSE", "SQL", []string{"is not encrypted", "not verified"}},
		{"server=h;encrypt=disable", "FALSE", "SQL", []string{"is not encrypted"}},
		{"server=h;encrypt=false", "", "NTLM", []string{"may not be encrypted", "NTLM"}},
	} {
		params, err := msdsn.Parse(tt.dsn)
		if err != nil {
			t.Fatal(err)
		}
		contains(t, tt.dsn, exposures(params, tt.encrypted, tt.scheme), tt.want...)
	}
}

func TestDrift(t *testing.T) {
	asked := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		took, ahead time.Duration
		want        string
	}{
		{0, 0, ""},
		{20 * time.Millisecond, 900 * time.Millisecond, ""},
		{4 * time.Second, 2500 * time.Millisecond, ""}, // a slow answer proves nothing
		{20 * time.Millisecond, 3 * time.Second, "3s ahead of"},
		{20 * time.Millisecond, -90 * time.Second, "1m30s behind"},
	} {
		heard := asked.Add(tt.took)
		lines := drift(asked, heard, asked.Add(tt.took/2+tt.ahead))
		if (tt.want == "") != (lines == nil) || tt.want != "" && !strings.Contains(lines[0], tt.want) {
			t.Errorf("%+v: %q", tt, lines)
		}
	}
}

// TestRights: what the login lacks is told with the statement that gives it,
// what it has too much once, and of what is not there nothing.
func TestRights(t *testing.T) {
	yes, no, unknown := sql.NullInt64{Int64: 1, Valid: true}, sql.NullInt64{Valid: true}, sql.NullInt64{}
	table := func(name string) want {
		return want{mapping.TableName{Schema: "crm", Name: name}, [4]bool{true, true, true, false}}
	}
	lines := func(lacks []lack) (out []string) {
		for _, l := range lacks {
			out = append(out, l.complaint("gate"))
		}
		return out
	}
	reads := [4]sql.NullInt64{yes, no, no, no}
	lacks := table("cust]omer").compare(reads, nil)
	contains(t, "one table", lines(lacks), "gate may not INSERT and UPDATE in crm.cust]omer: messages that need it wait; GRANT INSERT, UPDATE ON OBJECT::[crm].[cust]]omer] TO [gate]")
	lacks = table("order").compare(reads, lacks)
	lacks = table("other").compare([4]sql.NullInt64{no, no, no, no}, lacks)
	contains(t, "three tables", lines(lacks), "gate may not INSERT and UPDATE in crm.cust]omer and crm.order: ", "gate may not SELECT, INSERT and UPDATE in crm.other: ")
	contains(t, "has all", lines(table("a").compare([4]sql.NullInt64{yes, yes, yes, no}, nil)))
	contains(t, "is not there", lines(table("a").compare([4]sql.NullInt64{unknown, unknown, unknown, unknown}, nil)))
	if got := wants(ledgerTables(), nil); len(got) < 10 || got[0].needs != [4]bool{true} || got[1].table.Name != "message" || got[1].needs != [4]bool{true, true, true, true} {
		t.Errorf("of the ledger: %v", got)
	}
	contains(t, "owner", powers{"dbo", "sa", yes, yes, yes}.complaints(), "controls the whole database")
	contains(t, "altering", powers{"g", "g", no, yes, yes}.complaints(), "may alter the gateway's tables")
	contains(t, "blind", powers{"g", "g", no, no, no}.complaints(), "GRANT VIEW DEFINITION TO [g]")
	contains(t, "right", powers{"g", "g", no, no, yes}.complaints())
	contains(t, "unknown", powers{"g", "g", unknown, unknown, unknown}.complaints())
}

func TestLoose(t *testing.T) {
	for collation, want := range map[string]bool{
		"SQL_Latin1_General_CP1_CI_AS": true, "Latin1_General_100_CS_AI_SC_UTF8": true, "Finnish_Swedish_CI_AI": true, "bbf_unicode_cp1_ci_as": true,
		"Latin1_General_BIN2": false, "Latin1_General_CS_AS": false, "": false,
	} {
		if loose(collation) != want {
			t.Errorf("%q", collation)
		}
	}
}

// TestDiagnosisTexts keeps what is asked in a file that SQL Server's grammar
// parses; none of it changes anything.
func TestDiagnosisTexts(t *testing.T) {
	texts := []string{settingsText, encryptedText, schemeText, clockText, rightsText, powersText, looseText, collationText, referrersText, leadingText}
	golden(t, "diagnose.sql", strings.Join(texts, ";\n")+";\n")
	for _, text := range texts {
		if !strings.HasPrefix(text, "SELECT ") || slices.ContainsFunc([]string{"INSERT INTO", "UPDATE ", "DELETE ", "EXEC"}, func(word string) bool { return strings.Contains(text, word) }) {
			t.Errorf("%q does more than ask", text)
		}
	}
}
