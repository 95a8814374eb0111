package ldap

import (
	"bytes"
	"testing"
)

func TestSID(t *testing.T) {
	raw := []byte{1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 0xdc, 0xf4, 0xdc, 0x3b, 0x83, 0x3d, 0x2b, 0x46, 0x82, 0x8b, 0xa6, 0x28, 0, 2, 0, 0}
	const text = "S-1-5-21-1004336348-1177238915-682003330-512"
	if got := sidText(raw); got != text {
		t.Errorf("written %s", got)
	}
	if got, ok := parseSID(text); !ok || !bytes.Equal(got, raw) {
		t.Errorf("read %x, %v", got, ok)
	}
	for _, broken := range [][]byte{nil, raw[:7], raw[:27], append([]byte{2}, raw[1:]...)} {
		if got := sidText(broken); got != "" {
			t.Errorf("%x is %s", broken, got)
		}
	}
	for _, broken := range []string{"", "S", "S-1", "S-1-x", "S-2-5-1", "S-1-5-99999999999", "S-1-5--1", "S-1-5-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1", "*"} {
		if got, ok := parseSID(broken); ok {
			t.Errorf("%s is %x", broken, got)
		}
	}
}

func FuzzSID(f *testing.F) {
	f.Add([]byte{1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0})
	f.Add([]byte{1, 0, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := sidText(raw)
		if text == "" || raw[1] > 15 {
			return
		}
		if again, ok := parseSID(text); !ok || !bytes.Equal(again, raw) {
			t.Errorf("%x is %s, which is %x", raw, text, again)
		}
	})
}
