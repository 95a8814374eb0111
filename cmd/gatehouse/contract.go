package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/contract"
)

func newContract() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "contract",
		Short: "Look at a WSDL or XSD",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newContractMock())
	return cmd
}

// rootFlag adds --root, the folder that a contract's references may reach into.
func rootFlag(cmd *cobra.Command, root *string) {
	cmd.Flags().StringVar(root, "root", "", "read nothing outside of this `folder` (default: the contract's folder)")
}

// loadContractFile reads the WSDL or XSD at a path with what it refers to.
func loadContractFile(file, root string) (*contract.Contract, error) {
	if root == "" {
		root = filepath.Dir(file)
	}
	rel, err := filepath.Rel(root, file)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, usageError{errors.New("--root: " + file + " is not in " + root)}
	}
	return contract.Load(os.DirFS(root), filepath.ToSlash(rel))
}
