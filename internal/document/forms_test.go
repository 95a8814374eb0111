package document

import (
	"strings"
	"testing"
	"unicode/utf16"
)

// TestCanonicalSame holds messages that are the same to a sender who retries.
func TestCanonicalSame(t *testing.T) {
	const one = `<o:a xmlns:o="urn:o" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" x="1" o:y="2"><o:b>t&amp;</o:b><o:c xsi:type="o:T"/></o:a>`
	want := string(AppendCanonical(nil, read(t, one).Root()))
	for name, src := range map[string]string{
		"other prefixes":     `<q:a xmlns:q="urn:o" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" x="1" q:y="2"><q:b>t&amp;</q:b><q:c i:type="q:T"/></q:a>`,
		"default namespace":  `<a xmlns="urn:o" xmlns:o="urn:o" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" x="1" o:y="2"><b>t&amp;</b><c xsi:type="T"/></a>`,
		"attribute order":    `<o:a o:y='2' x='1' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:o="urn:o"><o:b>t&#38;</o:b><o:c xsi:type=" o:T "/></o:a>`,
		"indented":           "<o:a xmlns:o='urn:o' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'\n x='1' o:y='2'>\r\n  <o:b>t&amp;</o:b>\n\t<o:c xsi:type='o:T'></o:c>\n</o:a>",
		"CDATA and comments": `<o:a xmlns:o="urn:o" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" x="1" o:y="2"><!-- a --><o:b><![CDATA[t&]]></o:b><?pi?><o:c xsi:type="o:T"/></o:a>`,
		"schema location":    `<o:a xmlns:o="urn:o" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" x="1" o:y="2" xsi:schemaLocation="u v"><o:b>t&amp;</o:b><o:c xsi:type="o:T"/></o:a>`,
		"unused namespace":   `<o:a xmlns:a="urn:a" xmlns:o="urn:o" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" x="1" o:y="2"><o:b xmlns:b="urn:b">t&amp;</o:b><o:c xsi:type="o:T"/></o:a>`,
	} {
		if got := string(AppendCanonical(nil, read(t, src).Root())); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

func TestCanonicalDiffers(t *testing.T) {
	sources := []string{
		`<a/>`, `<a xmlns="u"/>`, `<a> </a>`, `<a>x</a>`, `<a>x </a>`, `<a b=""/>`, `<a b="x"/>`, `<a c="x"/>`,
		`<p:a xmlns:p="u" p:b="x"/>`, `<p:a xmlns:p="u" b="x"/>`, `<a><b/></a>`, `<a><b/><b/></a>`, `<a><b><b/></b></a>`,
		`<a>x<b/></a>`, `<a><b/>x</a>`, `<a>&lt;b/&gt;</a>`, "<a>&#13;</a>", "<a>\n</a>", `<a b="&#10;"/>`, `<a b=" "/>`,
		`<a xmlns="u&quot;&gt;"/>`,
		`<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="u" i:type="p:T"/>`,
		`<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="v" i:type="p:T"/>`,
	}
	seen := make(map[string]string)
	for _, src := range sources {
		form := string(AppendCanonical(nil, read(t, src).Root()))
		if other, ok := seen[form]; ok {
			t.Errorf("%s and %s are both %s", src, other, form)
		}
		seen[form] = src
	}
}

func TestCanonicalSubtree(t *testing.T) {
	envelope := read(t, `<s:E xmlns:s="urn:s" xmlns:o="urn:o"> <s:B><o:a><o:b/>1</o:a></s:B></s:E>`)
	alone := read(t, `<a xmlns="urn:o"><b/>1</a>`)
	here := AppendCanonical(nil, envelope.Root().FirstChild().FirstChild())
	if there := AppendCanonical(nil, alone.Root()); string(here) != string(there) {
		t.Errorf("%s in an envelope, %s alone", here, there)
	}
}

func TestStandalone(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"nothing inherited", `<s:E xmlns:s="urn:s"><a/></s:E>`, `<a/>`},
		{"name", `<s:E xmlns:s="urn:s" xmlns:o="urn:o"><o:a>1</o:a></s:E>`, `<o:a xmlns:o="urn:o">1</o:a>`},
		{"own declaration", `<s:E xmlns:s="urn:s" xmlns:o="urn:x"><o:a xmlns:o="urn:o"/></s:E>`, `<o:a xmlns:o="urn:o"/>`},
		{"default", `<s:E xmlns:s="urn:s" xmlns="urn:d"><a b="1"><c/></a></s:E>`, `<a xmlns="urn:d" b="1"><c/></a>`},
		{"default undone", `<s:E xmlns:s="urn:s" xmlns="urn:d"><a xmlns=""/></s:E>`, `<a xmlns=""/>`},
		{"in a value", `<s:E xmlns:s="urn:s" xmlns:t="urn:t"><a type="t:T"/></s:E>`, `<a xmlns:t="urn:t" type="t:T"/>`},
		{"in text", `<s:E xmlns:s="urn:s" xmlns:t="urn:t"><a>x t:T y</a></s:E>`, `<a xmlns:t="urn:t">x t:T y</a>`},
		{"escaped", `<s:E xmlns:s="urn:s" xmlns:t="a&quot;&amp;b"><t:a/></s:E>`, `<t:a xmlns:t="a&#34;&amp;b"/>`},
		{"root", `<a><b/></a>`, `<b/>`},
		{"line ends", "<s:E xmlns:s='urn:s' xmlns:o='urn:o'><o:a\r\n >\r</o:a></s:E>", "<o:a xmlns:o=\"urn:o\"\r\n >\r</o:a>"},
	}
	for _, tt := range tests {
		if got := string(AppendStandalone(nil, read(t, tt.src).Root().FirstChild())); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestManyDeclarations(t *testing.T) {
	var b strings.Builder
	b.WriteString("<e")
	for i := range 4000 {
		b.WriteString(" xmlns:p" + strings.Repeat("a", i%60) + strings.Repeat("b", i/60) + "='urn:" + strings.Repeat("c", i%7) + "'")
	}
	b.WriteString("><x>" + strings.Repeat("pb:y ", 200_000) + "</x></e>")
	got := AppendStandalone(nil, read(t, b.String()).Root().FirstChild())
	if !strings.HasPrefix(string(got), `<x xmlns:pb="urn:`) {
		t.Errorf("%.80s", got)
	}
}

func TestAppendText(t *testing.T) {
	tests := []struct{ in, text, value string }{
		{"", "", ""},
		{"plain", "plain", "plain"},
		{"a<b>&c]]>", "a&lt;b&gt;&amp;c]]&gt;", "a&lt;b&gt;&amp;c]]&gt;"},
		{"\"'\t\n\r", "\"'\t\n&#13;", "&#34;'&#9;&#10;&#13;"},
		{"\x00\x1F\uFFFE\xFF", "\uFFFD\uFFFD\uFFFD\uFFFD", "\uFFFD\uFFFD\uFFFD\uFFFD"},
		{"é\U0001F600\uFFFD", "é\U0001F600\uFFFD", "é\U0001F600\uFFFD"},
	}
	for _, tt := range tests {
		if got := string(AppendText(nil, tt.in)); got != tt.text {
			t.Errorf("text %q: %q, want %q", tt.in, got, tt.text)
		}
		if got := string(AppendValue(nil, tt.in)); got != tt.value {
			t.Errorf("value %q: %q, want %q", tt.in, got, tt.value)
		}
	}
}

func utf16Bytes(s string, little bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		if little {
			b.WriteString(string([]byte{byte(u), byte(u >> 8)}))
			continue
		}
		b.WriteString(string([]byte{byte(u >> 8), byte(u)}))
	}
	return b.String()
}

func TestToUTF8(t *testing.T) {
	const decl16 = `<?xml version="1.0" encoding="UTF-16"?><a>é😀</a>`
	const want16 = `<?xml version="1.0" encoding="UTF-8" ?><a>é😀</a>`
	tests := []struct{ name, src, charset, want string }{
		{"nothing said", "<a>é</a>", "", "<a>é</a>"},
		{"said", "<a>é</a>", "UTF-8", "<a>é</a>"},
		{"alias", "<a>é</a>", "utf8", "<a>é</a>"},
		{"mark", bom + "<a>é</a>", "", bom + "<a>é</a>"},
		{"mark and charset", bom + "<a/>", "utf-8", bom + "<a/>"},
		{"ASCII", "<a/>", "US-ASCII", "<a/>"},
		{"declared Latin-1", "<?xml version='1.0' encoding='ISO-8859-1'?>\n<a>\xE9</a>", "", "<?xml version='1.0' encoding='UTF-8'     ?>\n<a>é</a>"},
		{"Latin-1 of HTTP", "<a>\xE9</a>", "iso-8859-1", "<a>é</a>"},
		{"HTTP wins", "<?xml version='1.0' encoding='utf-8'?><a>\xE9</a>", "iso-8859-1", "<?xml version='1.0' encoding='utf-8'?><a>é</a>"},
		{"HTTP wins the other way", "<?xml version='1.0' encoding='iso-8859-1'?><a>é</a>", "utf-8", "<?xml version='1.0' encoding='UTF-8'     ?><a>é</a>"},
		{"a wrong declaration of UTF-16", "<?xml version='1.0' encoding='utf-16'?><a/>", "utf-8", "<?xml version='1.0' encoding='UTF-8' ?><a/>"},
		{"Latin-9", "<a>\xA4</a>", "ISO-8859-15", "<a>€</a>"},
		{"Windows", "<a>\x80\x93</a>", "windows-1252", "<a>€“</a>"},
		{"Windows 1250", "<a>\x9A</a>", "Windows-1250", "<a>š</a>"},
		{"Cyrillic", "<a>\xCF</a>", "cp1251", "<a>П</a>"},
		{"mainframe line end", "<a>\x85</a>", "iso-8859-1", "<a>\u0085</a>"},
		{"UTF-16 with a mark", "\xFF\xFE" + utf16Bytes(decl16, true), "", want16},
		{"big endian with a mark", "\xFE\xFF" + utf16Bytes(decl16, false), "utf-16", want16},
		{"UTF-16 without a mark", utf16Bytes(decl16, true), "", want16},
		{"big endian without a mark", utf16Bytes(decl16, false), "", want16},
		{"UTF-16 by HTTP without a mark", utf16Bytes("<a/>", true), "utf-16", "<a/>"},
		{"little endian by HTTP", utf16Bytes("<é/>", true), "UTF-16LE", "<é/>"},
		{"big endian by HTTP with a mark", "\xFE\xFF" + utf16Bytes("<a/>", false), "utf-16be", "<a/>"},
		{"empty", "", "", ""},
		{"empty UTF-16", "", "utf-16", ""},
	}
	for _, tt := range tests {
		got, err := ToUTF8([]byte(tt.src), tt.charset)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
	src := []byte("<a/>")
	if got, _ := ToUTF8(src, "utf-8"); &got[0] != &src[0] {
		t.Error("UTF-8 is copied")
	}
}

func TestToUTF8Refuses(t *testing.T) {
	tests := []struct{ name, src, charset string }{
		{"unknown charset", "<a/>", "ebcdic-cp-us"},
		{"unknown declaration", "<?xml version='1.0' encoding='EBCDIC-CP-US'?><a/>", ""},
		{"declaration of UTF-16 in bytes", "<?xml version='1.0' encoding='UTF-16'?><a/>", ""},
		{"mark against charset", bom + "<a/>", "iso-8859-1"},
		{"mark against byte order", "\xFF\xFE" + utf16Bytes("<a/>", true), "utf-16be"},
		{"Latin-1 as UTF-8", "<a>\xE9</a>", ""},
		{"Latin-1 as said UTF-8", "<a>\xE9</a>", "utf-8"},
		{"Windows as Latin-1", "<a>\x80</a>", "iso-8859-1"},
		{"hole in the code page", "<a>\x81</a>", "windows-1252"},
		{"not ASCII", "<a>\xE9</a>", "us-ascii"},
		{"odd UTF-16", "<\x00a", "utf-16le"},
		{"half a pair", "\x00<\xD8\x3D\x00a", "utf-16be"},
		{"half a pair at the end", "\x00<\xD8\x3D", "utf-16be"},
		{"low half first", "\x00<\xDE\x00\xD8\x3D", "utf-16be"},
	}
	for _, tt := range tests {
		if got, err := ToUTF8([]byte(tt.src), tt.charset); err == nil {
			t.Errorf("%s: %q is taken as %q", tt.name, tt.src, got)
		}
	}
}

// FuzzToUTF8 checks that whatever comes out is UTF-8 with the lines that went
// in, and that doing it again changes nothing.
func FuzzToUTF8(f *testing.F) {
	for _, charset := range []string{"", "utf-8", "utf-16", "iso-8859-1", "windows-1252"} {
		f.Add([]byte(order), charset)
		f.Add([]byte(utf16Bytes(order, true)), charset)
		f.Add([]byte("<?xml version='1.0' encoding='ISO-8859-1'?>\n<a>\xE9</a>"), charset)
	}
	f.Fuzz(func(t *testing.T, src []byte, charset string) {
		text, err := ToUTF8(src, charset)
		if err != nil {
			return
		}
		again, err := ToUTF8(text, "utf-8")
		if err != nil || string(again) != string(text) {
			t.Fatalf("%q as %q is %q, then %q, %v", src, charset, text, again, err)
		}
	})
}
