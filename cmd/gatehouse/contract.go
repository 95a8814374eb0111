package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/plural"
)

func newContract() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "contract",
		Short: "Look at a WSDL or XSD, compare versions, make samples, mock it",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newContractShow(), newContractDiff(), newContractSampleCommand(), newContractMock())
	return cmd
}

// rootFlag adds --root, the folder that a contract's references may reach into.
func rootFlag(cmd *cobra.Command, root *string) {
	cmd.Flags().StringVar(root, "root", "", "read nothing outside of this `folder` (default: the contract's folder, or the nearest above it that its references name)")
}

// brokenContract is a contract that does not load.
type brokenContract struct{ faults contract.Faults }

// Error renders one fault per line.
func (b brokenContract) Error() string { return b.faults.Error() }

// loadContractFile reads the WSDL or XSD at a path with what it refers to.
// Without a root it reaches as far up as references lead: what they do not name
// is not read. Faults are named by the file they are in, from where the user is.
func loadContractFile(file, root string) (*contract.Contract, error) {
	dir := filepath.Dir(file)
	climbing := root == ""
	if climbing {
		root = dir
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // reading a pipe might never end
		return nil, fmt.Errorf("%s is no file", file)
	}
	for {
		rel, err := filepath.Rel(root, path)
		if err != nil || !filepath.IsLocal(rel) {
			return nil, usageError{fmt.Errorf("--root: %s is not in %s", file, root)}
		}
		c, err := contract.Load(os.DirFS(root), filepath.ToSlash(rel))
		faults, broken := errors.AsType[contract.Faults](err)
		above := filepath.Dir(root)
		if !broken || !climbing || above == root || !faults.LeadOut() {
			for i := range faults {
				faults[i].Position.File = filepath.Join(dir, filepath.FromSlash(faults[i].Position.File))
			}
			if broken {
				return nil, brokenContract{faults}
			}
			return c, err
		}
		root = above
	}
}

// place is a position for programs.
type place struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

func placeOf(p contract.Position) place { return place{p.File, p.Line, p.Column} }

// remark is a note or fault of a contract.
type remark struct {
	place
	Message string `json:"message"`
}

func remarks(faults []contract.Fault) []remark {
	out := make([]remark, len(faults))
	for i, f := range faults {
		out[i] = remark{placeOf(f.Position), f.Message}
	}
	return out
}

// explainBroken prints the faults of a contract that does not load as JSON.
func explainBroken(out io.Writer, err error) error {
	broken, ok := errors.AsType[brokenContract](err)
	if !ok {
		return err
	}
	if err := printJSON(out, map[string]any{"faults": remarks(broken.faults)}); err != nil {
		return err
	}
	return fmt.Errorf("the contract does not load: %s", plural.Of(len(broken.faults), "fault", "faults"))
}
