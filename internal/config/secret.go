package config

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

const stars = "***"

// Secret is a password or anything else that must never be seen. However it is
// printed, logged or encoded, it is stars; Reveal is the only way to its value.
//
// A field of this type, tagged `yaml:"password"`, takes `password`, or
// `password_file`, never both. The file is found from the folder of the
// configuration file; one newline at its end is cut. A `password` written
// ${NAME} is taken from the environment; one that stands there itself is among
// Node.Literals, for who does not want it there.
type Secret struct {
	// A pointer: fmt does not follow it when the Secret is an unexported field,
	// where it would not ask for Format either.
	value *string
	file  string // that the value was read from, or empty
}

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Fresh returns the secret as its file has it now, so that whoever logs in anew
// follows a rotation without a restart. A secret that came from no file is
// returned as it is, and with the error so is one whose file cannot be read.
func (s Secret) Fresh() (Secret, error) {
	if s.file == "" {
		return s, nil
	}
	fresh, err := readSecret(s.file)
	if err != nil {
		return s, err
	}
	return fresh, nil
}

// Unread returns the secret without its value when that was read from a file: for
// comparing two configurations where a rotation of the file is no change.
func (s Secret) Unread() Secret {
	if s.file == "" {
		return s
	}
	return Secret{file: s.file}
}

// Reveal returns the value; empty when none was given.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether no value, or an empty one, was given.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String returns stars.
func (s Secret) String() string { return stars }

// GoString returns stars.
func (s Secret) GoString() string { return stars }

// Format writes stars for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, stars) }

// MarshalText returns stars.
func (s Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }

// MarshalJSON returns stars.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + stars + `"`), nil }

// MarshalYAML returns stars.
func (s Secret) MarshalYAML() (any, error) { return stars, nil }

// LogValue returns stars.
func (s Secret) LogValue() slog.Value { return slog.StringValue(stars) }

const maxSecret = 64 << 10

var environment = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// secretValue takes the secret from the node of its own key. No message here
// may repeat what it read.
func secretValue(n *Node) (Secret, error) {
	if n.Kind != Scalar {
		return Secret{}, n.Fault("expected text, found %s", n.Kind)
	}
	name := environment.FindStringSubmatch(n.text)
	if name == nil {
		if n.text != "" {
			n.origin.literal(n)
		}
		return NewSecret(n.text), nil
	}
	value, ok := os.LookupEnv(name[1])
	if !ok || value == "" {
		return Secret{}, n.Fault("the environment variable %s is not set or empty", name[1])
	}
	return NewSecret(value), nil
}

// secretFile takes the secret from the file that the node names.
func secretFile(n *Node) (Secret, error) {
	var path Path
	if err := path.UnmarshalNode(n); err != nil {
		return Secret{}, err
	}
	secret, err := readSecret(string(path))
	if err != nil {
		return Secret{}, n.Fault("%v", err)
	}
	return secret, nil
}

func readSecret(path string) (Secret, error) {
	file, err := os.Open(path)
	if err != nil {
		return Secret{}, fmt.Errorf("reading the secret: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return Secret{}, fmt.Errorf("reading the secret: %w", err)
	}
	value := bytes.TrimSuffix(bytes.TrimSuffix(content, []byte("\n")), []byte("\r"))
	if len(value) == 0 || len(content) > maxSecret {
		return Secret{}, fmt.Errorf("the file %s is empty or larger than 64 KiB", path)
	}
	secret := NewSecret(strings.Clone(string(value)))
	secret.file = path
	return secret, nil
}
