package ldap_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// acceptance is what the package must hold, item by item, with the tests that show
// it: Slapd tests speak to OpenLDAP, AD tests to a Samba domain controller, the
// others to the embedded directory, whose faults real servers cannot be made to
// show. TestSuite's parts are those of gatewaytest.TestDirectory; scripts lie in
// testdata/script.
var acceptance = map[string][]string{
	"1 login by search and by template; principal, account and DOMAIN\\user names": {
		"TestSuiteSlapd", "TestSlapdTemplateAndCheck", "TestADLogins", "TestActiveDirectory", "TestTemplates"},
	"2 empty, blank and control characters are refused before any packet": {
		"TestInadmissibleMakesNoPacket", "TestSuiteSlapd"},
	"3 nothing breaks out of filters and names; a user whose DN needs escaping has his groups": {
		"TestSuiteSlapd", "TestADNames", "TestTemplates", "FuzzFilters", "FuzzBindName", "FuzzNormalizeDN"},
	"4 two entries of one login are refused and logged": {
		"TestTwoEntriesAreLogged", "TestSuiteSlapd"},
	"5 names in other letters are one identity, one cache key, one count": {
		"TestSuiteSlapd", "TestADLogins", "TestCacheHitMakesNoPacket", "TestStalePasswordLocksNobody"},
	"6 each account state has its reason for the audit, and one answer in one time for the caller": {
		"TestAccountStates", "TestSlapdAccountStates", "TestADAccountStates", "TestSlapdRefusalTimes", "TestRefusalsTakeTheSameTime"},
	"7 a password that must be changed is refused though the server says yes": {
		"TestSlapdAccountStates", "TestMustChangeByChoice"},
	"8 groups: nested, cyclic, primary, with commas, 5,000 members, limits of depth and number, ranges": {
		"TestSuiteSlapd", "TestSlapdLargeGroup", "TestADGroups", "TestADNames", "TestManyGroups", "TestRangedAttributes"},
	"9 auto takes token_groups or recursive; what the server cannot do fails the check": {
		"TestADGroups", "TestSlapdTemplateAndCheck", "TestMisfitsAreNotRefusals"},
	"10 a size limit that the server ignores holds": {
		"TestManyGroups", "TestTwoEntriesAreLogged", "TestADLimits"},
	"11 LDAPS and StartTLS: wrong authority, wrong name, clear text, codes 8 and 13, in words": {
		"TestTLS", "TestSlapdTLS", "TestADTransport", "TestTLSDemandedByServer", "TestConfigFaults"},
	"12 hanging, silent, half open, reset, idle, stopped: bounded time, nothing left behind": {
		"TestRudeServers", "TestSlapdStopped", "TestCutLinks", "TestIdleConnections", "TestEndlessAnswer", "TestLyingServers", "TestClose"},
	"13 no connection is used again after a timeout or a refusal": {
		"TestConnectionIsNotReusedAfterTimeout", "TestConnectionIsNotReusedAfterRefusal", "TestSlapdStopped"},
	"14 failover; a refusal is final": {
		"TestFailover", "TestFailoverReturns", "TestRefusalIsFinal"},
	"15 the directory restarts, the gateway need not": {
		"TestSlapdRestarted", "TestSuiteSlapd"},
	"16 a cached login makes no packet; changes are seen in time; a reload forgets": {
		"TestCacheHitMakesNoPacket", "TestCachedDecision", "TestChangesAreSeenInTime", "TestSuiteSlapd", "reload.txtar"},
	"17 a thousand calls with a stale password make max_failures binds and lock nobody": {
		"TestStalePasswordLocksNobody", "TestSlapdAccountIsNotLocked", "TestADAccountIsNotLocked", "TestGuardLetsTheProvenPasswordThrough"},
	"18 keys are HMACs of this process; passwords are in no log, error or memory": {
		"TestDigest", "TestNoPasswordIsToldOrKept"},
	"19 a hundred logins of one user at once are one bind": {
		"TestParallelLoginsAreOneBind"},
	"20 a directory that is down is unavailable with a time to come again, and queues keep their messages": {
		"TestRudeServers", "TestSuiteSlapd", "outages.txtar", "outages-amqp.txtar"},
	"21 referrals are not followed": {
		"TestSlapdReferral", "TestConfigFaults"},
	"22 a service account that is refused is loud, and not tried for ever": {
		"TestServiceAccountRefused"},
	"answers from memory while the directory is away: bounded, by choice, marked and told": {
		"TestStaleAnswersWhileDown", "TestStaleAnswersDoNotWait"},
	"groups, what is above and who is below, for those who check and review; beside the logins, not in their way": {
		"TestCensus", "TestSlapdCensus", "TestADCensus", "TestBelowIsBounded", "TestCensusOutages", "TestCensusStandsAside",
		"TestCensusDoesNotLockTheServiceAccount"},
	"what an entry says of its account is told of who is looked up": {
		"TestStateIsTold", "TestADStateIsTold"},
	"groups have their security identifiers, by every strategy": {
		"TestGroupSIDs", "TestADGroups"},
	"client certificates lead to entries": {
		"TestADCertificates", "TestRangedCertificates"},
}

// TestAcceptance: what is listed exists.
func TestAcceptance(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				there[f.Name.Name] = true
			}
		}
	}
	for item, tests := range acceptance {
		for _, name := range tests {
			if strings.HasSuffix(name, ".txtar") {
				_, err := os.Stat(filepath.Join("../../testdata/script", name))
				there[name] = err == nil
			}
			if !there[name] {
				t.Errorf("%s: there is no %s", item, name)
			}
		}
	}
}
