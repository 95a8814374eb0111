package config

import (
	"encoding"
	"fmt"
	"reflect"
	"time"
)

// Unmarshaler is a type that reads its own node. An error that is no Fault is
// reported at the node. UnmarshalNode is not called for a Null.
type Unmarshaler interface {
	UnmarshalNode(n *Node) error
}

// Decode reads the node into what into points to, strictly: every key must be a
// field's and every value of its field's type. The error is a Faults with all
// mistakes; what could be read is set nevertheless.
//
// Fields are named by `yaml:"name"` tags; untagged fields are left alone;
// `yaml:"name,required"` faults a missing key, `yaml:",inline"` takes the keys
// of an embedded struct. Read are structs, pointers, slices, maps with string
// keys, text, booleans, numbers, time.Duration ("3s"), ByteSize, Path, Secret,
// *Node (as it stands), Unmarshaler and encoding.TextUnmarshaler. A key without
// a value leaves its field as it is, so defaults set before survive.
func (n *Node) Decode(into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("decoding configuration into %T: not a pointer", into)
	}
	var d decoder
	if n == nil {
		n = &Node{}
	}
	d.value(n, v.Elem())
	return d.faults.Err()
}

type decoder struct{ faults Faults }

func (d *decoder) refuse(n *Node, format string, args ...any) {
	d.faults = append(d.faults, n.Fault(format, args...))
}

func (d *decoder) value(n *Node, v reflect.Value) {
	switch {
	case d.special(n, v):
	case v.Kind() == reflect.Struct:
		d.structure(n, v)
	case n.Kind == Null:
	case v.Kind() == reflect.Pointer:
		d.pointer(n, v)
	case v.Kind() == reflect.Slice:
		d.slice(n, v)
	case v.Kind() == reflect.Map:
		d.mapping(n, v)
	default:
		d.scalar(n, v)
	}
}

// special reads the types that have a reading of their own.
func (d *decoder) special(n *Node, v reflect.Value) bool {
	switch p := v.Addr().Interface().(type) {
	case **Node:
		*p = n
	case *Secret:
		d.secret(n, p)
	case *time.Duration:
		d.duration(n, p)
	case Unmarshaler:
		if n.Kind != Null {
			d.add(n, p.UnmarshalNode(n))
		}
	case encoding.TextUnmarshaler:
		d.text(n, p)
	default:
		return false
	}
	return true
}

func (d *decoder) add(n *Node, err error) {
	if err != nil {
		d.faults = append(d.faults, asFaults(err, n.Fault(""))...)
	}
}

func (d *decoder) text(n *Node, into encoding.TextUnmarshaler) {
	switch n.Kind {
	case Null:
	case Scalar:
		d.add(n, into.UnmarshalText([]byte(n.text)))
	default:
		d.refuse(n, "expected a value, found %s", n.Kind)
	}
}

// secret reads one that is not a struct's field, such as a list's item, and so
// has no file beside it.
func (d *decoder) secret(n *Node, into *Secret) {
	if n.Kind == Null {
		return
	}
	s, err := secretValue(n)
	d.add(n, err)
	*into = s
}

func (d *decoder) duration(n *Node, into *time.Duration) {
	if n.Kind == Null {
		return
	}
	t, err := time.ParseDuration(n.Text())
	if n.Kind != Scalar || err != nil || t < 0 {
		d.refuse(n, "expected a duration such as 500ms, 3s, 10m or 24h, found %s", describe(n))
		return
	}
	*into = t
}

func (d *decoder) pointer(n *Node, v reflect.Value) {
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	d.value(n, v.Elem())
}

func (d *decoder) slice(n *Node, v reflect.Value) {
	if n.Kind != List {
		d.refuse(n, "expected a list, found %s", describe(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.value(item, out.Index(i))
	}
	v.Set(out)
}

func (d *decoder) mapping(n *Node, v reflect.Value) {
	if n.Kind != Map || v.Type().Key().Kind() != reflect.String {
		d.refuse(n, "expected a map, found %s", describe(n))
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	}
	for _, e := range n.entries {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(e.Value, item)
		v.SetMapIndex(reflect.ValueOf(e.Key).Convert(v.Type().Key()), item)
	}
}

func (d *decoder) scalar(n *Node, v reflect.Value) {
	if n.Kind != Scalar {
		d.refuse(n, "expected %s, found %s", wanted(v), n.Kind)
		return
	}
	if !setScalar(n, v) {
		d.refuse(n, "expected %s, found %s", wanted(v), describe(n))
		return
	}
	if v.Kind() == reflect.String && environment.MatchString(n.text) {
		d.refuse(n, "an environment variable can stand for a secret only")
	}
}
