package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse/adapters/internal/httpcall"
)

// Client posts messages as JSON and asks for reports: the command line does. It keeps no state and is safe
// for concurrent use when HTTP is.
type Client struct {
	URL string
	// Username and Password go as HTTP Basic, unless Username is empty.
	Username, Password string
	// HTTP sends the requests; nil means http.DefaultClient.
	HTTP *http.Client
	// Header is added to every request; it may be nil.
	Header http.Header
}

// Refusal is an answer that is a problem document. It is an error.
type Refusal struct {
	Body    []byte // as it came
	Problem Problem
}

// Error renders status, code and what is wrong.
func (r *Refusal) Error() string {
	return fmt.Sprintf("problem %s (HTTP %d): %s", r.Problem.Code, r.Problem.Status, r.Problem.Detail)
}

// Post sends a message under a key, unless that is empty, and returns the reply. An
// answer that is a problem document is a *Refusal in the error; any other error means
// that the message's fate is unknown.
func (c *Client) Post(ctx context.Context, key string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("calling %q: %w", c.URL, err)
	}
	req.Header.Set("Content-Type", mediaJSON)
	if key != "" {
		req.Header.Set(headerKey, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key)+`"`)
	}
	return c.do(req)
}

// Get asks for what is at the URL, and returns it as it comes. The errors are those of
// Post.
func (c *Client) Get(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("calling %q: %w", c.URL, err)
	}
	return c.do(req)
}

// do sends a request with what the client shows.
func (c *Client) do(req *http.Request) ([]byte, error) {
	for name, values := range c.Header {
		req.Header[name] = values
	}
	if c.Username != "" {
		req.SetBasicAuth(c.Username, c.Password)
	}
	res, answer, err := httpcall.Do(c.HTTP, req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return answer, nil
	}
	refusal := &Refusal{Body: answer}
	if kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); kind != mediaProblem || json.Unmarshal(answer, &refusal.Problem) != nil {
		return nil, fmt.Errorf("HTTP %s, and no answer of a gateway: %q", res.Status, httpcall.Excerpt(answer))
	}
	return nil, refusal
}
