package export

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/view"
)

// What is held of a file at once: pages of so many bytes are compressed when they are
// full, less where there are so many columns that all together would have more than
// pagesBytes; and a row group is written when its pages have so many bytes, or so many
// rows.
const (
	pageBytes     = 256 << 10
	pagesBytes    = 8 << 20
	groupBytes    = 4 << 20
	groupRows     = 1 << 20
	maxColumns    = 2000
	parquetMagic  = "PAR1"
	codecGZIP     = 2
	encodingPlain = 0
	encodingRLE   = 3
)

// parquetWriter writes Apache Parquet: https://parquet.apache.org/docs/file-format.
// Every field can be null, because it need not be seen; children are lists (LIST) of
// groups. Pages are of the first version, in Plain encoding, compressed by gzip. It is
// written by hand because all that is needed of the format is here: see
// docs/decisions/0024-exports.md.
type parquetWriter struct {
	w      io.Writer
	offset int64
	root   *parquetGroup
	leaves []*leaf
	groups []rowGroup
	rows   int64 // of the row group
	total  int64
	held   int // bytes of pages, compressed or not
	full   int // bytes of a page
	head   [][2]string
	zip    *gzip.Writer
	plain  []byte // a page
	page   bytes.Buffer
}

// parquetGroup is a level of the schema: the rows of the table, or of a child.
type parquetGroup struct {
	table    *Table
	leaves   []*leaf
	children []*parquetGroup
	rep, def int
}

// leaf is one column of the file.
type leaf struct {
	column    *Column
	kind      parquetType
	path      []string
	rep, def  int // the greatest levels
	reps      []byte
	defs      []byte
	values    []byte
	bools     []byte
	chunk     []byte // pages, with their heads
	n         int64  // values of the chunk, nulls among them
	plainSize int64  // of the chunk, uncompressed
}

// rowGroup is what the end of the file says of one.
type rowGroup struct {
	rows   int64
	chunks []chunkMeta
}

type chunkMeta struct{ offset, values, plain, packed int64 }

// NewParquet begins a file.
func NewParquet(w io.Writer, t *Table, h *Head) (Writer, error) {
	p := &parquetWriter{w: w, head: h.Properties()}
	var err error
	if p.zip, err = gzip.NewWriterLevel(io.Discard, gzip.BestSpeed); err != nil {
		return nil, err
	}
	p.root = p.group(t, nil, 0, 0)
	if len(p.leaves) > maxColumns {
		return nil, fault.New(fault.CodeExport, "a Parquet file has at most %d columns, not %d", maxColumns, len(p.leaves))
	}
	p.full = min(pageBytes, pagesBytes/max(1, len(p.leaves)))
	var cut []string
	for _, l := range p.leaves {
		if cuts(&l.column.Type) {
			cut = append(cut, strings.Join(l.path, "."))
		}
	}
	if cut != nil {
		p.head = append(p.head, [2]string{"gatehouse.microseconds", strings.Join(cut, ",")})
	}
	return p, p.write([]byte(parquetMagic))
}

func (p *parquetWriter) group(t *Table, path []string, rep, def int) *parquetGroup {
	g := &parquetGroup{table: t, rep: rep, def: def}
	below := func(names ...string) []string { return append(append([]string(nil), path...), names...) }
	for i := range t.Columns {
		c := &t.Columns[i]
		l := &leaf{column: c, kind: parquetTypeOf(&c.Type), path: below(c.Name), rep: rep, def: def + 1}
		g.leaves, p.leaves = append(g.leaves, l), append(p.leaves, l)
	}
	for _, c := range t.Children {
		g.children = append(g.children, p.group(c, below(c.Name, "list", "element"), rep+1, def+1))
	}
	return g
}

func (p *parquetWriter) write(b []byte) error {
	n, err := p.w.Write(b)
	p.offset += int64(n)
	return err
}

// Write implements Writer.
func (p *parquetWriter) Write(row *view.Row) error {
	if err := Limited(p.root.table, row); err != nil {
		return err
	}
	p.rows++
	if err := p.take(p.root, row, 0); err != nil {
		return fault.New(fault.CodeExportValue, "row %d, %v", p.total+p.rows, err)
	}
	for _, l := range p.leaves {
		if len(l.values)+len(l.bools)+len(l.defs) >= p.full {
			if err := p.endPage(l); err != nil {
				return err
			}
		}
	}
	if p.held >= groupBytes || p.rows >= groupRows {
		return p.endGroup()
	}
	return nil
}

// take parts a row into the values of the leaves, with their levels.
func (p *parquetWriter) take(g *parquetGroup, row *view.Row, rep int) error {
	for i, l := range g.leaves {
		if err := l.add(Present(row, i), rep, g.def); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(l.path, "."), err)
		}
	}
	for i, c := range g.children {
		if i >= len(row.Children) || len(row.Children[i]) == 0 {
			c.none(rep, g.def)
			continue
		}
		at := rep
		for k := range row.Children[i] {
			if err := p.take(c, &row.Children[i][k], at); err != nil {
				return err
			}
			at = c.rep
		}
	}
	return nil
}

// none says that there are no rows at this place.
func (g *parquetGroup) none(rep, def int) {
	for _, l := range g.leaves {
		l.level(rep, def)
	}
	for _, c := range g.children {
		c.none(rep, def)
	}
}

func (l *leaf) level(rep, def int) {
	l.reps, l.defs = append(l.reps, byte(rep)), append(l.defs, byte(def))
}

// add adds a value in a row at a level of definition.
func (l *leaf) add(v view.Value, rep, def int) (err error) {
	if !v.Present {
		l.level(rep, def)
		return nil
	}
	l.level(rep, def+1)
	if l.kind.physical == physicalBool {
		l.bools, err = l.kind.put(l.bools, v)
		return err
	}
	l.values, err = l.kind.put(l.values, v)
	return err
}

// endPage compresses what a leaf has gathered. A page begins with a row.
func (p *parquetWriter) endPage(l *leaf) error {
	n := len(l.defs)
	if n == 0 {
		return nil
	}
	plain := p.plain[:0]
	if l.rep > 0 {
		plain = appendLevels(plain, l.reps, l.rep)
	}
	plain = appendLevels(plain, l.defs, l.def)
	plain = append(plain, l.values...)
	plain = append(plain, packed(l.bools)...)
	p.plain = plain
	p.page.Reset()
	p.zip.Reset(&p.page)
	if _, err := p.zip.Write(plain); err != nil {
		return err
	}
	if err := p.zip.Close(); err != nil {
		return err
	}
	head := pageHead(len(plain), p.page.Len(), n)
	l.chunk = append(append(l.chunk, head...), p.page.Bytes()...)
	p.held += len(head) + p.page.Len()
	l.plainSize += int64(len(head) + len(plain))
	l.n += int64(n)
	l.reps, l.defs, l.values, l.bools = l.reps[:0], l.defs[:0], l.values[:0], l.bools[:0]
	return nil
}

// pageHead is the struct PageHeader.
func pageHead(plain, packed, values int) []byte {
	t := &thrift{}
	t.begin()
	t.int32(1, 0) // a data page
	t.int32(2, plain)
	t.int32(3, packed)
	t.within(5, func() {
		t.int32(1, values)
		t.int32(2, encodingPlain)
		t.int32(3, encodingRLE)
		t.int32(4, encodingRLE)
	})
	t.end()
	return t.out
}

// appendLevels writes levels as runs, behind their length.
func appendLevels(out, levels []byte, most int) []byte {
	width := (bits.Len(uint(most)) + 7) / 8
	at := len(out)
	out = append(out, 0, 0, 0, 0)
	for i := 0; i < len(levels); {
		k := i + 1
		for k < len(levels) && levels[k] == levels[i] {
			k++
		}
		out = binary.AppendUvarint(out, uint64(k-i)<<1)
		for range width {
			out = append(out, levels[i]) // no level is past 255: a byte holds it
		}
		i = k
	}
	binary.LittleEndian.PutUint32(out[at:], uint32(len(out)-at-4))
	return out
}

// packed has one bit for each byte, the first one lowest.
func packed(bools []byte) []byte {
	out := make([]byte, (len(bools)+7)/8)
	for i, b := range bools {
		out[i/8] |= b << (i % 8)
	}
	return out
}

// endGroup writes the columns of the rows so far.
func (p *parquetWriter) endGroup() error {
	if p.rows == 0 {
		return nil
	}
	g := rowGroup{rows: p.rows}
	for _, l := range p.leaves {
		if err := p.endPage(l); err != nil {
			return err
		}
		g.chunks = append(g.chunks, chunkMeta{p.offset, l.n, l.plainSize, int64(len(l.chunk))})
		if err := p.write(l.chunk); err != nil {
			return err
		}
		l.chunk, l.n, l.plainSize = l.chunk[:0], 0, 0
	}
	p.groups = append(p.groups, g)
	p.total += p.rows
	p.rows, p.held = 0, 0
	return nil
}

// Close implements Writer.
func (p *parquetWriter) Close() error {
	if err := p.endGroup(); err != nil {
		return err
	}
	foot := p.foot()
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(foot)))
	return p.write(append(foot, parquetMagic...))
}
