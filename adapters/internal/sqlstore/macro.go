package sqlstore

import (
	"regexp"
	"strings"
)

// Expand replaces {word argument …} in a statement by what word returns for its
// arguments. Dialects build their Text on it.
func Expand(statement string, word func(name string, args []string) string) string {
	return macro.ReplaceAllStringFunc(statement, func(m string) string {
		parts := strings.Fields(m[1 : len(m)-1])
		return word(parts[0], parts[1:])
	})
}

var macro = regexp.MustCompile(`\{[a-z_]+(?: [@a-z0-9_]+)*\}`)
