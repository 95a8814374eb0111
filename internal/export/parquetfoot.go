package export

// foot is the struct FileMetaData, which ends a file.
func (p *parquetWriter) foot() []byte {
	t := &thrift{}
	t.begin()
	t.int32(1, 1)
	t.list(2, thriftStruct, p.root.elements())
	t.begin()
	t.text(4, "rows")
	t.int32(5, p.root.fields())
	t.end()
	p.root.describe(t)
	t.int64(3, p.total)
	t.list(4, thriftStruct, len(p.groups))
	for i := range p.groups {
		p.rowGroup(t, &p.groups[i])
	}
	t.list(5, thriftStruct, len(p.head))
	for _, pair := range p.head {
		t.begin()
		t.text(1, pair[0])
		t.text(2, Valid(pair[1]))
		t.end()
	}
	t.text(6, "gatehouse")
	t.end()
	return t.out
}

// fields is how many fields a group has.
func (g *parquetGroup) fields() int { return len(g.leaves) + len(g.children) }

// elements is how many elements the schema has for a group: itself, its columns, and for
// each child the list and what it repeats besides.
func (g *parquetGroup) elements() int {
	n := 1 + len(g.leaves)
	for _, c := range g.children {
		n += 2 + c.elements()
	}
	return n
}

// The repetition types.
const (
	required = 0
	optional = 1
	repeated = 2
)

// describe writes the schema below a group (SchemaElement).
func (g *parquetGroup) describe(t *thrift) {
	for _, l := range g.leaves {
		t.begin()
		t.int32(1, l.kind.physical)
		if l.kind.length > 0 {
			t.int32(2, l.kind.length)
		}
		t.int32(3, optional)
		t.text(4, l.column.Name)
		if l.kind.describe != nil {
			l.kind.describe(t)
		}
		t.end()
	}
	for _, c := range g.children {
		t.begin()
		t.int32(3, required)
		t.text(4, c.table.Name)
		t.int32(5, 1)
		t.int32(6, 3)
		t.within(10, func() { t.empty(3) })
		t.end()
		branch(t, repeated, "list", 1)
		branch(t, required, "element", c.fields())
		c.describe(t)
	}
}

func branch(t *thrift, repetition int, name string, children int) {
	t.begin()
	t.int32(3, repetition)
	t.text(4, name)
	t.int32(5, children)
	t.end()
}

// rowGroup writes the struct RowGroup.
func (p *parquetWriter) rowGroup(t *thrift, g *rowGroup) {
	var plain, packed int64
	t.begin()
	t.list(1, thriftStruct, len(g.chunks))
	for i, c := range g.chunks {
		plain, packed = plain+c.plain, packed+c.packed
		t.begin()
		t.int64(2, c.offset)
		t.within(3, func() { p.leaves[i].meta(t, c) })
		t.end()
	}
	t.int64(2, plain)
	t.int64(3, g.rows)
	t.int64(6, packed)
	t.end()
}

// meta writes the struct ColumnMetaData.
func (l *leaf) meta(t *thrift, c chunkMeta) {
	t.int32(1, l.kind.physical)
	t.list(2, thriftI32, 2)
	t.out = append(t.out, encodingPlain<<1, encodingRLE<<1) // zigzag
	t.list(3, thriftBinary, len(l.path))
	for _, name := range l.path {
		t.binary(name)
	}
	t.int32(4, codecGZIP)
	t.int64(5, c.values)
	t.int64(6, c.plain)
	t.int64(7, c.packed)
	t.int64(9, c.offset)
}
