package document

import (
	"errors"
	"strings"
	"testing"
)

// strict holds documents that must be refused, and why.
var strict = []struct {
	name, src string
	reason    Reason
}{
	{"empty", "", Malformed},
	{"only space", " \n", Malformed},
	{"only a comment", "<!-- a -->", Malformed},
	{"two roots", "<a/><b/>", Malformed},
	{"text before", "x<a/>", Malformed},
	{"text after", "<a/>x", Malformed},
	{"reference after", "<a/>&#32;", Malformed},
	{"CDATA before", "<![CDATA[]]><a/>", Malformed},
	{"CDATA after", "<a/><![CDATA[ ]]>", Malformed},
	{"mark in the middle", "<a/>" + bom, Malformed},
	{"two marks", bom + bom + "<a/>", Malformed},
	{"unclosed", "<a><b></b>", Malformed},
	{"unopened", "</a>", Malformed},
	{"unopened after", "<a/></a>", Malformed},
	{"crossed", "<a><b></a></b>", Malformed},
	{"longer end", "<a></ab>", Malformed},
	{"shorter end", "<ab></a>", Malformed},
	{"other prefix of the same namespace", "<p:a xmlns:p='u' xmlns:q='u'></q:a>", Malformed},
	{"space before the name", "< a/>", Malformed},
	{"space in the end", "<a></ a>", Malformed},
	{"junk in the end", "<a></a b>", Malformed},
	{"attribute in the end", "<a></a b='c'>", Malformed},
	{"cut tag", "<a", Malformed},
	{"cut tag after space", "<a ", Malformed},
	{"cut empty tag", "<a/", Malformed},
	{"space in an empty tag", "<a/ >", Malformed},
	{"cut attribute", "<a b", Malformed},
	{"cut attribute after =", "<a b=", Malformed},
	{"cut value", "<a b='c", Malformed},
	{"cut end", "<a></a", Malformed},
	{"cut markup", "<a><", Malformed},
	{"cut comment", "<a><!--", Malformed},
	{"cut CDATA", "<a><![CDATA[", Malformed},
	{"cut instruction", "<a><?pi ", Malformed},
	{"cut reference", "<a>&amp", Malformed},
	{"number as a name", "<1/>", Malformed},
	{"dash as a name", "<-a/>", Malformed},
	{"leading colon", "<:a/>", Malformed},
	{"trailing colon", "<a:/>", Malformed},
	{"two colons", "<a:b:c xmlns:a='u'/>", Malformed},
	{"local name starts with a digit", "<a:1 xmlns:a='u'/>", Malformed},
	{"multiplication sign in a name", "<a×/>", Malformed},
	{"middle dot first", "<·a/>", Malformed},
	{"no value", "<a b/>", Malformed},
	{"no quotes", "<a b=c/>", Malformed},
	{"other quotes", "<a b='c\"/>", Malformed},
	{"no space between attributes", "<a b='c'd='e'/>", Malformed},
	{"less-than in a value", "<a b='<'/>", Malformed},
	{"duplicate", "<a b='1' b='2'/>", Malformed},
	{"duplicate by namespace", "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", Malformed},
	{"duplicate declared after", "<a p:b='1' q:b='2' xmlns:p='u' xmlns:q='u'/>", Malformed},
	{"duplicate declaration", "<a xmlns:p='u' xmlns:p='u'/>", Malformed},
	{"duplicate default declaration", "<a xmlns='u' xmlns='v'/>", Malformed},
	{"duplicate among many", "<a a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' n='' o='' p='' q='' q=''/>", Malformed},
	{"undeclared prefix", "<p:a/>", Malformed},
	{"undeclared prefix of an attribute", "<a p:b=''/>", Malformed},
	{"prefix out of scope", "<a><b xmlns:p='u'/><p:c/></a>", Malformed},
	{"prefix of an empty element out of scope", "<a><p:b xmlns:p='u'/><p:c/></a>", Malformed},
	{"undeclared again", "<a xmlns:p=''/>", Malformed},
	{"xml rebound", "<a xmlns:xml='u'/>", Malformed},
	{"another prefix for xml", "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", Malformed},
	{"xml as default", "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", Malformed},
	{"xmlns declared", "<a xmlns:xmlns='u'/>", Malformed},
	{"prefix for xmlns", "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", Malformed},
	{"xmlns as default", "<a xmlns='http://www.w3.org/2000/xmlns/'/>", Malformed},
	{"xmlns as an element's prefix", "<xmlns:a/>", Malformed},
	{"empty prefix declared", "<a xmlns:=''/>", Malformed},
	{"xml rebound by references", "<a xmlns:p='http://www.w3.org/XML/1998/&#110;amespace'/>", Malformed},
	{"null", "<a>\x00</a>", Malformed},
	{"control in text", "<a>\x0B</a>", Malformed},
	{"control in a value", "<a b='\x1F'/>", Malformed},
	{"control in a comment", "<a><!--\x01--></a>", Malformed},
	{"control in CDATA", "<a><![CDATA[\x01]]></a>", Malformed},
	{"control in an instruction", "<a><?pi \x01?></a>", Malformed},
	{"noncharacter", "<a>\uFFFE</a>", Malformed},
	{"noncharacter in a value", "<a b='\uFFFF'/>", Malformed},
	{"lone continuation", "<a>\x80</a>", Encoding},
	{"cut sequence", "<a>\xC3</a>", Encoding},
	{"overlong", "<a>\xC0\xAF</a>", Encoding},
	{"surrogate in UTF-8", "<a>\xED\xA0\xBD\xED\xB8\x80</a>", Encoding},
	{"above Unicode", "<a>\xF4\x90\x80\x80</a>", Encoding},
	{"bad bytes in a name", "<a\xFF/>", Encoding},
	{"bad bytes in a comment", "<a><!-- \xFF --></a>", Encoding},
	{"end of CDATA in text", "<a>]]></a>", Malformed},
	{"end of CDATA after brackets", "<a>]]]></a>", Malformed},
	{"dashes in a comment", "<a><!-- -- --></a>", Malformed},
	{"three dashes", "<a><!-- ---></a>", Malformed},
	{"short comment", "<a><!--></a>", Malformed},
	{"shorter comment", "<a><!---></a>", Malformed},
	{"lower-case CDATA", "<a><![cdata[]]></a>", Malformed},
	{"doctype", "<!DOCTYPE a><a/>", Doctype},
	{"doctype with a subset", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", Doctype},
	{"doctype after a comment", "<!-- --><!DOCTYPE a><a/>", Doctype},
	{"doctype inside", "<a><!DOCTYPE a></a>", Doctype},
	{"doctype after", "<a/><!DOCTYPE a>", Doctype},
	{"lower-case doctype", "<!doctype a><a/>", Malformed},
	{"element declaration", "<!ELEMENT a ANY><a/>", Malformed},
	{"bare ampersand", "<a>a & b</a>", Malformed},
	{"unknown entity", "<a>&nbsp;</a>", Malformed},
	{"upper-case entity", "<a>&AMP;</a>", Malformed},
	{"empty entity", "<a>&;</a>", Malformed},
	{"empty number", "<a>&#;</a>", Malformed},
	{"empty hexadecimal", "<a>&#x;</a>", Malformed},
	{"upper-case X", "<a>&#X41;</a>", Malformed},
	{"sign", "<a>&#+65;</a>", Malformed},
	{"letters in a number", "<a>&#6a;</a>", Malformed},
	{"reference to null", "<a>&#0;</a>", Malformed},
	{"reference to a control", "<a>&#x1F;</a>", Malformed},
	{"reference to half a pair", "<a>&#xD83D;&#xDE00;</a>", Malformed},
	{"reference to a noncharacter", "<a>&#xFFFE;</a>", Malformed},
	{"reference above Unicode", "<a>&#x110000;</a>", Malformed},
	{"reference that overflows", "<a>&#x100000041;</a>", Malformed},
	{"reference in a value", "<a b='&bad;'/>", Malformed},
	{"target xml", "<a><?xml version='1.0'?></a>", Malformed},
	{"target XML", "<?XML version='1.0'?><a/>", Malformed},
	{"space before the declaration", " <?xml version='1.0'?><a/>", Malformed},
	{"two declarations", "<?xml version='1.0'?><?xml version='1.0'?><a/>", Malformed},
	{"no target", "<a><? a?></a>", Malformed},
	{"junk after a target", "<a><?pi\"a?></a>", Malformed},
	{"no version", "<?xml encoding='UTF-8'?><a/>", Malformed},
	{"version 1.1", "<?xml version='1.1'?><a/>", Malformed},
	{"order of the declaration", "<?xml version='1.0' standalone='no' encoding='UTF-8'?><a/>", Malformed},
	{"junk in the declaration", "<?xml version='1.0' a='b'?><a/>", Malformed},
	{"empty standalone", "<?xml version='1.0' standalone=''?><a/>", Malformed},
	{"standalone maybe", "<?xml version='1.0' standalone='maybe'?><a/>", Malformed},
	{"no space in the declaration", "<?xml version='1.0'encoding='UTF-8'?><a/>", Malformed},
	{"other encoding", "<?xml version='1.0' encoding='ISO-8859-1'?><a/>", Encoding},
	{"UTF-16", "<\x00a\x00/\x00>\x00", Malformed},
}

// lenient holds odd documents that must be read.
var lenient = []struct{ name, src string }{
	{"mark", bom + "<a/>"},
	{"mark and declaration", bom + "<?xml version=\"1.0\" encoding='utf8' standalone='yes' ?>\n<a/>"},
	{"spaces in the declaration", "<?xml\tversion = '1.0'\n?><a/>"},
	{"misc around", "<!-- a --><?pi?> <a/> <?pi b?><!-- c -->\n"},
	{"spaces in tags", "<a\n b\t=\r'c' ></a\n>"},
	{"greater-than", "<a b='>'>></a>"},
	{"brackets", "<a>]] ]> ]]&gt;</a>"},
	{"brackets around a comment", "<a>]]<!-- -->></a>"},
	{"quotes in text", "<a>'\"</a>"},
	{"other quotes in a value", "<a b='\"' c=\"'\"/>"},
	{"wide names", "<é·ø ü='1'/>"},
	{"names beyond the basic plane", "<\U00010000/>"},
	{"wide prefix", "<ß:a xmlns:ß='u'></ß:a>"},
	{"pair as a reference", "<a>&#x1F600;&#0000065;</a>"},
	{"xml prefix", "<a xml:lang='en' xml:space='preserve'/>"},
	{"xml declared", "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>"},
	{"element in xml", "<xml:a/>"},
	{"element called xmlns", "<xmlns/>"},
	{"attribute called xmlnsx", "<a xmlnsx='1'/>"},
	{"default undone", "<a xmlns='u'><b xmlns=''/></a>"},
	{"declared after its use", "<p:a p:b='1' xmlns:p='u'/>"},
	{"same local name in two namespaces", "<a xmlns:p='u' xmlns:q='v' b='1' p:b='1' q:b='2'/>"},
	{"brackets in CDATA", "<a><![CDATA[]]]]><![CDATA[>]]></a>"},
	{"markup in CDATA", "<a><![CDATA[<b>&c;<!DOCTYPE]]></a>"},
	{"question marks", "<a><?pi ???></a>"},
	{"colon in a target", "<a><?a:b c?></a>"},
	{"markup in a value", "<a b='-->]]>?>'/>"},
	{"delete character", "<a>\x7F\u0085</a>"},
}

func TestStrict(t *testing.T) {
	for _, tt := range strict {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := Read([]byte(tt.src))
			if err == nil {
				tree.Release()
				t.Fatalf("%q is read", tt.src)
			}
			e, ok := errors.AsType[*SyntaxError](err)
			if !ok || e.Reason != tt.reason || e.Line < 1 || e.Column < 1 {
				t.Errorf("%q: reason %v, %v", tt.src, e.Reason, err)
			}
		})
	}
}

func TestLenient(t *testing.T) {
	for _, tt := range lenient {
		t.Run(tt.name, func(t *testing.T) { read(t, tt.src) })
	}
}

func TestErrorPosition(t *testing.T) {
	tests := []struct {
		src  string
		want string
	}{
		{"<a>\n <b></c></a>", "line 2, column 5: "},
		{"<a>\r\n\r\n&x;</a>", "line 3, column 1: "},
		{bom + "<a b='1' b='2'/>", "line 1, column 10: "},
		{"<a>\n", "line 2, column 1: "},
	}
	for _, tt := range tests {
		_, err := Read([]byte(tt.src))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.src, err, tt.want)
		}
	}
}

func TestScannerIsFinal(t *testing.T) {
	s := NewScanner([]byte("<a>&x;</a>"), Limits{})
	if kind, err := s.Next(); kind != StartElement || err != nil {
		t.Fatal(kind, err)
	}
	_, first := s.Next()
	if _, again := s.Next(); first == nil || again != first {
		t.Errorf("first %v, then %v", first, again)
	}
	s = NewScanner([]byte("<a/>"), Limits{})
	for range 2 {
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if kind, err := s.Next(); kind != EndDocument || err != nil {
			t.Errorf("after the end: %v, %v", kind, err)
		}
	}
}

func TestScannerTokens(t *testing.T) {
	const src = "<?xml version='1.0'?><p:a xmlns:p='u' p:b='1&#50;'>x&amp;\r\n<![CDATA[<]]><!-- --><c/></p:a>\n"
	want := []struct {
		kind       Kind
		name       Name
		text       string
		depth      int
		start, end int
	}{
		{StartElement, Name{"u", "a"}, "", 1, 21, 51},
		{Text, Name{}, "x&\n", 1, 51, 59},
		{Text, Name{}, "<", 1, 59, 72},
		{StartElement, Name{"", "c"}, "", 2, 80, 84},
		{EndElement, Name{"", "c"}, "", 2, 84, 84},
		{EndElement, Name{"u", "a"}, "", 1, 84, 90},
		{EndDocument, Name{}, "", 0, 91, 91},
	}
	s := NewScanner([]byte(src), Limits{})
	for i, w := range want {
		kind, err := s.Next()
		if err != nil || kind != w.kind || s.Depth() != w.depth {
			t.Fatalf("token %d: kind %d, depth %d, %v", i, kind, s.Depth(), err)
		}
		if start, end := s.Span(); start != w.start || end != w.end {
			t.Errorf("token %d spans %d to %d", i, start, end)
		}
		switch kind {
		case StartElement, EndElement:
			if got := s.Name(); got != w.name {
				t.Errorf("token %d is %v", i, got)
			}
		case Text:
			if got := s.Text(); got != w.text {
				t.Errorf("token %d is %q", i, got)
			}
		}
		if value, ok := s.Attr(Name{"u", "b"}); i == 0 && (value != "12" || !ok) {
			t.Errorf("attribute: %q, %v", value, ok)
		}
		if line, column := s.Position(); i == 3 && (line != 2 || column != 22) {
			t.Errorf("position %d:%d", line, column)
		}
	}
}
