package gatewaytest_test

import (
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

func TestFakeDirectory(t *testing.T) {
	gatewaytest.TestDirectory(t, func(t *testing.T) gatewaytest.DirectoryLab {
		d := gatewaytest.NewDirectory(time.Now, gatewaytest.Corp()...)
		return gatewaytest.DirectoryLab{Directory: d, Stop: func() { d.SetDown(true) }, Start: func() { d.SetDown(false) }}
	})
}
