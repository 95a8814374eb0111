package broker

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzDecode reads arbitrary bytes as a table and as properties: no panic, and
// what was read without an error is written and read again alike.
func FuzzDecode(f *testing.F) {
	seed := table{"text": "ä", "number": int64(1), "list": []any{table{"deep": nil}, 1.5}, "bytes": []byte{0}}
	f.Add((&encoder{}).table(seed).b)
	f.Add((&encoder{}).properties(&properties{flags: flag(0) | flag(propTimestamp), headers: seed}).b)
	f.Add([]byte("\x00\x00\x00\x05\x01kF\x00\x00"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &decoder{b: b}
		if first := d.table(); d.err == nil {
			again := (&encoder{}).table(first).b
			second := &decoder{b: again}
			if third := (&encoder{}).table(second.table()).b; second.err != nil || !bytes.Equal(again, third) {
				t.Errorf("table %q became %q (%v)", again, third, second.err)
			}
		}
		d = &decoder{b: b}
		if p := d.properties(); d.err == nil {
			again := &decoder{b: (&encoder{}).properties(&p).b}
			if again.properties(); again.err != nil {
				t.Errorf("properties %q: %v", b, again.err)
			}
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Add(appendFrame(nil, frameMethod, 1, []byte("abcd")))
	f.Add([]byte("\x01\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readFrame(bytes.NewReader(b))
		if err == nil && !bytes.HasPrefix(b, appendFrame(nil, got.kind, got.channel, got.payload)) {
			t.Errorf("frame %q read as %+v", b, got)
		}
	})
}

func TestDeepTableIsRefused(t *testing.T) {
	var b []byte
	for range 100 {
		b = (&encoder{}).longstr("\x01kF" + string(b)).b
	}
	d := &decoder{b: b}
	if d.table(); d.err == nil {
		t.Error("a table of 100 levels was read")
	}
}

func TestTopicDoesNotExplode(t *testing.T) {
	pattern := strings.Split(strings.Repeat("#.", 8)+"x", ".")
	if matchTopic(pattern, strings.Split(strings.Repeat("a.", 12)+"a", ".")) {
		t.Error("matched")
	}
}
