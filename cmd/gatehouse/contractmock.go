package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/mock"
)

func newContractMock() *cobra.Command {
	var (
		m    mockFlags
		logs logFlags
	)
	cmd := &cobra.Command{
		Use:   "mock FILE",
		Short: "Serve a WSDL: check requests, answer with samples or recorded replies",
		Long: `Serve every service of a WSDL at the paths that the gateway has for it, until told
to stop (SIGTERM, SIGINT).

Requests are checked against the contract, with the faults that the gateway has for
them. What keeps it is answered with a full sample of the reply, or with a random
one when there is a --seed: the same request has the same answer. One-way messages
are taken (202). Any credentials do, and none.

--pairs names a folder of recorded pairs, NAME.request.xml and NAME.reply.xml, each
with the message alone or in an envelope. A request that is the recorded one gets the
recorded reply, which may be a Fault. Prefixes, comments and white space around
elements do not matter; a star as the whole content of an element, or as the whole
value of an attribute, stands for any. Pairs without a star come first, then by
name. A pair that breaks the contract is told at the start, with its place.`,
		Example: `  gatehouse contract mock wsdl/orders/orders.wsdl
  gatehouse contract mock wsdl/orders/orders.wsdl --pairs recorded --listen 127.0.0.1:9000`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			log, err := logs.logger()
			if err != nil {
				return err
			}
			c, pairs, err := m.read(args[0])
			if err != nil {
				return err
			}
			core := mock.New(c, pairs, m.seed, log)
			no := false
			config := soap.Config{RequireTLSForPasswords: &no}
			listener, err := soap.Listen(cmd.Context(), m.listen)
			if err != nil {
				return err
			}
			server := soap.NewServer(config, listener, nil, soap.NewHandler(config, core, log), log)
			announceMock(cmd.OutOrStdout(), c, len(pairs), "http://"+server.Address().String())
			return server.Run(cmd.Context())
		},
	}
	rootFlag(cmd, &m.root)
	cmd.Flags().StringVar(&m.listen, "listen", "127.0.0.1:8088", "serve at this `address`, host:port")
	cmd.Flags().StringVar(&m.pairs, "pairs", "", "answer with the recorded pairs of this `folder`")
	cmd.Flags().Uint64Var(&m.seed, "seed", 0, "make random samples that follow from this `number`; 0 makes full ones")
	logs.add(cmd)
	return cmd
}

// mockFlags are what mock is asked for.
type mockFlags struct {
	root, listen, pairs string
	seed                uint64
}

// read loads the contract, under the name that the gateway has for it, and its
// pairs.
func (m mockFlags) read(file string) (*contract.Contract, []*mock.Pair, error) {
	c, err := loadContractFile(file, m.root)
	if err != nil {
		return nil, nil, err
	}
	if len(c.Services) == 0 {
		return nil, nil, fmt.Errorf("%s has no service with a SOAP port", file)
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, nil, err
	}
	c.System = filepath.Base(filepath.Dir(absolute))
	if m.pairs == "" {
		return c, nil, nil
	}
	pairs, err := mock.Pairs(c, os.DirFS(m.pairs))
	if faults, ok := errors.AsType[mock.Faults](err); ok {
		for i := range faults {
			faults[i] = filepath.Join(m.pairs, faults[i])
		}
		return nil, nil, faults
	}
	if err != nil {
		return nil, nil, fmt.Errorf("--pairs %s: %w", m.pairs, err)
	}
	return c, pairs, nil
}

// announceMock tells where the services are and what is not to be expected of them.
func announceMock(out io.Writer, c *contract.Contract, pairs int, base string) {
	for _, s := range c.Services {
		fmt.Fprintf(out, "%s/soap/%s/%s\n", base, url.PathEscape(c.System), url.PathEscape(s.Name))
		if reason := s.Degraded(); reason != "" {
			fmt.Fprintf(out, "  its messages are not checked against the schemas: %s\n", reason)
		}
		for _, op := range s.Operations {
			if op.Unsupported != "" {
				fmt.Fprintf(out, "  %s is not served: %s\n", op.Name, op.Unsupported)
			}
		}
	}
	fmt.Fprintf(out, "%d recorded pairs; any credentials are taken, and nothing is kept\n", pairs)
}
