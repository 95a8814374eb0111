package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLive asks as the health check of a container does.
func TestLive(t *testing.T) {
	healthy := true
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" || !healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	_, port, err := net.SplitHostPort(plain.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	const files = ", tls: {cert_file: not-looked-at.pem, key_file: not-looked-at.key}"
	for _, c := range []struct{ listen, says string }{
		{fmt.Sprintf("address: %q", plain.Listener.Addr()), ""},
		{fmt.Sprintf("address: %q", ":"+port), ""}, // every interface: then this one, too
		{fmt.Sprintf("address: %q%s", secure.Listener.Addr(), files), ""},
		{fmt.Sprintf("address: %q", secure.Listener.Addr()), "400"},
		{`address: "127.0.0.1:1"`, "refused"},
		{`address: nowhere`, "nowhere"},
	} {
		file := filepath.Join(t.TempDir(), "gatehouse.yaml")
		// Nothing else of the configuration is looked at, and no secret.
		text := "broker: {password_file: missing}\nlisten: {operations: {" + c.listen + "}}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, healthy = range []bool{true, false} {
			var out bytes.Buffer
			err := checkLive(t.Context(), &out, file)
			switch {
			case healthy && c.says == "":
				if err != nil || !strings.HasPrefix(out.String(), "live ") {
					t.Errorf("%s: %v, %q", c.listen, err, out.String())
				}
			case err == nil:
				t.Errorf("%s: no complaint (healthy: %v)", c.listen, healthy)
			case c.says != "" && !strings.Contains(err.Error(), c.says):
				t.Errorf("%s: %v, want %s", c.listen, err, c.says)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	if err := os.WriteFile(file, []byte("listen: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkLive(t.Context(), new(bytes.Buffer), file); err == nil || !strings.Contains(err.Error(), "no listen.operations") {
		t.Errorf("without the door: %v", err)
	}
}
