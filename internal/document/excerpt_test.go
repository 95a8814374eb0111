package document_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
)

func readExcerpt(t testing.TB, src string) *document.Tree {
	t.Helper()
	tree, err := document.Read([]byte(src))
	if err != nil {
		t.Fatalf("%v in\n%s", err, src)
	}
	t.Cleanup(tree.Release)
	return tree
}

// every lists an element and all in it.
func every(n document.Node, dst []document.Node) []document.Node {
	dst = append(dst, n)
	for c := range n.Children() {
		dst = every(c, dst)
	}
	return dst
}

func named(n document.Node, local string) (out []document.Node) {
	for _, e := range every(n, nil) {
		if e.Name().Local == local {
			out = append(out, e)
		}
	}
	return out
}

func TestExcerpt(t *testing.T) {
	tree := readExcerpt(t, `<?xml version="1.0"?>
<e xmlns="urn:a"><h><x/><y/></h>
  <g n='1'><t/> <p>1</p> <p>2</p> kept <p/> </g>
  <g n="2"><p>4</p></g><z/>
</e>
<!-- gone -->`)
	x := document.NewExcerpts(tree.Root(), named(tree.Root(), "p"), named(tree.Root(), "x"))
	want := []string{
		"<e xmlns=\"urn:a\"><h><y/></h>\n  <g n='1'><t/> <p>1</p> kept  </g><z/>\n</e>",
		"<e xmlns=\"urn:a\"><h><y/></h>\n  <g n='1'><t/> <p>2</p> kept  </g><z/>\n</e>",
		"<e xmlns=\"urn:a\"><h><y/></h>\n  <g n='1'><t/>  kept <p/> </g><z/>\n</e>",
		"<e xmlns=\"urn:a\"><h><y/></h>\n  <g n=\"2\"><p>4</p></g><z/>\n</e>",
	}
	around := 0
	for i, w := range want {
		got := string(x.Excerpt(i).Text)
		if got != w {
			t.Errorf("excerpt %d:\n%s\nwant\n%s", i, got, w)
		}
		around += len(got) - len([]string{"<p>1</p>", "<p>2</p>", "<p/>", "<p>4</p>"}[i])
	}
	if x.Around() != around {
		t.Errorf("around %d, want %d", x.Around(), around)
	}
}

// TestExcerptPlaces: every element of every excerpt is where it says in the whole,
// and nothing of another part is in it.
func TestExcerptPlaces(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		src := "<?xml version=\"1.0\"?>\n<r xmlns:q='urn:q'>" + randomContent(r, 4) + "<l><p>last</p></l></r>"
		tree := readExcerpt(t, src)
		x := document.NewExcerpts(tree.Root(), named(tree.Root(), "p"), named(tree.Root(), "w"))
		places := map[string]document.Node{}
		for _, n := range every(tree.Root(), nil) {
			places[place(n.Position())] = n
		}
		for i, part := range named(tree.Root(), "p") {
			e := x.Excerpt(i)
			cut := readExcerpt(t, string(e.Text))
			found := named(cut.Root(), "p")
			if len(found) != 1 || string(found[0].Source()) != string(part.Source()) || len(named(cut.Root(), "w")) > 0 {
				t.Fatalf("seed %d, part %d of\n%s\nis\n%s", seed, i, src, e.Text)
			}
			e.Found(found[0])
			for _, n := range every(cut.Root(), nil) {
				whole, ok := places[place(e.Place(n.Position()))]
				if !ok || whole.Name() != n.Name() {
					t.Fatalf("seed %d: %s of excerpt %d is nowhere in\n%s", seed, n.Path(), i, src)
				}
				if within(n, found[0]) && e.Path(n.Path()) != whole.Path() {
					t.Errorf("seed %d: path %s of %s is taken for %s", seed, n.Path(), whole.Path(), e.Path(n.Path()))
				}
			}
		}
	}
}

func place(line, column int) string { return fmt.Sprint(line, ":", column) }

func within(n, in document.Node) bool {
	for ; n.Exists(); n = n.Parent() {
		if n == in {
			return true
		}
	}
	return false
}

// randomContent nests groups, parts that hold anything but parts, and what is left
// out.
func randomContent(r *rand.Rand, depth int) string {
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteString([]string{"", " ", "\n\t", "\r\n", "\r", "é", "<!--p-->", "<![CDATA[<p>]]>"}[r.IntN(8)])
		switch k := r.IntN(6); {
		case k == 0 && depth > 0:
			fmt.Fprintf(&b, "<l a='%d'>%s</l>", r.IntN(9), randomContent(r, depth-1))
		case k == 1:
			fmt.Fprintf(&b, "<p>%d<i/>\n<i q:b='>'/></p>", r.IntN(9))
		case k == 2:
			b.WriteString("<p/>")
		case k == 3:
			b.WriteString("<w><v/></w>")
		case k == 4:
			b.WriteString("<o>\n<i/></o>")
		}
	}
	return b.String()
}

// TestManyExcerpts costs no more than what is in them.
func TestManyExcerpts(t *testing.T) {
	src := "<r><h>" + strings.Repeat("x", 1000) + "</h>" + strings.Repeat("\n  <p><i>1</i></p>", 10_000) + "</r>"
	tree := readExcerpt(t, src)
	x := document.NewExcerpts(tree.Root(), named(tree.Root(), "p"), nil)
	if x.Around() > 10_000*1030 {
		t.Errorf("%d bytes around", x.Around())
	}
	e := x.Excerpt(9_999)
	if line, column := e.Place(2, 6); line != 10_001 || column != 6 {
		t.Errorf("%d:%d in %s", line, column, e.Text)
	}
}
