package main

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// TestCampaign has gatehouse-campaign be violent for a short while, against
// SQLite and a real RabbitMQ, and reads its closing line. make crash does so at
// length.
func TestCampaign(t *testing.T) {
	if testing.Short() {
		t.Skip("campaigns take a while; run without -short")
	}
	if os.Getenv("GATEHOUSE_TEST_AMQP") == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI has no GATEHOUSE_TEST_AMQP; testdata/servers/run.sh sets it")
		}
		t.Skip("set GATEHOUSE_TEST_AMQP to the URL of a RabbitMQ, or run under testdata/servers/run.sh")
	}
	gateway := buildCrashBinary(t)
	campaign := buildCampaign(t)
	const nothingWrong = `lost 0, twice 0, order 0, ids changed 0, replies differing 0, `
	for _, c := range []struct {
		name  string
		flags []string
		line  string // the closing line, as a regular expression
	}{
		{"crashes", []string{"-crashes", "10", "-messages", "800"}, `crashes 10, acknowledged 800, ` + nothingWrong + `parked 0, wire duplicates \d+ \([0-9.]+ per crash\)`},
		{"two gateways and bad links", []string{"-gateways", "2", "-crashes", "4", "-cuts", "12", "-messages", "1000"}, `crashes 4, acknowledged 1000, ` + nothingWrong + `parked 0, wire duplicates .*`},
		{"four gateways and a broker that dies", []string{"-gateways", "4", "-crashes", "4", "-broker-kills", "1", "-rabbitmq", "../../testdata/rabbitmq/rabbitmq.sh", "-messages", "1000"}, `crashes 4, acknowledged 1000, ` + nothingWrong + `parked 0, wire duplicates .*`},
		{"orderly stops", []string{"-terminate", "20", "-messages", "2000"}, `crashes 0, acknowledged 2000, ` + nothingWrong + `parked 0, wire duplicates \d+, stops 20 \(slowest [0-9.]+m?s\), requests broken 0`},
		{"frozen among two", []string{"-freeze", "1", "-gateways", "2", "-messages", "1000"}, `crashes 0, acknowledged 1000, ` + nothingWrong + `parked 0, wire duplicates \d+, freezes 1 \(others went on in 1\)`},
		{"poison in a quorum queue", []string{"-poison", "-messages", "600"}, `crashes 3, acknowledged 600, ` + nothingWrong + `parked 1, wire duplicates .*`},
		{"poison in a classic queue", []string{"-poison", "-messages", "600", "-queue", "classic"}, `crashes 3, acknowledged 600, ` + nothingWrong + `parked 1, wire duplicates .*`},
	} { // that nothing came again after orderly stops alone is in the exit status
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.Command(campaign, append([]string{"-binary", gateway, "-patience", "5m"}, c.flags...)...).CombinedOutput()
			t.Logf("%s", out)
			if err != nil || !regexp.MustCompile(`(?m)^`+c.line+`$`).Match(out) {
				t.Errorf("%v; want a last line like %s", err, c.line)
			}
		})
	}
}
