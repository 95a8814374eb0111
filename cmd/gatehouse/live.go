package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// liveTimeout bounds check --live, connecting included.
const liveTimeout = 3 * time.Second

// checkLive asks the running gateway of a configuration whether it lives. It is
// the health check of an image that holds nothing but this binary, so it looks
// at nothing of the configuration but listen.operations, and at no secret.
func checkLive(ctx context.Context, out io.Writer, file string) error {
	src, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	root, err := config.Parse(file, src)
	if err != nil {
		return err
	}
	n := root.Get("listen").Get("operations")
	if n == nil {
		return fmt.Errorf("%s has no listen.operations: nobody answers for its health", file)
	}
	base, err := operationsURL(n)
	if err != nil {
		return err
	}
	return alive(ctx, out, base.JoinPath("healthz").String())
}

func alive(ctx context.Context, out io.Writer, url string) error {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// This machine is asked, through no proxy, and nothing is told it: whether
	// its certificate has expired or names another host is not the question.
	here := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := here.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	_, err = fmt.Fprintf(out, "live      %s\n", url)
	return err
}
