package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// scriptSign signs an envelope, now, with NAME.key and NAME.pem.
func scriptSign(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: sign name from to")
	}
	s, err := wss.Key{CertFile: config.Path(ts.MkAbs(args[0] + ".pem")), KeyFile: config.Path(ts.MkAbs(args[0] + ".key"))}.Load()
	ts.Check(err)
	src, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	out, err := s.Sign(src, time.Now())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), out, 0o600))
}

// scriptAnswered posts a file over TLS, trusting ca.pem, and prints the answer, which
// has to have a status and to be signed with NAME.pem.
func scriptAnswered(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: answered name status url file")
	}
	authorities, err := wss.Certificates(config.Path(ts.MkAbs("ca.pem")))
	ts.Check(err)
	own, err := wss.Certificates(config.Path(ts.MkAbs(args[0] + ".pem")))
	ts.Check(err)
	roots := x509.NewCertPool()
	for _, c := range authorities {
		roots.AddCert(c)
	}
	body, err := os.ReadFile(ts.MkAbs(args[3]))
	ts.Check(err)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	res, err := client.Post(args[2], "text/xml; charset=utf-8", bytes.NewReader(body))
	ts.Check(err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(answer)
	ts.Check(err)
	if strconv.Itoa(res.StatusCode) != args[1] {
		ts.Fatalf("HTTP %d:\n%s", res.StatusCode, answer)
	}
	tree, err := document.Read(answer)
	ts.Check(err)
	defer tree.Release()
	v := &wss.Verifier{Trust: wss.TrustIn(authorities, nil), Window: time.Minute}
	signed, err := v.Verify(tree, wss.AllParts, time.Now())
	switch good := err == nil && signed.Certificate.Equal(own[0]); {
	case good == neg:
		ts.Fatalf("signed: %v, %v\n%s", good, err, answer)
	}
}
