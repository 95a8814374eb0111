package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/soap"
	"github.com/gatehouse/gatehouse/internal/coverage"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/plural"
)

type casesFlags struct {
	config         string
	update, asJSON bool
	least          minimum
	verbose        bool
}

func newMappingTest() *cobra.Command {
	var f casesFlags
	cmd := &cobra.Command{
		Use:   "test [FOLDER or cases.yaml]...",
		Short: "Play cases: messages, and what has to come of them; tell what no case touches",
		Long: `Play the cases of a project: send messages in order to its gateway, on a new SQLite
store with the project's migrations, and compare the answers, the tables and the
events with files. No server is needed: the broker is embedded, and the users of
cases.yaml stand in for the directory.

A folder with cases.yaml is a case book. Without arguments all books in the folders of
the project's mappings are played, each on a store of its own.

  users: {erp: {password: secret, groups: [erp-users]}}
  cases:
    - {case: order, send: order.xml, to: orders/OrderService, as: erp}
    - {case: price, send: price.json, queue: in.prices, as: erp, message_id: m-1}

<case>.answer holds what the sender is told, tables.txt the rows in the end, events.txt
what was published. --update writes these files instead of comparing.

Then it tells which rules of the mappings no case has touched, and which branches of
their contracts: what may be absent and never was, values that never came.`,
		Example: "  gatehouse mapping test\n  gatehouse mapping test mappings/cases --min 90 --min-branches 60",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.least.rules < 0 || f.least.rules > 100 {
				return usageError{fmt.Errorf("--min: %v is no percentage", f.least.rules)}
			}
			if f.least.branches < 0 || f.least.branches > 100 {
				return usageError{fmt.Errorf("--min-branches: %v is no percentage", f.least.branches)}
			}
			return f.run(cmd.Context(), cmd.OutOrStdout(), args)
		},
	}
	configFlag(cmd, &f.config)
	cmd.Flags().BoolVar(&f.update, "update", false, "write the expected files instead of comparing")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "list every gap of the contracts, too")
	cmd.Flags().Float64Var(&f.least.rules, "min", 0, "fail when less than `percent` of the rules of a mapping are touched")
	cmd.Flags().Float64Var(&f.least.branches, "min-branches", 0, "fail when less than `percent` of the branches of a mapping's contract are touched")
	return cmd
}

// playbill is what came of playing case books.
type playbill struct {
	Books    []*bookResult    `json:"books"`
	Coverage []*mappingResult `json:"coverage"`

	min minimum
}

// minimum is how many percent of each there have to be.
type minimum struct{ rules, branches float64 }

type bookResult struct {
	Folder string        `json:"folder"`
	Cases  []*caseResult `json:"cases"`
	Rest   []string      `json:"rest,omitempty"` // what tables and events differ in
	Fault  string        `json:"fault,omitempty"`
	Took   time.Duration `json:"-"`

	files []string
}

type caseResult struct {
	Case    string `json:"case"`
	OK      bool   `json:"ok"`
	Answer  string `json:"answer"` // its first line
	Differs string `json:"differs,omitempty"`
}

type mappingResult struct {
	Mapping         string          `json:"mapping"`
	File            string          `json:"file"`
	Rules           *coverage.Score `json:"rules"`
	RulesPercent    float64         `json:"rules_percent"`
	Contract        *coverage.Score `json:"contract"`
	ContractPercent float64         `json:"contract_percent"`
	Low             bool            `json:"low"`
	ContractLow     bool            `json:"contract_low"`
}

func (f *casesFlags) run(ctx context.Context, out io.Writer, args []string) error {
	p, err := readProject(f.config)
	if err != nil {
		return err
	}
	c, err := p.compile()
	if err := errors.Join(append(c.broken, err)...); err != nil {
		return err
	}
	folders, err := p.caseFolders(args)
	if err != nil {
		return err
	}
	bill := &playbill{min: f.least, Books: []*bookResult{}, Coverage: []*mappingResult{}}
	rules := newRuleBook(c.stored())
	for _, folder := range folders {
		book := f.play(ctx, folder, rules)
		bill.Books = append(bill.Books, book)
		if !f.asJSON {
			book.print(out)
		}
	}
	bill.cover(c.stored(), rules, len(args) > 0)
	if f.asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(bill); err != nil {
			return err
		}
	} else {
		bill.print(out, f.verbose)
	}
	return bill.verdict()
}

// caseFolders are the case books named, or all in the folders of the mappings.
func (p *project) caseFolders(args []string) ([]string, error) {
	var out []string
	for _, arg := range args {
		if filepath.Base(arg) == "cases.yaml" {
			arg = filepath.Dir(arg)
		}
		if !fileExists(filepath.Join(arg, "cases.yaml")) {
			return nil, usageError{fmt.Errorf("there is no %s", filepath.Join(arg, "cases.yaml"))}
		}
		out = append(out, arg)
	}
	if len(args) > 0 {
		return out, nil
	}
	for _, r := range p.Routes {
		err := filepath.WalkDir(filepath.Dir(string(r.Mapping)), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Name() == "cases.yaml" && !slices.Contains(out, filepath.Dir(path)) {
				out = append(out, filepath.Dir(path))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no folder of the project's mappings has a cases.yaml")
	}
	slices.Sort(out)
	return out, nil
}

// ruleBook has the notes of every mapping, by file: each book compiles them anew,
// and the rules are the same.
type ruleBook struct {
	rules    map[string]*coverage.Rules
	branches map[string]*coverage.Branches
	mappings []*mapping.Mapping
}

func newRuleBook(mappings []*mapping.Mapping) *ruleBook {
	b := &ruleBook{rules: map[string]*coverage.Rules{}, branches: map[string]*coverage.Branches{}, mappings: mappings}
	for _, m := range mappings {
		b.rules[m.File] = coverage.NewRules(m)
		b.branches[m.File] = coverage.NewBranches(m.Contract, m.Operation)
	}
	return b
}

// watching notes what becomes of a mapping's rules.
func (b *ruleBook) watching(m *mapping.Mapping) *mapping.Mapping { return b.rules[m.File].Watch(m) }

// note takes a message of a case for the contract it is valid by.
func (b *ruleBook) note(file string) {
	limit := int64(soap.Config{}.Effective().MaxBodyBytes)
	for _, m := range b.mappings {
		p, err := readPaper(file, limit)
		if err != nil {
			return // the case has told
		}
		if p.input(m) == nil {
			b.branches[m.File].Note(p.in.Payload)
		}
		p.release()
	}
}

func (f *casesFlags) play(ctx context.Context, folder string, rules *ruleBook) *bookResult {
	begun := time.Now()
	r := &bookResult{Folder: folder, Cases: []*caseResult{}}
	if err := f.perform(ctx, r, rules); err != nil {
		r.Fault = err.Error()
	}
	slices.Sort(r.files)
	for _, file := range slices.Compact(r.files) {
		rules.note(file)
	}
	r.Took = time.Since(begun)
	return r
}

func (f *casesFlags) perform(ctx context.Context, r *bookResult, rules *ruleBook) (err error) {
	book, err := readCases(r.Folder)
	if err != nil {
		return err
	}
	s, err := openStage(ctx, f.config, book, rules.watching)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c := &comparison{dir: book.dir, update: f.update}
	answers := 0
	err = s.play(ctx, book, c, func(one messageCase, answer string, differs error) {
		result := &caseResult{Case: one.Case, OK: differs == nil, Answer: strings.SplitN(answer, "\n", 2)[0]}
		if differs != nil {
			result.Differs = differs.Error()
			answers++
		}
		r.Cases = append(r.Cases, result)
		r.files = append(r.files, filepath.Join(book.dir, one.Send))
	})
	for _, fault := range c.faults[answers:] {
		r.Rest = append(r.Rest, fault.Error())
	}
	return err
}

func (b *playbill) cover(mappings []*mapping.Mapping, rules *ruleBook, touchedOnly bool) {
	var seen []string
	for _, m := range mappings {
		r := rules.rules[m.File]
		if slices.Contains(seen, m.File) || touchedOnly && !r.Touched() {
			continue
		}
		seen = append(seen, m.File)
		score, branches := r.Score(), rules.branches[m.File].Score()
		b.Coverage = append(b.Coverage, &mappingResult{Mapping: m.Name, File: m.File, Rules: score, RulesPercent: rounded(score.Percent()),
			Contract: branches, ContractPercent: rounded(branches.Percent()), Low: score.Percent() < b.min.rules, ContractLow: branches.Percent() < b.min.branches})
	}
}

// rounded cuts to tenths: 99.96 is not 100.
func rounded(percent float64) float64 { return float64(int(percent*10)) / 10 }

func (r *bookResult) print(out io.Writer) {
	fmt.Fprintf(out, "%s\n", r.Folder)
	for _, c := range r.Cases {
		verdict := "ok  "
		if !c.OK {
			verdict = "FAIL"
		}
		fmt.Fprintf(out, "  %s %-30s %s\n", verdict, c.Case, oneLine(c.Answer))
		if !c.OK {
			fmt.Fprint(out, indent(indent(inertText(c.Differs))))
		}
	}
	for _, text := range r.Rest {
		fmt.Fprintf(out, "  FAIL %s", strings.TrimLeft(indent(indent(inertText(text))), " "))
	}
	if r.Fault != "" {
		fmt.Fprintf(out, "  FAIL %s\n", inertText(r.Fault))
	}
	fmt.Fprintf(out, "  %d of %s, %.1f s\n", r.agreeing(), plural.Of(len(r.Cases), "case agrees", "cases agree"), r.Took.Seconds())
}

func (r *bookResult) agreeing() int {
	n := 0
	for _, c := range r.Cases {
		if c.OK {
			n++
		}
	}
	return n
}

func (b *playbill) print(out io.Writer, all bool) {
	for _, m := range b.Coverage {
		fmt.Fprintf(out, "%s: %.1f %% of the rules (%d of %d), %.1f %% of the contract's branches (%d of %d)\n", m.File,
			m.RulesPercent, m.Rules.Touched, m.Rules.Points, m.ContractPercent, m.Contract.Touched, m.Contract.Points)
		for _, g := range m.Rules.Gaps {
			fmt.Fprintf(out, "  %s: %s\n", g.At, g.What)
		}
		for i, g := range m.Contract.Gaps {
			if i == someGaps && !all {
				fmt.Fprintf(out, "  and %d more of the contract; -v lists them\n", len(m.Contract.Gaps)-i)
				break
			}
			fmt.Fprintf(out, "  %s: %s\n", g.At, g.What)
		}
	}
}

// someGaps is how many gaps of a contract are listed unless all are wanted.
const someGaps = 10

func (b *playbill) verdict() error {
	var faults []error
	for _, r := range b.Books {
		if n := len(r.Cases) - r.agreeing() + len(r.Rest); n > 0 || r.Fault != "" {
			faults = append(faults, fmt.Errorf("%s: the cases do not agree", r.Folder))
		}
	}
	for _, m := range b.Coverage {
		if m.Low {
			faults = append(faults, fmt.Errorf("%s: %.1f %% of the rules are touched, less than %g %%", m.File, m.RulesPercent, b.min.rules))
		}
		if m.ContractLow {
			faults = append(faults, fmt.Errorf("%s: %.1f %% of the contract's branches are touched, less than %g %%", m.File, m.ContractPercent, b.min.branches))
		}
	}
	return errors.Join(faults...)
}
