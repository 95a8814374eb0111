//go:build unix

package export

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// manyEnv says how many rows are written and read back; without it 20,000.
const manyEnv = "GATEHOUSE_TEST_EXPORT_ROWS"

// childEnv has a process write one file and tell how much memory it took: format, rows
// and path.
const childEnv = "GATEHOUSE_TEST_EXPORT_CHILD"

// memoryLimit is what a process may have while it writes any number of rows.
const memoryLimit = 128 << 20

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		if err := child(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(what string) error {
	part := strings.SplitN(what, " ", 3)
	rows, err := strconv.Atoi(part[1])
	if err != nil {
		return err
	}
	if err := writeFile(part[0], rows, part[2]); err != nil {
		return err
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	_, err = fmt.Println(used.Maxrss<<10, (used.Utime.Nano()+used.Stime.Nano())/1e6)
	return err
}

// writeFile writes a file of so many rows.
func writeFile(format string, rows int, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	kind, err := Find(format, Options{})
	if err != nil {
		return err
	}
	w, err := kind.Make(f, sample(), testHead)
	if err != nil {
		return err
	}
	for row, err := range sampleRows(rows) {
		if err != nil {
			return err
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}

// TestReadBack holds that files of every format are written in bounded memory, and have
// what was stored when somebody else's program reads them.
func TestReadBack(t *testing.T) {
	rows := 20_000
	if text := os.Getenv(manyEnv); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		format, pkg   string
		probe, reader []string
		digits        int
		object        bool // rows are compared as objects
		more          string
		most          int // rows that this reader ends with in some minutes; 0: any number
	}{
		{FormatCSV, "python3", []string{"/usr/bin/python3", "-c", ""}, []string{"/usr/bin/python3", "csv_read.py"}, 3, false, "", 0},
		{FormatJSONL, "python3", []string{"/usr/bin/python3", "-c", ""}, []string{"/usr/bin/python3", "json_read.py"}, 3, false, "", 0},
		{FormatXLSX, "python3-openpyxl", []string{"/usr/bin/python3", "-c", "import openpyxl"}, []string{"/usr/bin/python3", "xlsx_read.py"}, 3, false, "gatehouse.position: 0=17,1=4", 100_000},
		{FormatXLSX, "xlsx2csv", []string{"sh", "-c", "command -v xlsx2csv"}, []string{"/usr/bin/python3", "xlsx_stream_read.py"}, 3, false, "['orders'", 0},
		{FormatParquet, "nodejs and npm", []string{"sh", "-c", "command -v node && command -v npm"}, []string{"./parquet_read.sh"}, 6, true, " 0=17,1=4", 0},
	} {
		t.Run(c.format+" by "+c.pkg, func(t *testing.T) {
			if c.most > 0 && rows > c.most {
				t.Skipf("%s takes too long over %d rows; another reads them", c.pkg, rows)
			}
			path := filepath.Join(t.TempDir(), "file."+c.format)
			measure(t, c.format, rows, path)
			if exec.CommandContext(t.Context(), c.probe[0], c.probe[1:]...).Run() != nil {
				if os.Getenv("CI") == "true" {
					t.Errorf("CI has no %s; testdata/servers/run.sh installs it", c.pkg)
				}
				t.Skipf("%s is not installed: nobody reads the file", c.pkg)
			}
			expected := filepath.Join(t.TempDir(), "expected")
			expect(t, expected, rows, c.digits, c.object)
			cmd := exec.CommandContext(t.Context(), c.reader[0], append(c.reader[1:], path, expected)...)
			cmd.Dir = "testdata"
			out, err := cmd.CombinedOutput()
			said := strings.TrimSpace(string(out))
			if err == nil && strings.Contains(said, "cannot be fetched here") {
				t.Skip(said)
			}
			if first, _, _ := strings.Cut(said, " "); err != nil || first != strconv.Itoa(rows) || !strings.Contains(said, c.more) {
				t.Errorf("%v: %.1000s", err, said)
			}
			t.Logf("%.300s", said)
		})
	}
}

// measure writes a file in a process of its own.
func measure(t *testing.T, format string, rows int, path string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+format+" "+strconv.Itoa(rows)+" "+path)
	out, err := cmd.CombinedOutput()
	var most, millis int64
	if _, scan := fmt.Sscan(string(out), &most, &millis); err != nil || scan != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d rows, %d bytes, %d MiB of memory at most, %d ms of processor", format, rows, info.Size(), most>>20, millis)
	if most > memoryLimit {
		t.Errorf("writing took %d bytes of memory", most)
	}
}

// expect writes what a reader is to find.
func expect(t *testing.T, path string, rows, digits int, object bool) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, table := bufio.NewWriter(f), sample()
	names := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		names[i] = c.Name
	}
	if !object {
		if err := writeLine(w, names); err != nil {
			t.Fatal(err)
		}
	}
	for n := range rows {
		r := sampleRow(n)
		var line any = plain(table, &r, digits)
		if object {
			line = ordered{names, plain(table, &r, digits)}
		}
		if err := writeLine(w, line); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// ordered is an object whose names have an order.
type ordered struct {
	names  []string
	values []any
}

// MarshalJSON implements json.Marshaler.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	for i, name := range o.names {
		b.WriteString([]string{",", "{"}[boolInt(i == 0)])
		if err := writeLine(&b, name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := writeLine(&b, o.values[i]); err != nil {
			return nil, err
		}
	}
	return []byte(b.String() + "}"), nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
