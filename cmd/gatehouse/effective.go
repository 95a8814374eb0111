package main

import (
	"cmp"
	"encoding"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gatehouse/gatehouse/adapters/amqp"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// effective is the configuration as YAML, with every default filled in and
// stars for secrets.
func (p *project) effective() string {
	text, err := yaml.MarshalWithOptions(configured(reflect.ValueOf(*p)), yaml.IndentSequence(true))
	if err != nil {
		return fmt.Sprintf("# the configuration cannot be shown: %v\n", err)
	}
	return string(text)
}

// configured is a configured value as YAML marshals it; nil when there is nothing to
// show: what is empty and has no default.
func configured(v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	v = filled(v)
	switch value := v.Interface().(type) {
	case config.Secret:
		return unless(value.IsZero(), value.String())
	case time.Duration:
		return unless(value == 0, durationText(value))
	case count:
		return unless(value == 0, int(value))
	case config.ByteSize:
		return unless(value == 0, value.String())
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		return unless(err != nil || len(text) == 0, string(text))
	case storeSection:
		return value.configured()
	case amqp.Sender:
		return senderText(value)
	case inOrder:
		return value.configured()
	}
	switch v.Kind() {
	case reflect.Struct:
		return structSettings(v)
	case reflect.Slice:
		return listSettings(v)
	case reflect.Map:
		return mapSettings(v)
	case reflect.String:
		return unless(v.Len() == 0, withoutPassword(v.String()))
	}
	return v.Interface()
}

// withoutPassword keeps to itself what somebody wrote into a URL.
func withoutPassword(text string) string {
	if u, err := url.Parse(text); err == nil && u.User != nil {
		return u.Redacted()
	}
	return text
}

func unless(empty bool, value any) any {
	if empty {
		return nil
	}
	return value
}

// filled fills in the defaults of a section that knows its own.
func filled(v reflect.Value) reflect.Value {
	method := v.MethodByName("Effective")
	if !method.IsValid() || method.Type().NumIn() != 0 || method.Type().NumOut() != 1 || method.Type().Out(0) != v.Type() {
		return v
	}
	return method.Call(nil)[0]
}

func structSettings(v reflect.Value) any {
	var out yaml.MapSlice
	for field, value := range v.Fields() {
		name, options, tagged := tag(field)
		switch {
		case !tagged:
		case options == "inline":
			if inner, ok := configured(value).(yaml.MapSlice); ok {
				out = append(out, inner...)
			}
		default:
			if one := configured(value); one != nil {
				out = append(out, yaml.MapItem{Key: name, Value: one})
			}
		}
	}
	return unless(len(out) == 0, out)
}

// tag reads the key of a field, and whether it has one.
func tag(field reflect.StructField) (name, options string, tagged bool) {
	text, tagged := field.Tag.Lookup("yaml")
	name, options, _ = strings.Cut(text, ",")
	return name, options, tagged && name != "-" && field.IsExported()
}

func listSettings(v reflect.Value) any {
	var out []any
	for i := range v.Len() {
		out = append(out, configured(v.Index(i)))
	}
	return unless(len(out) == 0, out)
}

func mapSettings(v reflect.Value) any {
	var out yaml.MapSlice
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	for _, k := range keys {
		out = append(out, yaml.MapItem{Key: k.String(), Value: configured(v.MapIndex(k))})
	}
	return unless(len(out) == 0, out)
}

// durationText leaves out the units that are zero at the end.
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func senderText(s amqp.Sender) any {
	if s.UserID {
		return "user_id"
	}
	return yaml.MapSlice{{Key: "fixed", Value: s.Fixed}}
}

// inOrder is a map that keeps its order.
type inOrder interface{ configured() any }

func (o ordered[T]) configured() any {
	var out yaml.MapSlice
	for _, n := range o {
		out = append(out, yaml.MapItem{Key: n.Name, Value: configured(reflect.ValueOf(n.Value))})
	}
	return unless(len(out) == 0, out)
}

func (s storeSection) configured() any {
	section := reflect.ValueOf(s.sqlite)
	if s.sqlserver != nil {
		section = reflect.ValueOf(s.sqlserver)
	}
	out, _ := configured(section).(yaml.MapSlice)
	if s.Migrations != "" {
		out = append(out, yaml.MapItem{Key: "migrations", Value: string(s.Migrations)})
	}
	return out
}

// Effective returns the section with every default filled in.
func (s relaySection) Effective() relaySection {
	c := s.config().Effective()
	return relaySection{Window: c.Window, MaxAttempts: c.MaxAttempts, Poll: c.Poll, LeaseTTL: c.LeaseTTL}
}

// Effective returns the section with every default filled in.
func (s driftSection) Effective() driftSection {
	return driftSection{Poll: gateway.DriftConfig{Poll: s.Poll}.Effective().Poll}
}

// Effective returns the section with every default filled in, of what has a
// meaning for the route's endpoints.
func (r routeSection) Effective() routeSection {
	if !r.asynchronous() {
		return r
	}
	chosen := onErrorSection{}
	for kind, choices := range actions {
		chosen[kind] = choices[0]
	}
	maps.Copy(chosen, r.OnError)
	r.OnError = chosen
	waits := gateway.Retry{For: r.Retry.For, First: r.Retry.First, Longest: r.Retry.Longest}.Effective()
	r.Retry = retrySection{For: waits.For, First: waits.First, Longest: waits.Longest}
	return r
}
