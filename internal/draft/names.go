package draft

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// maxName is how long a name is at most: constraints add to it, and 128 is what
// SQL Server takes.
const maxName = 56

// identifier makes a name of letters a to z, digits and underscores; otherwise
// when nothing is left.
func identifier(name, otherwise string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			b.WriteByte('_')
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]) || i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1])):
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	out := strings.Trim(b.String(), "_")
	for strings.Contains(out, "__") {
		out = strings.ReplaceAll(out, "__", "_")
	}
	switch {
	case out == "":
		return otherwise
	case out[0] >= '0' && out[0] <= '9':
		out = "n" + out
	}
	return clip(out)
}

func clip(name string) string {
	if len(name) <= maxName {
		return name
	}
	return strings.TrimRight(name[:maxName], "_")
}

// unique makes a name that is not taken, and takes it.
func unique(taken map[string]bool, name string) string {
	out := name
	for i := 2; taken[out]; i++ {
		suffix := fmt.Sprintf("_%d", i)
		out = strings.TrimRight(name[:min(len(name), maxName-len(suffix))], "_") + suffix
	}
	taken[out] = true
	return out
}

// tableName is the table of an element: without what only wraps.
func tableName(local string) string {
	name := identifier(local, "item")
	for _, suffix := range []string{"_request", "_message", "_input"} {
		if short := strings.TrimSuffix(name, suffix); short != name && short != "" {
			name = short
		}
	}
	if slices.Contains(reserved, name) {
		name += "_row"
	}
	return name
}

// columnNames names the columns of leaves: the last part of the path, and as much
// of what stands before as tells them apart. What stands in a part of a part is
// named with it: a name in the customer of an order is the customer's.
func columnNames(table string, leaves []*leaf, taken map[string]bool) []string {
	depth := make([]int, len(leaves))
	for i, l := range leaves {
		if n := len(l.at.names); n > 2 && !wrapping.MatchString(l.at.names[n-2]) && !says(l.at.names[n-1], l.at.names[n-2]) {
			depth[i] = 1
		}
	}
	name := func(i int) string {
		names := leaves[i].at.names
		return identifier(strings.Join(names[len(names)-min(depth[i]+1, len(names)):], "_"), "value")
	}
	for {
		count, longer := map[string][]int{}, false
		for i := range leaves {
			count[name(i)] = append(count[name(i)], i)
		}
		for word, same := range count {
			if len(same) == 1 && !taken[word] && !slices.Contains(reserved, word) {
				continue
			}
			for _, i := range same {
				if depth[i]+1 < len(leaves[i].at.names) {
					depth[i]++
					longer = true
				}
			}
		}
		if !longer {
			break
		}
	}
	out := make([]string, len(leaves))
	for i := range leaves {
		word := name(i)
		if word == "id" || slices.Contains(reserved, word) {
			word = clip(table + "_" + word)
		}
		out[i] = unique(taken, word)
	}
	return out
}

// wrapping are parts that say nothing of what stands in them.
var wrapping = regexp.MustCompile(`(?i)^(.*(request|response|type)|payload|body|data|header|content|message|msg|details?|info|input|output|in|out|arg[0-9]*|param(eter)?s?|results?|records?|root|document|envelope|object|item|value)$`)

// says reports whether a name says already what it belongs to, as OrderNumber in
// Order does.
func says(name, of string) bool {
	return strings.HasPrefix(identifier(name, ""), identifier(of, "-"))
}

// prefixes are those of the mapping's expressions, by namespace.
type prefixes struct {
	spaces []string
	by     map[string]string
}

func newPrefixes() *prefixes { return &prefixes{by: map[string]string{}} }

func (p *prefixes) name(n contract.Name) string {
	if n.Space == "" {
		return n.Local
	}
	prefix, ok := p.by[n.Space]
	if !ok {
		prefix = p.next(n.Space)
		p.by[n.Space] = prefix
		p.spaces = append(p.spaces, n.Space)
	}
	return prefix + ":" + n.Local
}

// next makes a prefix of the last word of a namespace.
func (p *prefixes) next(space string) string {
	words := strings.FieldsFunc(strings.ToLower(space), func(r rune) bool { return r < 'a' || r > 'z' })
	word := "m"
	for _, w := range words {
		if len(w) > 2 && !slices.Contains([]string{"urn", "http", "https", "www", "com", "org", "net", "xsd", "xml", "wsdl", "types", "schema", "schemas", "soap"}, w) {
			word = w
		}
	}
	word = word[:min(3, len(word))]
	out := word
	taken := func(prefix string) bool {
		for _, other := range p.by {
			if other == prefix {
				return true
			}
		}
		return prefix == "xs" || prefix == "xml" || prefix == "xsi" || prefix == "fn"
	}
	for i := 2; taken(out); i++ {
		out = fmt.Sprintf("%s%d", word, i)
	}
	return out
}

// reserved are words that a table or column cannot be called in SQL Server or
// SQLite without quotes.
var reserved = strings.Fields(`abort action add after all alter always analyze and any as asc attach authorization autoincrement
	backup before begin between break browse bulk by cascade case cast check checkpoint close clustered coalesce collate column commit compute
	conflict constraint contains containstable continue convert create cross current current_date current_time current_timestamp current_user cursor
	database dbcc deallocate declare default deferrable deferred delete deny desc detach disk distinct distributed do double drop dump each else end
	errlvl escape except exclude exclusive exec execute exists exit explain external fail fetch file fillfactor filter first following for foreign
	freetext freetexttable from full function generated glob goto grant group groups having holdlock identity identity_insert identitycol if ignore
	immediate in index indexed initially inner insert instead intersect into is isnull join key kill last left like limit lineno load match
	materialized merge national natural no nocheck nonclustered not nothing notnull null nullif nulls of off offset offsets on open opendatasource
	openquery openrowset openxml option or order others outer over partition percent pivot plan pragma preceding precision primary print proc procedure
	public query raise raiserror range read readtext reconfigure recursive references regexp reindex release rename replace replication restore restrict
	return returning revert revoke right rollback row rowcount rowguidcol rows rule save savepoint schema securityaudit select semantickeyphrasetable
	session_user set setuser shutdown some statistics system_user table tablesample temp temporary textsize then ties to top tran transaction trigger
	truncate try_convert tsequal unbounded union unique unpivot update updatetext use user using vacuum values varying view virtual waitfor when where
	while window with within without writetext`)
