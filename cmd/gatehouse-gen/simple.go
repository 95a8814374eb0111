package main

import (
	"math/big"
	"strings"

	"github.com/gatehouse/gatehouse/internal/contract"
)

// simple returns how a simple type stands in a field, and declares it when it
// has a name or an enumeration; hint names one that has no name.
func (p *planner) simple(s *contract.Simple, hint string) value {
	v := underlying(s)
	if s.Variety == contract.List {
		item := p.simple(s.Item, hint+"Item")
		v = value{goType: "[]" + item.goType, is: item.is, list: true, slice: true}
	}
	enumerated := v.goType == "string" && len(s.Enumeration) > 0
	builtin := s.Name.Space == xsdSpace || s.Name.Local == ""
	if builtin && !enumerated || v.goType == "XSDQName" {
		return v
	}
	declared := p.simpleOf[s]
	if declared == nil {
		declared = &simpleType{name: p.simpleName(s, hint), underlying: v.goType, doc: s.Doc}
		p.simpleOf[s] = declared
		p.simples = append(p.simples, declared)
		if enumerated {
			p.enumerate(declared, s.Enumeration)
		}
	}
	v.goType = declared.name
	return v
}

func (p *planner) simpleName(s *contract.Simple, hint string) string {
	if s.Name.Local == "" {
		return p.taken.take(hint)
	}
	name := identifier(s.Name.Local)
	return p.taken.take(name, name+"Type")
}

// maxConstants bounds what is declared of one enumeration; code lists can have
// tens of thousands of values.
const maxConstants = 2000

func (p *planner) enumerate(t *simpleType, values []string) {
	if len(values) > maxConstants {
		return
	}
	seen := map[string]bool{}
	for _, value := range values {
		if seen[value] {
			continue
		}
		seen[value] = true
		name := p.taken.take(t.name + tokenOf(value))
		t.constants = append(t.constants, constant{strings.TrimPrefix(name, t.name), value})
	}
}

// tokenOf makes the part of a constant's name that stands for its value.
func tokenOf(value string) string {
	if value == "" {
		return "Empty"
	}
	return identifier(value)
}

const xsdSpace = "http://www.w3.org/2001/XMLSchema"

// sized are the built-in types that a Go type holds whole.
var sized = map[string]string{
	"long": "int64", "int": "int32", "short": "int16", "byte": "int8",
	"unsignedLong": "uint64", "unsignedInt": "uint32", "unsignedShort": "uint16", "unsignedByte": "uint8",
}

// lexical are the primitives whose values are kept as written.
var lexical = map[string]string{
	"decimal": "XSDDecimal", "dateTime": "XSDDateTime", "date": "XSDDate", "time": "XSDTime", "duration": "XSDDuration",
	"gYearMonth": "string", "gYear": "string", "gMonthDay": "string", "gDay": "string", "gMonth": "string",
}

// underlying is the Go type of a simple type's values. Where patterns or an
// enumeration speak of how a number is written, the value is kept as written.
func underlying(s *contract.Simple) value {
	if s.Variety != contract.Atomic {
		return value{goType: "string"}
	}
	written := len(s.Patterns) > 0 || len(s.Enumeration) > 0
	switch s.Primitive {
	case "boolean":
		if written {
			return value{goType: "string", is: "boolean"}
		}
		return value{goType: "bool"}
	case "float", "double":
		if written {
			return value{goType: "string", is: "float"}
		}
		return value{goType: map[string]string{"float": "float32", "double": "float64"}[s.Primitive]}
	case "base64Binary", "hexBinary":
		return value{goType: "[]byte", is: s.Primitive, slice: true}
	case "QName":
		return value{goType: "XSDQName"}
	case "decimal":
		return number(s, written)
	}
	if goType := lexical[s.Primitive]; goType != "" {
		return value{goType: goType, is: s.Primitive}
	}
	return value{goType: "string"}
}

func number(s *contract.Simple, written bool) value {
	switch goType := sized[s.Builtin]; {
	case s.Builtin == "decimal":
		return value{goType: "XSDDecimal", is: "decimal"}
	case written:
		return value{goType: "string", is: "integer"}
	case goType != "":
		return value{goType: goType}
	case s.TotalDigits != nil && *s.TotalDigits <= 18, fits(s.MinInclusive, s.MinExclusive) && fits(s.MaxInclusive, s.MaxExclusive):
		return value{goType: "int64"}
	}
	return value{goType: "XSDInteger", is: "integer"}
}

// fits reports whether one of the bounds is there and a 64-bit integer.
func fits(bounds ...*string) bool {
	for _, b := range bounds {
		if b == nil || len(*b) > 40 {
			continue
		}
		if n, ok := new(big.Int).SetString(strings.TrimSpace(*b), 10); ok && n.IsInt64() {
			return true
		}
	}
	return false
}

// qnameUnion reports whether a value may be a QName only sometimes, so that no
// Go type says whether its prefix means something.
func qnameUnion(s *contract.Simple) bool {
	switch s.Variety {
	case contract.Union:
		for _, m := range s.Members {
			if m.Primitive == "QName" || qnameUnion(m) {
				return true
			}
		}
	case contract.List:
		return qnameUnion(s.Item)
	}
	return false
}
