package directory

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// ParseLDIF reads entries from LDIF content records (RFC 2849). Change records,
// URLs as values and base64 names are refused. The error names the line.
func ParseLDIF(src []byte) ([]Entry, error) {
	p := ldif{}
	for number, line := range unfold(string(src)) {
		if line.text == "" {
			p.flush()
			continue
		}
		if number == 0 && strings.HasPrefix(line.text, "version:") {
			continue
		}
		if err := p.add(line.text); err != nil {
			return nil, fmt.Errorf("LDIF line %d: %w", line.number, err)
		}
	}
	p.flush()
	return p.entries, nil
}

type ldifLine struct {
	number int
	text   string
}

// unfold joins continuation lines and drops comments (RFC 2849, notes 2 and 3).
func unfold(src string) []ldifLine {
	var out []ldifLine
	comment := false
	for i, text := range strings.Split(strings.ReplaceAll(src, "\r\n", "\n"), "\n") {
		switch {
		case strings.HasPrefix(text, "#"):
			comment = true
		case strings.HasPrefix(text, " ") && comment:
		case strings.HasPrefix(text, " ") && len(out) > 0:
			out[len(out)-1].text += text[1:]
		default:
			comment = false
			out = append(out, ldifLine{i + 1, text})
		}
	}
	return out
}

type ldif struct {
	entries []Entry
	open    bool
}

func (p *ldif) flush() { p.open = false }

func (p *ldif) add(line string) error {
	name, value, err := ldifValue(line)
	switch {
	case err != nil:
		return err
	case !p.open && name != "dn":
		return fmt.Errorf("an entry begins with dn:, not with %q", name)
	case !p.open:
		p.open = true
		p.entries = append(p.entries, Entry{DN: value, Attributes: make(map[string][]string)})
	case name == "changetype" || name == "dn":
		return fmt.Errorf("%s: has no place within an entry", name)
	default:
		e := p.entries[len(p.entries)-1]
		e.Attributes[name] = append(e.Attributes[name], value)
	}
	return nil
}

func ldifValue(line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" {
		return "", "", fmt.Errorf("%.40q is not name: value", line)
	}
	if encoded, ok := strings.CutPrefix(value, ":"); ok {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if err != nil {
			return "", "", fmt.Errorf("%s: %w", name, err)
		}
		return name, string(raw), nil
	}
	if strings.HasPrefix(value, "<") {
		return "", "", fmt.Errorf("%s: a URL as a value is not supported", name)
	}
	return name, strings.TrimLeft(value, " "), nil
}
