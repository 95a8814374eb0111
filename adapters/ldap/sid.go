package ldap

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// sidText writes a binary security identifier as people do ([MS-DTYP] §2.4.2.1);
// empty when it is none.
func sidText(raw []byte) string {
	if len(raw) < 8 || raw[0] != 1 || len(raw) != 8+4*int(raw[1]) {
		return ""
	}
	var b strings.Builder
	authority := binary.BigEndian.Uint64(append([]byte{0, 0}, raw[2:8]...))
	fmt.Fprintf(&b, "S-1-%d", authority)
	for i := 8; i < len(raw); i += 4 {
		fmt.Fprintf(&b, "-%d", binary.LittleEndian.Uint32(raw[i:]))
	}
	return b.String()
}

// parseSID reads what sidText writes; false when it has no binary form.
func parseSID(text string) (raw []byte, ok bool) {
	parts := strings.Split(text, "-")
	if len(parts) < 3 || len(parts) > 3+15 || !strings.EqualFold(parts[0], "S") || parts[1] != "1" {
		return nil, false
	}
	authority, err := strconv.ParseUint(parts[2], 10, 48)
	if err != nil {
		return nil, false
	}
	raw = append([]byte{1, byte(len(parts) - 3)}, binary.BigEndian.AppendUint64(nil, authority)[2:]...)
	for _, p := range parts[3:] {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return nil, false
		}
		raw = binary.LittleEndian.AppendUint32(raw, uint32(n))
	}
	return raw, true
}
