package rest

import (
	"net/http"
	"testing"
)

func TestIdempotencyKey(t *testing.T) {
	for value, want := range map[string]string{
		`"8e03978e-40d5-43dd-bc93-6894a57f9324"`: "8e03978e-40d5-43dd-bc93-6894a57f9324",
		`8e03978e-40d5-43dd-bc93-6894a57f9324`:   "8e03978e-40d5-43dd-bc93-6894a57f9324",
		`"a \"b\" \\"`:                           `a "b" \`,
		`"a";version=1`:                          "a",
		` "a" `:                                  "a",
		`urn:uuid:x/1=`:                          "urn:uuid:x/1=",
		`"`:                                      "",
		`""`:                                     "",
		``:                                       "",
		`"a`:                                     "",
		`"a" b`:                                  "",
		`"a\b"`:                                  "",
		`"ä"`:                                    "",
		`ä`:                                      "",
		`a b`:                                    "",
		`a,b`:                                    "",
		`a;b`:                                    "",
		`'a'`:                                    "'a'",
		"\"a\x7F\"":                              "",
		`"a\`:                                    "",
		`"a", "b"`:                               "",
		`?1`:                                     "",
		`:YWJj:`:                                 ":YWJj:",
		`("a" "b")`:                              "",
		`"a"`:                                    "a",
		`"\""`:                                   `"`,
		`"key with a ;"`:                         "key with a ;",
		`"key with a ";;`:                        "key with a ",
	} {
		got, err := idempotencyKey(http.Header{headerKey: {value}})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s is %q, %v; want %q", value, got, err, want)
		}
	}
	if got, err := idempotencyKey(http.Header{}); got != "" || err != nil {
		t.Errorf("none is %q, %v", got, err)
	}
	if _, err := idempotencyKey(http.Header{headerKey: {"a", "a"}}); err == nil {
		t.Error("two keys are taken")
	}
}
