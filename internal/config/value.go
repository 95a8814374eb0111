package config

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// ByteSize is a number of bytes, written plain or with KiB, MiB or GiB.
type ByteSize int64

var byteUnits = []struct {
	name  string
	shift uint
}{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}}

// UnmarshalText reads 4096, 64KiB, 1MiB or 2GiB.
func (b *ByteSize) UnmarshalText(text []byte) error {
	digits, shift := strings.TrimSpace(string(text)), uint(0)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(digits, u.name); ok {
			digits, shift = strings.TrimSpace(rest), u.shift
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n<<shift>>shift != n || int64(n<<shift) < 0 {
		return fmt.Errorf("%q is not a size; write bytes, or a whole number with KiB, MiB or GiB", text)
	}
	*b = ByteSize(n << shift)
	return nil
}

// String renders the size with the largest unit that divides it.
func (b ByteSize) String() string {
	for _, u := range byteUnits {
		if b != 0 && b%(1<<u.shift) == 0 {
			return strconv.FormatInt(int64(b>>u.shift), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Path is the path of a file. A relative one is resolved, when decoded, against
// the folder of the configuration file it stands in.
type Path string

// UnmarshalNode resolves the path.
func (p *Path) UnmarshalNode(n *Node) error {
	if n.Kind != Scalar || n.text == "" {
		return n.Fault("expected the path of a file, found %s", describe(n))
	}
	*p = Path(Resolve(n.File, n.text))
	return nil
}

// Resolve returns path as seen from the folder of file, unless it is absolute.
func Resolve(file, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}
