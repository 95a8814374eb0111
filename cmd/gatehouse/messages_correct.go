package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// maxPayload bounds a corrected payload.
const maxPayload = 16 << 20

// correct replays a message with another payload, once it has shown what differs.
func (f *deedFlags) correct(cmd *cobra.Command, id gateway.ID) (*gateway.Effect, error) {
	corrected, err := readPayload(cmd, f.payload)
	if err != nil {
		return nil, err
	}
	parked, err := findRecord(cmd.Context(), &f.remote, f.direct, id)
	if err != nil {
		return nil, err
	}
	return f.corrected(cmd, parked, corrected)
}

func readPayload(cmd *cobra.Command, name string) ([]byte, error) {
	from := cmd.InOrStdin()
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, usageError{fmt.Errorf("--payload: %w", err)}
		}
		defer file.Close()
		from = file
	}
	payload, err := io.ReadAll(io.LimitReader(from, maxPayload+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--payload: %w", err)
	case len(payload) > maxPayload:
		return nil, fmt.Errorf("--payload: %s has more than 16 MiB", name)
	case len(bytes.TrimSpace(payload)) == 0:
		return nil, fmt.Errorf("--payload: %s is empty", name)
	}
	return payload, nil
}

// corrected shows what differs, asks, and does it.
func (f *deedFlags) corrected(cmd *cobra.Command, parked *gateway.Record, payload []byte) (*gateway.Effect, error) {
	shown := cmd.OutOrStdout()
	if f.asJSON {
		shown = cmd.ErrOrStderr()
	}
	if !printRevision(shown, parked.Payload, payload) {
		return nil, errors.New("nothing differs from the payload that is parked; replay it without --payload")
	}
	if f.dryRun {
		return nil, nil
	}
	if err := confirm(cmd, "Replay it with this payload", f.yes); err != nil {
		return nil, err
	}
	if f.direct {
		var e *gateway.Effect
		err := withCore(cmd.Context(), f.remote.file, func(ctx context.Context, core *gateway.Gateway, by string) (err error) {
			e, err = core.Correct(ctx, parked.ID, payload, gateway.Act{By: by, Reason: f.reason})
			return err
		})
		return e, err
	}
	c, err := f.remote.client()
	if err != nil {
		return nil, err
	}
	e := &gateway.Effect{}
	what := struct {
		Payload []byte `json:"payload"`
		Reason  string `json:"reason"`
	}{payload, f.reason}
	return e, c.send(cmd.Context(), "messages/"+parked.ID.String()+"/correct", what, e)
}

// errNotConfirmed ends a command whose user has thought better of it.
var errNotConfirmed = errors.New("nothing was done")

// confirm asks, unless that was answered beforehand.
func confirm(cmd *cobra.Command, question string, yes bool) error {
	if yes {
		return nil
	}
	if in, ok := cmd.InOrStdin().(*os.File); !ok || !term.IsTerminal(int(in.Fd())) {
		return usageError{errors.New("there is no terminal to ask at whether that is meant; look at it with --dry-run, and use --yes")}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s? [y/N] ", question)
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errNotConfirmed
	}
	return nil
}

func newMessagesEdit() *cobra.Command {
	var f deedFlags
	cmd := &cobra.Command{
		Use:   "edit ID",
		Short: "Correct the payload of a parked message in an editor, and replay it",
		Long: `Correct the payload of a parked message in $VISUAL or $EDITOR, and replay it. What
differs is shown before anything is done; the payload that came stays on record.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID(args[0])
			if err != nil {
				return err
			}
			if err := checkReason(f.reason, true); err != nil {
				return err
			}
			e, err := f.edit(cmd, id)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			return printEffect(cmd.OutOrStdout(), e, f.asJSON)
		},
	}
	f.remote.add(cmd)
	directFlag(cmd, &f.direct)
	cmd.Flags().StringVar(&f.reason, "reason", "", "`text` that is kept with the act")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask whether what was shown is meant")
	return cmd
}

func (f *deedFlags) edit(cmd *cobra.Command, id gateway.ID) (*gateway.Effect, error) {
	parked, err := findRecord(cmd.Context(), &f.remote, f.direct, id)
	if err != nil {
		return nil, err
	}
	payload, err := edited(cmd, parked.Payload)
	if err != nil {
		return nil, err
	}
	return f.corrected(cmd, parked, payload)
}

// edited has the user change some text. The file is for nobody else, and gone
// afterwards.
func edited(cmd *cobra.Command, text []byte) ([]byte, error) {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	words := strings.Fields(editor)
	if len(words) == 0 {
		return nil, usageError{errors.New("neither $VISUAL nor $EDITOR names an editor; use `messages show --payload` and `messages replay --payload`")}
	}
	dir, err := os.MkdirTemp("", "gatehouse-edit-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "payload")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	run := exec.CommandContext(cmd.Context(), words[0], append(words[1:], file)...)
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, cmd.ErrOrStderr(), cmd.ErrOrStderr()
	if err := run.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w; nothing was done", words[0], err)
	}
	return os.ReadFile(file)
}
