package sqlite

import (
	"strings"
	"testing"
	"time"
)

func TestChecksOf(t *testing.T) {
	const statement = `CREATE TABLE "a.b" (
  id INTEGER PRIMARY KEY, -- CHECK (no)
  n DECIMAL(12,3) NOT NULL CONSTRAINT ck_n CHECK (n > (0) AND s <> ')') /* CHECK (no) */,
  s NVARCHAR(9) CONSTRAINT df_s DEFAULT ('CHECK (no)') CHECK(s <> ''''),
  "check" INT CONSTRAINT nn NOT NULL CHECK ("check" = 1),
  CONSTRAINT ck_type CHECK (typeof(s) = 'text' AND length(s) <= 9),
  CONSTRAINT "ck both" CHECK
  (n = 1 OR s = 'x'))`
	want := "ck_n n > (0) AND s <> ')'|" + ` s <> ''''|` + ` "check" = 1|` + "ck_type typeof(s) = 'text' AND length(s) <= 9|" + "ck both n = 1 OR s = 'x'"
	var got []string
	for _, c := range checksOf(statement) {
		got = append(got, c.Name+" "+c.Text)
	}
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	for text, is := range map[string]bool{
		"typeof(s) = 'text' AND length(s) <= 9":                             true,
		"s IS NULL OR typeof(s) = 'integer' AND s BETWEEN -32768 AND 32767": true,
		"b IN (0, 1)": true,
		"d GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'": true,
		"typeof(s) = 'text' AND s <> ''":                      false,
		"typeof(s) = 'integer' AND s BETWEEN 1 AND 5":         false,
		"s IN (0, 1, 2)": false,
	} {
		if typeCheck.MatchString(text) != is {
			t.Errorf("%q says nothing but the type: want %v", text, is)
		}
	}
}

// What is no statement at all takes no long time either.
func TestChecksOfHostile(t *testing.T) {
	for _, text := range []string{"", "CHECK (", strings.Repeat("CHECK (", 20000), strings.Repeat("/*", 20000), "CHECK ('", strings.Repeat("CHECK (a) ", 20000)} {
		start := time.Now()
		checksOf(text)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%.20q… took %v", text, took)
		}
	}
}
