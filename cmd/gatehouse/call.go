package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

func newCall() *cobra.Command {
	var (
		user, passwordFile, action string
		q                          queueCall
		soap12, rested             bool
		with                       callCredentials
		timeout                    time.Duration
	)
	cmd := &cobra.Command{
		Use:   "call URL FILE",
		Short: "Send a message to a SOAP or REST endpoint or a queue and print the answer",
		Long: `Send FILE (- for standard input) to the SOAP endpoint at URL and print the reply.

FILE holds a whole envelope, or only the message, which is then put into one. The
password is read from --password-file, or from GATEHOUSE_PASSWORD; --cert and --key
show a client certificate, --token-file sends a bearer token. A fault is
printed with everything it says; the exit status is then 1.

With --rest the URL is that of a route, such as http://127.0.0.1:8080/api/submit-order,
and FILE the message as JSON; --message-id is its Idempotency-Key.

With --queue the URL is a broker's, amqp://host:port or amqps://host:port/vhost, and
FILE the message alone, as XML or JSON. What becomes of it is printed, and its
reply; unless it was stored, now or before, the exit status is 1. With --no-reply it is
put on the queue and nothing is waited for.`,
		Args: usage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := readPassword(user, passwordFile)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if rested && (q.queue != "" || soap12 || action != "") {
				return usageError{errors.New("--rest goes with none of --queue, --soap12 and --action")}
			}
			if q.queue != "" && with != (callCredentials{}) {
				return usageError{errors.New("--cert, --key, --ca and --token-file are for endpoints over HTTP")}
			}
			if q.queue != "" {
				q.user, q.password = user, password
				return q.call(ctx, cmd.OutOrStdout(), args[0], args[1])
			}
			if rested {
				client := rest.Client{URL: args[0], Username: user, Password: password}
				if client.HTTP, client.Header, err = with.open(user); err != nil {
					return err
				}
				return post(ctx, cmd.OutOrStdout(), client, q.id, args[1])
			}
			client := soap.Client{URL: args[0], Version: envelope.V11, Username: user, Password: password}
			if soap12 {
				client.Version = envelope.V12
			}
			if client.HTTP, client.Header, err = with.open(user); err != nil {
				return err
			}
			return call(ctx, cmd.OutOrStdout(), client, action, args[1])
		},
	}
	cmd.Flags().StringVarP(&user, "user", "u", "", "authenticate as this `login`")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "`file` with the password")
	with.add(cmd)
	cmd.Flags().StringVar(&action, "action", "", "SOAPAction or action parameter")
	cmd.Flags().BoolVar(&soap12, "soap12", false, "put a bare message into a SOAP 1.2 envelope")
	cmd.Flags().BoolVar(&rested, "rest", false, "post the message as JSON to a route")
	cmd.Flags().StringVar(&q.queue, "queue", "", "put the message on this `queue`")
	cmd.Flags().StringVar(&q.id, "message-id", "", "with --queue and --rest: the message's `id`")
	cmd.Flags().StringVar(&q.contentType, "content-type", "", "with --queue: the message's `type` (default: by the file's first character)")
	cmd.Flags().BoolVar(&q.noReply, "no-reply", false, "with --queue: wait for nothing")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "wait at most so long")
	return cmd
}

// callCredentials are what a call shows besides, or in place of, a password.
type callCredentials struct{ cert, key, ca, token string }

func (c *callCredentials) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.cert, "cert", "", "PEM `file` with the client certificate to show")
	cmd.Flags().StringVar(&c.key, "key", "", "PEM `file` with its key")
	cmd.Flags().StringVar(&c.ca, "ca", "", "PEM `file` with the authorities to trust, in place of the system's")
	cmd.Flags().StringVar(&c.token, "token-file", "", "`file` with a bearer token")
}

// open returns what sends requests with the credentials, and the header that goes
// with them. user is who sends a password; empty: nobody.
func (c *callCredentials) open(user string) (*http.Client, http.Header, error) {
	secure, err := config.TLS{CAFile: config.Path(c.ca), CertFile: config.Path(c.cert), KeyFile: config.Path(c.key)}.Load()
	if err != nil {
		return nil, nil, err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: secure, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment}}
	if c.token == "" {
		return client, nil, nil
	}
	if user != "" {
		return nil, nil, usageError{errors.New("there is one Authorization header: either --user or --token-file")}
	}
	token, err := os.ReadFile(c.token)
	if err != nil {
		return nil, nil, fmt.Errorf("--token-file: %w", err)
	}
	return client, http.Header{"Authorization": {"Bearer " + strings.TrimSpace(string(token))}}, nil
}

// post sends a file to a route and prints the reply, or the whole problem.
func post(ctx context.Context, out io.Writer, client rest.Client, key, file string) error {
	body, err := readInput(file)
	if err != nil {
		return err
	}
	reply, err := client.Post(ctx, key, body)
	if r, ok := errors.AsType[*rest.Refusal](err); ok {
		fmt.Fprintf(out, "%s\n", bytes.TrimSpace(r.Body))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n", bytes.TrimSpace(reply))
	return nil
}

func readPassword(user, file string) (string, error) {
	switch {
	case user == "":
		return "", nil
	case file == "":
		return os.Getenv("GATEHOUSE_PASSWORD"), nil
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(src), "\n"), "\r"), nil
}

func call(ctx context.Context, out io.Writer, client soap.Client, action, file string) error {
	body, err := readInput(file)
	if err != nil {
		return err
	}
	version, whole := envelopeOf(body)
	var reply *soap.Reply
	if whole {
		client.Version = version
		reply, err = client.Send(ctx, action, body)
	} else {
		reply, err = client.Call(ctx, action, body)
	}
	if f, ok := errors.AsType[*soap.Fault](err); ok && len(f.Detail) > 0 {
		fmt.Fprintf(out, "%s\n", f.Detail)
	}
	if err != nil {
		return err
	}
	if reply.Payload == nil {
		fmt.Fprintf(out, "HTTP %d, accepted\n", reply.Status)
		return nil
	}
	fmt.Fprintf(out, "%s\n", reply.Payload)
	return nil
}

func readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file)
}

// envelopeOf tells whether body is an envelope of its own, and of which version.
func envelopeOf(body []byte) (envelope.Version, bool) {
	utf8, err := document.ToUTF8(body, "")
	if err != nil {
		return envelope.V11, false
	}
	tree, err := document.Read(utf8)
	if err != nil {
		return envelope.V11, false
	}
	defer tree.Release()
	for _, v := range []envelope.Version{envelope.V11, envelope.V12} {
		if tree.Root().Name() == (document.Name{Space: v.Namespace(), Local: "Envelope"}) {
			return v, true
		}
	}
	return envelope.V11, false
}
