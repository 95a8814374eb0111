package config

import (
	"reflect"
	"slices"
	"strings"
)

// field is one key a struct takes.
type field struct {
	value    reflect.Value
	required bool
	isFile   bool // the key names the file that the secret is in
	partner  string
}

var secretType = reflect.TypeFor[Secret]()

func (d *decoder) structure(n *Node, v reflect.Value) {
	if n.Kind == Null {
		n = &Node{Kind: Map, File: n.File, Line: n.Line, Column: n.Column, origin: n.origin, path: n.path}
	}
	if n.Kind != Map {
		d.refuse(n, "expected a map, found %s", describe(n))
		return
	}
	fields := make(map[string]field)
	names := collect(v, fields, nil)
	for _, e := range n.entries {
		if f, ok := fields[e.Key]; ok {
			d.field(n, e, f)
			continue
		}
		d.refuse(e.KeyNode, "unknown key%s", hint(e.Key, names))
	}
	for _, name := range names {
		if f := fields[name]; f.required && n.Get(name).IsNull() && (f.partner == "" || n.Get(f.partner).IsNull()) {
			d.refuse(n, "the key %q is missing", name)
		}
	}
}

func (d *decoder) field(n *Node, e Entry, f field) {
	if f.value.Type() != secretType {
		d.value(e.Value, f.value)
		return
	}
	if e.Value.Kind == Null {
		return
	}
	if f.isFile && !n.Get(f.partner).IsNull() {
		d.refuse(e.KeyNode, "give %s or %s, not both", f.partner, e.Key)
		return
	}
	read := secretValue
	if f.isFile {
		read = secretFile
	}
	secret, err := read(e.Value)
	d.add(e.Value, err)
	f.value.Set(reflect.ValueOf(secret))
}

// collect gathers the keys of a struct and of those inlined in it, in order.
func collect(v reflect.Value, into map[string]field, names []string) []string {
	for sf, value := range v.Fields() {
		tag, tagged := sf.Tag.Lookup("yaml")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case !tagged || name == "-" || !sf.IsExported():
		case options == "inline":
			names = collect(value, into, names)
		case sf.Type == secretType:
			file := name + "_file"
			into[name] = field{value: value, required: options == "required", partner: file}
			into[file] = field{value: value, isFile: true, partner: name}
			names = append(names, name, file)
		default:
			into[name] = field{value: value, required: options == "required"}
			names = append(names, name)
		}
	}
	return names
}

// hint helps with an unknown key: the one that was meant, or all there are.
func hint(key string, names []string) string {
	if near := Nearest(key, names); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(names) == 0 {
		return ""
	}
	sorted := slices.Sorted(slices.Values(names))
	return "; known are " + strings.Join(sorted, ", ")
}
