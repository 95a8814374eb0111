package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// setScalar sets v to the scalar and reports whether it is of v's type and in
// its range. Text takes numbers as they are written, so that versions and codes
// need no quotes.
func setScalar(n *Node, v reflect.Value) bool {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(n.text)
		return n.typ != Bool
	case v.Kind() == reflect.Bool:
		v.SetBool(strings.EqualFold(n.text, "true"))
		return n.typ == Bool
	case v.CanInt():
		return n.typ == Int && setInt(n.text, v)
	case v.CanUint():
		return n.typ == Int && setUint(n.text, v)
	case v.CanFloat():
		return (n.typ == Int || n.typ == Float) && setFloat(n.text, v)
	}
	return false
}

func setInt(text string, v reflect.Value) bool {
	digits, base := integerForm(text)
	i, err := strconv.ParseInt(digits, base, v.Type().Bits())
	if err == nil {
		v.SetInt(i)
	}
	return err == nil
}

func setUint(text string, v reflect.Value) bool {
	digits, base := integerForm(strings.TrimPrefix(text, "+"))
	u, err := strconv.ParseUint(digits, base, v.Type().Bits())
	if err == nil {
		v.SetUint(u)
	}
	return err == nil
}

// integerForm splits a number of the core schema into digits and base: a
// leading zero is no octal number there.
func integerForm(text string) (digits string, base int) {
	if rest, ok := strings.CutPrefix(text, "0x"); ok {
		return rest, 16
	}
	if rest, ok := strings.CutPrefix(text, "0o"); ok {
		return rest, 8
	}
	return text, 10
}

// setFloat takes finite numbers only: no setting means infinity.
func setFloat(text string, v reflect.Value) bool {
	f, err := strconv.ParseFloat(text, v.Type().Bits())
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return false
	}
	v.SetFloat(f)
	return true
}

// wanted names what a field takes, in words.
func wanted(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.String:
		return "text"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.CanInt(), v.CanUint():
		return "a whole number" + integerRange(v)
	case v.CanFloat():
		return "a number"
	}
	return "nothing (a value of type " + v.Type().String() + " cannot be configured)"
}

func integerRange(v reflect.Value) string {
	bits := v.Type().Bits()
	switch {
	case v.CanUint() && bits == 64:
		return " from 0"
	case bits == 64:
		return ""
	case v.CanUint():
		return fmt.Sprintf(" from 0 to %d", uint64(1)<<bits-1)
	}
	return fmt.Sprintf(" from %d to %d", -(int64(1) << (bits - 1)), int64(1)<<(bits-1)-1)
}

// describe says what stands at a node, in words short enough for a message.
func describe(n *Node) string {
	if n == nil || n.Kind != Scalar {
		return n.kind().String()
	}
	text := n.text
	if cut := []rune(text); len(cut) > 40 {
		text = string(cut[:40]) + "…"
	}
	if n.typ == Bool {
		return fmt.Sprintf("the boolean %s (in quotes it is text)", text)
	}
	if n.typ == String {
		return fmt.Sprintf("the text %q", text)
	}
	return text
}
