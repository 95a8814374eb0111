package ldap_test

import (
	"testing"

	"github.com/gatehouse/gatehouse/adapters/embedded/directory"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

func TestSuiteEmbedded(t *testing.T) {
	gatewaytest.TestDirectory(t, func(t *testing.T) gatewaytest.DirectoryLab {
		return lab(t, serve(t, directory.Config{}).Addr())
	})
}

func TestSuiteSlapd(t *testing.T) {
	real := realDirectory(t)
	gatewaytest.TestDirectory(t, func(t *testing.T) gatewaytest.DirectoryLab { return lab(t, real.address) })
}
