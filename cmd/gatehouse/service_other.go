//go:build !windows

package main

import (
	"context"

	"github.com/spf13/cobra"
)

// underManager runs the program. Other service managers than Windows' start a
// process like any other and stop it by a signal.
func underManager(run func(context.Context) error) error { return run(context.Background()) }

// platformCommands are the commands of this platform only.
func platformCommands() []*cobra.Command { return nil }
