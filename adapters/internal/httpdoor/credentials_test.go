package httpdoor

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

func TestBasicCredentials(t *testing.T) {
	encode := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		name   string
		values []string
		want   *gateway.Credentials
		code   fault.Code
	}{
		{"absent", nil, nil, ""},
		{"plain", []string{encode("erp:secret")}, &gateway.Credentials{Username: "erp", Password: "secret"}, ""},
		{"colons in the password", []string{encode("erp:a:b:")}, &gateway.Credentials{Username: "erp", Password: "a:b:"}, ""},
		{"UTF-8", []string{encode("jürgen:päss€")}, &gateway.Credentials{Username: "jürgen", Password: "päss€"}, ""},
		{"ISO-8859-1", []string{encode("j\xfcrgen:p\xe4ss")}, &gateway.Credentials{Username: "jürgen", Password: "päss"}, ""},
		{"scheme in lower case, blanks", []string{"basic   " + encode("a:b")[6:] + " "}, &gateway.Credentials{Username: "a", Password: "b"}, ""},
		{"no padding", []string{"Basic YTpi"}, &gateway.Credentials{Username: "a", Password: "b"}, ""},
		{"wildcard user passes on to the directory", []string{encode("*:x")}, &gateway.Credentials{Username: "*", Password: "x"}, ""},
		{"empty password", []string{encode("erp:")}, nil, fault.CodeUnauthenticated},
		{"empty user", []string{encode(":x")}, nil, fault.CodeUnauthenticated},
		{"no colon", []string{encode("erp")}, nil, fault.CodeUnauthenticated},
		{"empty", []string{""}, nil, fault.CodeTokenUnsupported},
		{"scheme alone", []string{"Basic"}, nil, fault.CodeUnauthenticated},
		{"not base64", []string{"Basic %%%"}, nil, fault.CodeUnauthenticated},
		{"NUL", []string{encode("erp\x00:x")}, nil, fault.CodeUnauthenticated},
		{"tab", []string{encode("erp:x\ty")}, nil, fault.CodeUnauthenticated},
		{"line feed", []string{encode("erp:x\ny")}, nil, fault.CodeUnauthenticated},
		{"twice", []string{encode("a:b"), encode("c:d")}, nil, fault.CodeUnauthenticated},
		{"NTLM", []string{"NTLM TlRMTVNTUAABAAAA"}, nil, fault.CodeTokenUnsupported},
		{"Negotiate", []string{"Negotiate YII="}, nil, fault.CodeTokenUnsupported},
		{"Bearer with blanks", []string{"Bearer a b"}, nil, fault.CodeBearer},
		{"Bearer alone", []string{"Bearer"}, nil, fault.CodeBearer},
		{"Bearer with a quote", []string{`Bearer a"b`}, nil, fault.CodeBearer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := http.Header{}
			for _, v := range tt.values {
				header.Add("Authorization", v)
			}
			got, _, err := authorization(header)
			if tt.code != "" {
				if err == nil || fault.Of(err).Code != tt.code || fault.KindOf(err) != fault.Unauthenticated {
					t.Fatalf("got %v, %v; want %s", got, err, tt.code)
				}
				return
			}
			if err != nil || (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
				t.Fatalf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func FuzzDecodeBasic(f *testing.F) {
	for _, seed := range []string{"YTpi", "YTpi====", "", "=", "/////w", "OjpiOg=="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		username, password, ok := decodeBasic(in)
		if !ok && username+password != "" {
			t.Fatalf("refused credentials say %q, %q", username, password)
		}
		if HasControl(username + password) {
			t.Fatalf("control characters pass: %q, %q", username, password)
		}
	})
}
