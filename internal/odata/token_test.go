package odata

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/mapping"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
)

// ring is a set of keys, the last of which is the current one.
type ring []sealing.Key

func (r ring) Current() sealing.Key { return r[len(r)-1] }

func (r ring) Key(id uint32) (sealing.Key, bool) {
	for _, k := range r {
		if k.ID == id {
			return k, true
		}
	}
	return sealing.Key{}, false
}

func key(id uint32) sealing.Key {
	return sealing.Key{ID: id, Secret: bytes.Repeat([]byte{byte(id)}, 32)}
}

func bound(t *testing.T, query, principal string) Bound {
	t.Helper()
	r, err := Parse(strings.ReplaceAll(query, " ", "+"))
	if err != nil {
		t.Fatal(err)
	}
	v := orders()
	q, err := r.Bind(v)
	if err != nil {
		t.Fatal(err)
	}
	return Bound{v, q, principal, ""}
}

func someMark() *view.Mark {
	at := time.Date(2026, 3, 2, 9, 30, 0, 123e6, time.UTC)
	return &view.Mark{By: []view.OrderedBy{{Field: "ordered_at", Desc: true}, {Field: "order_no"}}, Values: []view.Value{
		{Kind: mapping.StringColumn, Present: true, Text: "PO-ä"}, view.Null,
		{Kind: mapping.IntegerColumn, Present: true, Int: math.MinInt64}, {Kind: mapping.BoolColumn, Present: true, Int: 1},
		{Kind: mapping.DecimalColumn, Present: true, Text: "-12.50"}, {Kind: mapping.FloatColumn, Present: true, Float: -0.1},
		{Kind: mapping.DateTimeColumn, Present: true, Instant: at}, {Kind: mapping.DateColumn, Present: true, Instant: at.Truncate(24 * time.Hour)},
		{Kind: mapping.TimeColumn, Present: true, Text: "09:30:00"}, {Kind: mapping.BytesColumn, Present: true, Bytes: []byte{0, 1}},
	}}
}

const query = "$filter=status eq 'A' and note ne null&$orderby=ordered_at desc&$expand=lines($top=5)"

// TestToken holds that a place comes back as it was, and for any size of the page.
func TestToken(t *testing.T) {
	tokens := NewTokens(ring{key(1), key(2)})
	token, err := tokens.Seal(someMark(), bound(t, query, "cn=alice"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := tokens.Open(token, bound(t, query+"&$top=7", "cn=alice"))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, someMark()) {
		t.Errorf("the place is %+v", m)
	}
	if strings.Contains(token, "UE8t") || len(token) > 300 {
		t.Errorf("the token is %s", token)
	}
	again, err := tokens.Seal(someMark(), bound(t, query, "cn=alice"))
	if err != nil || again != token {
		t.Errorf("the same page has another token: %s, %v", again, err)
	}
	if _, err := NewTokens(ring{key(2), key(3)}).Open(token, bound(t, query, "cn=alice")); err != nil {
		t.Errorf("after a change of keys: %v", err)
	}
}

// TestTokenRefused holds that a token is good for one search of one principal, and
// that whatever is wrong with it has one answer.
func TestTokenRefused(t *testing.T) {
	tokens := NewTokens(ring{key(1)})
	token, err := tokens.Seal(someMark(), bound(t, query, "cn=alice"))
	if err != nil {
		t.Fatal(err)
	}
	renamed := bound(t, query, "cn=alice")
	renamed.View.Name = "others"
	retyped := bound(t, query, "cn=alice")
	retyped.View.Fields[0].Type.Kind = mapping.IntegerColumn
	for _, c := range []struct {
		why   string
		keys  ring
		token string
		of    Bound
	}{
		{"another principal", ring{key(1)}, token, bound(t, query, "cn=bob")},
		{"another filter", ring{key(1)}, token, bound(t, "$filter=status eq 'B' and note ne null&$orderby=ordered_at desc&$expand=lines($top=5)", "cn=alice")},
		{"another order", ring{key(1)}, token, bound(t, "$filter=status eq 'A' and note ne null&$orderby=ordered_at&$expand=lines($top=5)", "cn=alice")},
		{"other fields", ring{key(1)}, token, bound(t, query+"&$select=status", "cn=alice")},
		{"a count", ring{key(1)}, token, bound(t, query+"&$count=true", "cn=alice")},
		{"other children", ring{key(1)}, token, bound(t, "$filter=status eq 'A' and note ne null&$orderby=ordered_at desc&$expand=lines($top=6)", "cn=alice")},
		{"another view", ring{key(1)}, token, renamed},
		{"a key of another type", ring{key(1)}, token, retyped},
		{"an unknown key", ring{key(2)}, token, bound(t, query, "cn=alice")},
		{"another key of the id", ring{{ID: 1, Secret: bytes.Repeat([]byte{9}, 32)}}, token, bound(t, query, "cn=alice")},
		{"nothing", ring{key(1)}, "", bound(t, query, "cn=alice")},
		{"no base64url", ring{key(1)}, "!" + token[1:], bound(t, query, "cn=alice")},
		{"padding", ring{key(1)}, token + "=", bound(t, query, "cn=alice")},
		{"too long", ring{key(1)}, strings.Repeat("A", sealing.MaxToken+1), bound(t, query, "cn=alice")},
	} {
		wantRefused(t, c.why, NewTokens(c.keys), c.token, c.of)
	}
	for i := range token {
		wantRefused(t, "cut off", tokens, token[:i], bound(t, query, "cn=alice"))
		other := byte('A')
		if token[i] == other {
			other = 'B'
		}
		wantRefused(t, "changed", tokens, token[:i]+string(other)+token[i+1:], bound(t, query, "cn=alice"))
	}
}

func wantRefused(t *testing.T, why string, tokens Tokens, token string, of Bound) {
	t.Helper()
	_, err := tokens.Open(token, of)
	if err == nil {
		t.Errorf("%s: taken: %s", why, token)
		return
	}
	if f := fault.Of(err); f.Code != fault.CodePage || f.Message != fault.New(fault.CodePage, "").Message || f.Details != nil {
		t.Errorf("%s: %v", why, err)
	}
}

// TestTokenTooLong holds that a place that makes no address is a refusal.
func TestTokenTooLong(t *testing.T) {
	m := &view.Mark{Values: []view.Value{{Kind: mapping.StringColumn, Present: true, Text: strings.Repeat("x", sealing.MaxToken)}}}
	if _, err := NewTokens(ring{key(1)}).Seal(m, bound(t, "", "cn=alice")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}
