// Package httpcall is what the clients of the doors have in common: a request whose whole
// answer is read, within bounds. It knows nothing of what is asked and answered.
package httpcall

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// Do sends a request by client, nil being http.DefaultClient, and reads the answer. The
// errors say where the request went; none is about the answer's status.
func Do(client *http.Client, req *http.Request) (*http.Response, []byte, error) {
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("calling %s: %w", req.URL, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("reading the answer of %s (HTTP %d): %w", req.URL, res.StatusCode, err)
	case len(answer) > maxAnswer:
		return nil, nil, fmt.Errorf("the answer of %s is larger than %d bytes", req.URL, maxAnswer)
	}
	return res, answer, nil
}

// Excerpt is the beginning of an answer that nobody understands, for an error.
func Excerpt(answer []byte) string {
	const shown = 200
	return strings.ToValidUTF8(string(answer[:min(len(answer), shown)]), "\uFFFD")
}
