package document

import (
	"slices"
	"unicode/utf8"
	"unsafe"
)

// Origin relates the text that Decode made to the bytes that it was made of. A
// nil Origin is of a text whose places are those of the bytes. It is for one
// goroutine at a time and keeps the text.
type Origin struct {
	text  string
	lines []int32 // where each line begins
	wide  bool    // UTF-16; else one byte for a character
	// The XML declaration of the text is longer by grown bytes after column
	// renamed of the first line.
	renamed, grown int
}

// Decode is ToUTF8 and tells where the places of the text were in src.
func Decode(src []byte, name string) ([]byte, *Origin, error) {
	set, err := detect(src, name)
	if err != nil {
		return nil, nil, err
	}
	decoded, err := set.decode(src)
	if err != nil {
		return nil, nil, err
	}
	text := renameEncoding(decoded)
	if set.order == nil && set.page == nil {
		return text, nil, nil
	}
	o := &Origin{text: unsafe.String(unsafe.SliceData(text), len(text)), wide: set.order != nil, grown: len(text) - len(decoded)}
	if d, start, ok := declarationOf(decoded); ok {
		o.renamed = start + d.encodingAt + 1
	}
	return text, o, nil
}

// Column returns where a place of the text stood in its line of the bytes as
// received: 1-based, in bytes, a byte order mark not counted. Lines are the same
// in both.
func (o *Origin) Column(line, column int) int {
	if o == nil || line < 1 || column < 1 {
		return column
	}
	if o.lines == nil {
		o.indexLines()
	}
	if line > len(o.lines) {
		return column
	}
	from := int(o.lines[line-1])
	to := min(from+column-1, len(o.text))
	received := 1
	for _, r := range o.text[from:to] {
		received += o.width(r)
	}
	if line == 1 && column > o.renamed {
		received -= o.grown * o.width(' ')
	}
	return received
}

// width is how many bytes a character had.
func (o *Origin) width(r rune) int {
	switch {
	case !o.wide:
		return 1
	case r > 0xFFFF && r <= utf8.MaxRune:
		return 4
	}
	return 2
}

func (o *Origin) indexLines() {
	o.lines = append(o.lines, 0)
	for i := range len(o.text) {
		if endsLine(o.text, i) {
			o.lines = append(o.lines, int32(i+1))
		}
	}
	o.lines = slices.Clip(o.lines)
}
