package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/outbound"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

func newMapping() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mapping",
		Short: "Tools for those who write mappings",
		Args:  usage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMappingTry(), newMappingTest(), newMappingExplain(), newMappingInit(), newMappingSchema())
	return cmd
}

// chosen is a mapping that somebody named, with what stands around it.
type chosen struct {
	project  *project      // without a configuration only its folder is known
	compiled *compiled     // nil without a configuration
	route    *routeSection // nil when no route has the mapping
	mapping  *mapping.Mapping
}

// routeName is the route that messages of the mapping belong to.
func (c *chosen) routeName() string {
	if c.route != nil {
		return c.route.Route
	}
	return c.mapping.Name
}

// chooseMapping finds a mapping by its route, its own name or its file. Faults of
// other parts of the project do not matter. A file needs no configuration: its
// contract is looked for in the folders above it, unless a configuration is named.
func chooseMapping(config string, named bool, name string) (*chosen, error) {
	p, err := readProject(config)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named && fileExists(name):
		return looseMapping(name)
	case err != nil:
		return nil, err
	}
	c, faults := p.compile()
	faults = errors.Join(append(c.broken, faults)...)
	i, known := p.mappingNamed(c, name)
	switch {
	case i >= 0 && p.Routes[i].query:
		return nil, p.Routes[i].isQuery()
	case i >= 0 && c.mappings[i] == nil:
		return nil, faults
	case i >= 0:
		return &chosen{p, c, &p.Routes[i], c.mappings[i]}, nil
	case fileExists(name):
		m, err := p.unrouted(name, c.partners)
		return &chosen{p, c, nil, m}, err
	}
	return nil, usageError{fmt.Errorf("there is no route, mapping or file %q%s", name, didYouMean(name, known))}
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// mappingNamed is the route whose mapping is meant; -1 and all names when none is.
func (p *project) mappingNamed(c *compiled, name string) (int, []string) {
	var known []string
	for i, r := range p.Routes {
		own := ""
		if c.mappings[i] != nil {
			own = c.mappings[i].Name
		}
		if name == r.Route || name == own || samePath(name, string(r.Mapping)) {
			return i, nil
		}
		known = append(known, r.Route, string(r.Mapping))
		if own != "" && own != r.Route {
			known = append(known, own)
		}
	}
	return -1, known
}

func samePath(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}

// unrouted compiles a mapping file that no route has. What it publishes to the
// channels of partners is typed by their contracts.
func (p *project) unrouted(path string, partners map[string]*outbound.Partner) (*mapping.Mapping, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := mapping.Parse(path, src)
	if err != nil {
		return nil, err
	}
	c, err := p.loadContract(filepath.Join(p.dir, filepath.FromSlash(file.ContractPath())))
	if err != nil {
		return nil, err
	}
	sets, err := codeSetsBeside(file)
	if err != nil {
		return nil, err
	}
	file.Calls(called(partners))
	return mapping.Compile(file, c, sets...)
}

// codeSetsBeside reads the code sets of a mapping file that is named by its path.
func codeSetsBeside(file *mapping.File) ([]*mapping.CodeSet, error) {
	var faults config.Faults
	sets, err := codeSets(file, func(path string, named *config.Node) []byte {
		src, err := os.ReadFile(path)
		if err != nil {
			faults.Add(named.Fault("%v", err))
		}
		return src
	})
	return sets, errors.Join(faults.Err(), err)
}

// looseMapping compiles a mapping file that stands in no project. Contracts are
// named from the project's folder, which is the nearest above that has this one.
func looseMapping(path string) (*chosen, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := mapping.Parse(path, src)
	if err != nil {
		return nil, err
	}
	at, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	contract := filepath.FromSlash(file.ContractPath())
	for dir := filepath.Dir(at); ; dir = filepath.Dir(dir) {
		if fileExists(filepath.Join(dir, contract)) {
			p := &project{dir: dir}
			m, err := p.unrouted(path, nil)
			return &chosen{project: p, mapping: m}, err
		}
		if dir == filepath.Dir(dir) {
			return nil, fmt.Errorf("%s: there is no contract %s in any folder above; name the project's configuration with -c", path, file.ContractPath())
		}
	}
}
