package operations

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// MaxReason is how many characters a reason has at most.
const MaxReason = 1000

// reason reads the one thing that most bodies hold: {"reason": "…"}.
func (h *Handler) reason(c *call, required bool) (string, error) {
	var given struct {
		Reason string `json:"reason"`
	}
	if err := h.body(c, maxBody, &given, `{"reason": "…"}`); err != nil {
		return "", err
	}
	return strings.TrimSpace(given.Reason), CheckReason(given.Reason, required)
}

// body reads a JSON object such as the example, of at most limit bytes, strictly.
func (h *Handler) body(c *call, limit int64, into any, example string) error {
	if err := parse(c.r.URL.RawQuery).err(); err != nil {
		return err
	}
	if media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || media != contentJSON {
		return fault.New(fault.CodeMediaType, "the body must be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, limit))
	if err != nil {
		return unread(err, limit)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil || !utf8.Valid(body) {
		return fault.New(fault.CodeRequest, "the body is no JSON such as %s", example).Because(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.CodeRequest, "something follows the JSON of the body")
	}
	return nil
}

// CheckReason judges a reason that is to be kept with an act.
func CheckReason(reason string, required bool) error {
	refuse := func(why string) error {
		return fault.New(fault.CodeRequest, "").With(fault.Detail{Path: "reason", Message: why})
	}
	switch {
	case required && strings.TrimSpace(reason) == "":
		return refuse("is missing: whoever does this says why")
	case utf8.RuneCountInString(reason) > MaxReason:
		return refuse("has more than 1000 characters")
	case strings.ContainsFunc(reason, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return refuse("holds control characters")
	}
	return nil
}

// unread says why a body did not arrive.
func unread(err error, limit int64) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.CodeTooLarge, "a body here has at most %d KiB", limit>>10)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fault.New(fault.CodeSlow, "").Because(err)
	}
	return fault.New(fault.CodeRequest, "the body did not arrive whole").Because(err)
}

// names returns the keys of both maps, sorted.
func names(a, b map[string]int) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]int{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
