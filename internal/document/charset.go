package document

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// charset is an encoding this package can read, by what its code units are.
type charset struct {
	name  string
	order binary.ByteOrder // UTF-16
	page  *charmap.Charmap // one byte for a character
	ascii bool
}

var (
	utf8Set  = charset{name: "UTF-8"}
	utf16BE  = charset{name: "UTF-16BE", order: binary.BigEndian}
	utf16LE  = charset{name: "UTF-16LE", order: binary.LittleEndian}
	utf16Any = charset{name: "UTF-16"}
)

// charsetNamed finds an encoding by its IANA name or a usual alias, in any case.
func charsetNamed(name string) (charset, bool) {
	switch strings.ToLower(name) {
	case "utf-8", "utf8":
		return utf8Set, true
	case "utf-16", "utf16", "unicode", "iso-10646-ucs-2":
		return utf16Any, true
	case "utf-16le":
		return utf16LE, true
	case "utf-16be":
		return utf16BE, true
	case "us-ascii", "ascii":
		return charset{name: "US-ASCII", ascii: true}, true
	}
	page := codePage(strings.ToLower(name))
	return charset{name: name, page: page}, page != nil
}

func codePage(name string) *charmap.Charmap {
	switch name {
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "l1":
		return charmap.ISO8859_1
	case "iso-8859-2", "latin2":
		return charmap.ISO8859_2
	case "iso-8859-15", "latin-9", "latin9":
		return charmap.ISO8859_15
	case "windows-1250", "cp1250":
		return charmap.Windows1250
	case "windows-1251", "cp1251":
		return charmap.Windows1251
	case "windows-1252", "cp1252":
		return charmap.Windows1252
	case "windows-1253", "cp1253":
		return charmap.Windows1253
	case "windows-1254", "cp1254":
		return charmap.Windows1254
	case "windows-1255", "cp1255":
		return charmap.Windows1255
	case "windows-1256", "cp1256":
		return charmap.Windows1256
	case "windows-1257", "cp1257":
		return charmap.Windows1257
	case "windows-1258", "cp1258":
		return charmap.Windows1258
	}
	return nil
}

// ToUTF8 returns a document as UTF-8 that a reader of UTF-8 takes: the encoding
// its XML declaration names is rewritten to UTF-8. It returns src itself when
// there is nothing to do. Line numbers stay, and columns count the new bytes.
//
// The encoding is, in this order: what a byte order mark says; charset, the
// parameter of the Content-Type (RFC 7303 §3), empty when there was none; the
// shape of UTF-16; the XML declaration; UTF-8. A byte order mark that
// contradicts charset, an encoding not known here, and bytes that are not of
// the encoding are errors: nothing is ever guessed or replaced.
func ToUTF8(src []byte, name string) ([]byte, error) {
	text, _, err := Decode(src, name)
	return text, err
}

func detect(src []byte, name string) (charset, error) {
	marked, hasMark := byteOrderMark(src)
	if name == "" {
		if hasMark {
			return marked, nil
		}
		return undeclared(src)
	}
	set, ok := charsetNamed(name)
	switch {
	case !ok:
		return charset{}, fmt.Errorf("charset %.40q is not known here", name)
	case hasMark && !strings.HasPrefix(marked.name, set.name):
		return charset{}, fmt.Errorf("charset %.40q contradicts the byte order mark of %s", name, marked.name)
	case hasMark:
		return marked, nil
	case set == utf16Any:
		return guessOrder(src), nil
	}
	return set, nil
}

func byteOrderMark(src []byte) (charset, bool) {
	switch {
	case bytes.HasPrefix(src, []byte(bom)):
		return utf8Set, true
	case bytes.HasPrefix(src, []byte{0xFE, 0xFF}):
		return utf16BE, true
	case bytes.HasPrefix(src, []byte{0xFF, 0xFE}):
		return utf16LE, true
	}
	return charset{}, false
}

// guessOrder tells the byte order of UTF-16 without a mark by its first <; big
// endian is the rule otherwise (RFC 2781 §4.3).
func guessOrder(src []byte) charset {
	if len(src) > 1 && src[0] != 0 && src[1] == 0 {
		return utf16LE
	}
	return utf16BE
}

// undeclared finds the encoding of a document that came without a charset
// (XML 1.0 appendix F).
func undeclared(src []byte) (charset, error) {
	if len(src) > 1 && (src[0] == 0) != (src[1] == 0) {
		return guessOrder(src), nil
	}
	d, _, ok := declarationOf(src)
	if !ok || d.encoding == "" {
		return utf8Set, nil
	}
	set, ok := charsetNamed(d.encoding)
	if !ok || set.order != nil || set == utf16Any {
		return charset{}, fmt.Errorf("the XML declaration names encoding %.40q, which is not known here or not what the bytes are", d.encoding)
	}
	return set, nil
}

// maxDeclaration is how far an XML declaration is looked for, in bytes.
const maxDeclaration = 1024

// declarationOf parses the XML declaration of a document in an encoding that
// has ASCII in it, and returns where its content starts.
func declarationOf(src []byte) (d xmlDeclaration, start int, ok bool) {
	if bytes.HasPrefix(src, []byte(bom)) {
		start = len(bom)
	}
	head := src[start:min(len(src), maxDeclaration)]
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		return d, 0, false
	}
	start += len("<?xml")
	body, _, ok := bytes.Cut(head[len("<?xml"):], []byte("?>"))
	if !ok {
		return d, 0, false
	}
	d, ok = parseDeclaration(string(body))
	return d, start, ok
}

func (c charset) decode(src []byte) ([]byte, error) {
	switch {
	case c.order != nil:
		return decodeUTF16(src, c.order)
	case c.page != nil:
		return decodePage(src, c)
	case c.ascii:
		return src, checkASCII(src)
	}
	return src, checkUTF8(src)
}

func checkASCII(src []byte) error {
	for i, c := range src {
		if c >= utf8.RuneSelf {
			return fmt.Errorf("byte 0x%02X at offset %d is not US-ASCII", c, i)
		}
	}
	return nil
}

func checkUTF8(src []byte) error {
	if utf8.Valid(src) {
		return nil
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			line, column := locate(string(src[:i+1]), i)
			return &SyntaxError{Encoding, line, column, fmt.Sprintf("byte 0x%02X is not UTF-8 there", src[i])}
		}
		i += n
	}
}

// decodeUTF16 decodes UTF-16 and drops its byte order mark.
func decodeUTF16(src []byte, order binary.ByteOrder) ([]byte, error) {
	if len(src)%2 != 0 {
		return nil, fmt.Errorf("a document in UTF-16 cannot have an odd number of bytes, %d", len(src))
	}
	dst := make([]byte, 0, len(src)/2+len(src)/8)
	for i := 0; i < len(src); i += 2 {
		r := rune(order.Uint16(src[i:]))
		if i == 0 && r == 0xFEFF {
			continue
		}
		if utf16.IsSurrogate(r) {
			low := rune(utf8.RuneError)
			if i += 2; i < len(src) {
				low = rune(order.Uint16(src[i:]))
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return nil, fmt.Errorf("half a surrogate pair at offset %d", i-2)
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, nil
}

// decodePage decodes an encoding of one byte for a character. The control
// characters 0x80 to 0x9F of ISO 8859 are refused, the mainframes' line end
// 0x85 excepted: nobody sends them, and many send Windows code pages under that
// name, whose euro signs and quotes would be stored as controls.
func decodePage(src []byte, c charset) ([]byte, error) {
	dst := make([]byte, 0, len(src)+len(src)/8)
	for i, b := range src {
		r := c.page.DecodeByte(b)
		if r == utf8.RuneError || r >= 0x80 && r <= 0x9F && r != 0x85 {
			return nil, fmt.Errorf("byte 0x%02X at offset %d is no character of %s", b, i, c.name)
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, nil
}

// renameEncoding makes the XML declaration say UTF-8. Blanks fill up what the
// name is shorter, so that columns stay.
func renameEncoding(text []byte) []byte {
	d, start, ok := declarationOf(text)
	if !ok || d.encoding == "" || namesUTF8(d.encoding) {
		return text
	}
	at := start + d.encodingAt
	end := at + len(d.encoding) + 1 // with the quote
	dst := make([]byte, 0, len(text)+len("UTF-8"))
	dst = append(dst, text[:at]...)
	dst = append(dst, "UTF-8"...)
	dst = append(dst, text[end-1])
	for range len(d.encoding) - len("UTF-8") {
		dst = append(dst, ' ')
	}
	return append(dst, text[end:]...)
}
