package document

import "unicode/utf8"

// Classes of ASCII bytes; bytes of 0x80 and above have none.
const (
	classSpace     = 1 << iota // S (XML 1.0 §2.3)
	classNameStart             // NCNameStartChar
	className                  // NCNameChar
	classText                  // stands for itself in text and starts nothing there
	classValue                 // stands for itself in an attribute value, quotes aside
)

// classes is a constant table; nothing writes to it.
var classes = [256]uint8{
	'\t': classSpace | classText, '\n': classSpace | classText, '\r': classSpace, ' ': classSpace | classText | classValue,
	'!': plain, '#': plain, '$': plain, '%': plain, '(': plain, ')': plain, '*': plain, '+': plain, ',': plain,
	'/': plain, ':': plain, ';': plain, '=': plain, '>': plain, '?': plain, '@': plain, '[': plain, '\\': plain,
	'^': plain, '`': plain, '{': plain, '|': plain, '}': plain, '~': plain, 0x7F: plain,
	'"': classText, '\'': classText, ']': classValue,
	'-': plain | className, '.': plain | className, '_': letter,
	'0': digit, '1': digit, '2': digit, '3': digit, '4': digit, '5': digit, '6': digit, '7': digit, '8': digit, '9': digit,
	'A': letter, 'B': letter, 'C': letter, 'D': letter, 'E': letter, 'F': letter, 'G': letter, 'H': letter, 'I': letter,
	'J': letter, 'K': letter, 'L': letter, 'M': letter, 'N': letter, 'O': letter, 'P': letter, 'Q': letter, 'R': letter,
	'S': letter, 'T': letter, 'U': letter, 'V': letter, 'W': letter, 'X': letter, 'Y': letter, 'Z': letter,
	'a': letter, 'b': letter, 'c': letter, 'd': letter, 'e': letter, 'f': letter, 'g': letter, 'h': letter, 'i': letter,
	'j': letter, 'k': letter, 'l': letter, 'm': letter, 'n': letter, 'o': letter, 'p': letter, 'q': letter, 'r': letter,
	's': letter, 't': letter, 'u': letter, 'v': letter, 'w': letter, 'x': letter, 'y': letter, 'z': letter,
}

const (
	plain  = classText | classValue
	digit  = plain | className
	letter = digit | classNameStart
)

func isSpace(c byte) bool { return classes[c]&classSpace != 0 }

// isChar is the production Char (XML 1.0 §2.2).
func isChar(r rune) bool {
	switch {
	case r < 0x20:
		return r == '\t' || r == '\n' || r == '\r'
	case r <= 0xD7FF:
		return true
	}
	return r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}

// nameStartRanges are the NCNameStartChar of 0x80 and above (XML 1.0 §2.3).
var nameStartRanges = [...][2]rune{
	{0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFF}, {0x200C, 0x200D},
	{0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
}

// isWideNameStart judges characters of 0x80 and above.
func isWideNameStart(r rune) bool {
	for _, span := range nameStartRanges {
		if r >= span[0] && r <= span[1] {
			return true
		}
	}
	return false
}

// isWideName judges characters of 0x80 and above.
func isWideName(r rune) bool {
	return isWideNameStart(r) || r == 0xB7 || r >= 0x300 && r <= 0x36F || r >= 0x203F && r <= 0x2040
}
