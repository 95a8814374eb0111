package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
)

// TestBesideKeepsNoSecret: header blocks and properties that may be credentials are
// not kept, though the mapping reads them, and a repeat knows that they lack.
func TestBesideKeepsNoSecret(t *testing.T) {
	const wsse = envelope.NamespaceSecurity
	header := read(t, `<h:Header xmlns:h="urn:h" xmlns:a="urn:a" xmlns:w="`+wsse+`">
		<a:Site>HEL</a:Site><w:Security><w:UsernameToken/></w:Security><a:Login><a:User>u</a:User><a:Deep><a:PassWord>x</a:PassWord></a:Deep></a:Login>
		<a:Token authToken="x"/><a:Carries><w:BinarySecurityToken>x</w:BinarySecurityToken></a:Carries><a:Site>second</a:Site><a:Unread>x</a:Unread></h:Header>`)
	name := func(local string) document.Name { return document.Name{Space: "urn:a", Local: local} }
	m := &mapping.Mapping{
		Headers:    []document.Name{name("Site"), {Space: wsse, Local: "Security"}, name("Login"), name("Token"), name("Carries"), name("Absent")},
		Properties: []string{"site", "Authorization", "x-api-key", "db_password", "Set-Cookie", "client-secret", "absent"},
	}
	var b beside
	b.takeBlocks(m, header)
	b.takeProperties(m, map[string]string{"site": "HEL", "Authorization": "x", "x-api-key": "x", "db_password": "x", "Set-Cookie": "x", "client-secret": "x", "unread": "x"})
	if want := `<a:Site xmlns:a="urn:a">HEL</a:Site><a:Site xmlns:a="urn:a">second</a:Site>`; b.Blocks != want {
		t.Errorf("kept %s", b.Blocks)
	}
	if len(b.Properties) != 1 || b.Properties["site"] != "HEL" || !slices.Equal(b.Names, []string{"site", "absent"}) {
		t.Errorf("kept %v of %v", b.Properties, b.Names)
	}
	lacking := b.lacks(m, nil)
	if want := "the header block Security, the header block Login, the header block Token, the header block Carries, the property Authorization, the property x-api-key, the property db_password, the property Set-Cookie, the property client-secret"; strings.Join(lacking, ", ") != want {
		t.Errorf("lacks %q", lacking)
	}
	for _, plain := range []string{"Site", "Secretary", "Passport", "KeyNumber", "SecurityLevel", "cookies-sold", "user-id"} {
		if secretName(plain) {
			t.Errorf("%s is no credential", plain)
		}
	}
}

// TestFrameLocates: what is wrong with a repeated message is told of the payload
// that is kept.
func TestFrameLocates(t *testing.T) {
	f := frame("<a>\nü</a>", []byte("<p><q/>\n<r/></p>"))
	tree, err := document.Read(f.text)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Release()
	header, payload := envelope.Parts(tree)
	q := payload.FirstChild()
	for _, tt := range []struct {
		node document.Node
		want fault.Detail
	}{
		{payload, fault.Detail{Path: "/p", Line: 1, Column: 1}},
		{q, fault.Detail{Path: "/p/q", Line: 1, Column: 4}},
		{q.NextSibling(), fault.Detail{Path: "/p/r", Line: 2, Column: 1}},
		{header.FirstChild(), fault.Detail{Path: "/repeated:Header/a"}},
	} {
		line, column := tt.node.Position()
		if got := f.Locate(fault.Detail{Path: tt.node.Path(), Line: line, Column: column}); got.Path != tt.want.Path || got.Line != tt.want.Line || got.Column != tt.want.Column {
			t.Errorf("%+v, want %+v", got, tt.want)
		}
	}
}

func read(t *testing.T, text string) document.Node {
	t.Helper()
	tree, err := document.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tree.Release)
	return tree.Root()
}
