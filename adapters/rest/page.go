package rest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// Private is a Resource that describes itself to those who may use it.
type Private interface {
	// DescribeTo adds what whoever asks may use. Who has not proved who he is gets
	// fault.Unauthenticated.
	DescribeTo(x *Exchange, d *Document) error
}

// privately reports whether a description is asked for by somebody in particular: he
// shows who he is, or asks to be asked with ?mine.
func (x *Exchange) privately() bool {
	if x.R.URL.RawQuery == "mine" || len(x.R.Header.Values("Authorization")) > 0 {
		return true
	}
	shown, err := x.Shown()
	return err == nil && shown.Certificate != nil
}

// document describes everything to somebody in particular, or to nobody. Who asks is
// found out before there is any work.
func (x *Exchange) document(private bool) (*Document, error) {
	own := &Document{Paths: map[string]Path{}, Schemas: contract.NewJSONSchemas(schemasPrefix)}
	for _, r := range x.handler.resources {
		p, ok := r.(Private)
		if !ok || !private {
			continue
		}
		if err := p.DescribeTo(x, own); err != nil {
			return nil, err
		}
	}
	entrances, version := x.handler.core.Entrances(door)
	d := newDocument(entrances, version)
	for _, r := range x.handler.resources {
		r.Describe(d)
	}
	maps.Copy(d.Paths, own.Paths)
	maps.Copy(d.Schemas.Schemas, own.Schemas.Schemas)
	return d, nil
}

// describePrivately answers with what the document has for whoever asks.
func (x *Exchange) describePrivately() error {
	d, err := x.document(true)
	if err != nil {
		return err
	}
	rest, err := d.body()
	if err != nil {
		return err
	}
	x.W.Header().Set("Cache-Control", "private, no-cache")
	text := slices.Concat(head(x.Peer.Base), rest[1:])
	if !x.Held(text) {
		x.Answer(http.StatusOK, mediaJSON, text)
	}
	return nil
}

// wantsPage reports whether a browser asks.
func (x *Exchange) wantsPage() bool {
	return strings.Contains(strings.Join(x.R.Header.Values("Accept"), ","), "text/html")
}

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageText)) })

// pagePolicy has a browser take the style of the page and nothing else: no scripts,
// no frames, nothing of other sites.
func pagePolicy() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// entry is one operation as the page shows it.
type entry struct {
	ID, Method, Path string
	*Operation
	Fields   []fieldRow
	Request  string // an example
	Response string
}

// page answers with the description for people.
func (x *Exchange) page() error {
	private := x.privately()
	d, err := x.document(private)
	if err != nil {
		return err
	}
	var groups = map[string][]entry{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for method, op := range d.Paths[path] {
			group := "routes"
			if slices.Contains(op.Tags, "views") {
				group = "views"
			}
			groups[group] = append(groups[group], entry{
				ID: op.ID, Method: strings.ToUpper(method), Path: path, Operation: op, Fields: op.fields,
				Request: exampleText(op.Request), Response: responseText(op.Responses["200"]),
			})
		}
	}
	var b bytes.Buffer
	err = pageTemplate().Execute(&b, map[string]any{
		"Style": template.CSS(pageStyle), "Base": x.Peer.Base, "Document": documentName, "Version": d.Info.Version,
		"Routes": groups["routes"], "Views": groups["views"], "Private": private, "Searchable": x.searchable(),
	})
	if err != nil {
		return err
	}
	h := x.W.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy())
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, no-cache")
	if !x.Held(b.Bytes()) {
		x.Write(http.StatusOK, b.Bytes())
	}
	return nil
}

// searchable reports whether there is more to be seen by somebody in particular.
func (x *Exchange) searchable() bool {
	return slices.ContainsFunc(x.handler.resources, func(r Resource) bool {
		_, private := r.(Private)
		return private
	})
}

func exampleText(b *Body) string {
	if b == nil {
		return ""
	}
	return mediaText(b.Content[mediaJSON])
}

func responseText(r Response) string { return mediaText(r.Content[mediaJSON]) }

// mediaText is the shortest example, indented.
func mediaText(m Media) string {
	names := slices.Sorted(maps.Keys(m.Examples))
	if len(names) == 0 {
		return ""
	}
	text := m.Examples[names[0]].Value
	for _, n := range names {
		if v := m.Examples[n].Value; len(v) < len(text) {
			text = v
		}
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return string(text)
	}
	return b.String()
}
