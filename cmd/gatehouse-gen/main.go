// Command gatehouse-gen makes a typed Go client from each WSDL it is given,
// beside the WSDL, in a package named after its folder:
//
//	gatehouse-gen wsdl/orders/orders.wsdl
//
// With -o DIR the clients go into that folder instead. With -check it writes
// nothing and says whether the client that is there is the one it would make.
//
// The generator is gowsdl. It is given the contract in a form of which it drops
// nothing: one file, one schema, every name a Go identifier that no other is
// like. What it makes is then completed with what that form does not say: the
// types of the values, kept exactly where Go has none for them, the elements'
// names and namespaces, how often they occur, choices, derived types, nil. A
// client is two files, its own and soapxml.go, which is the same for all; they
// need nothing but the standard library.
//
// What comes out for each WSDL is a verdict in one line, with -json a document
// with all of them. A client is compiled and vetted, and samples of every message
// are read into its types and written again: what is not the same then, or not
// valid, is said for the operation that it concerns. No client is written that
// does not compile.
//
// It is a binary of its own because gowsdl makes a folder when it is merely
// linked in, and ends the process when it cannot. The gateway never links it.
//
// It needs the go command. It exits 0 when every client was made, 1 when one was
// not, or not for all its operations, 2 on wrong usage.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
)

func main() {
	log.SetOutput(io.Discard) // gowsdl's chatter; its errors come back as errors
	runtime.GOMAXPROCS(1)     // gowsdl writes one map from two goroutines
	code := run(os.Args[1:], os.Stdout, os.Stderr)
	removeCache()
	os.Exit(code)
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("gatehouse-gen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprintln(stderr, "usage: gatehouse-gen [-check] [-json] [-o DIR] WSDL...") }
	var o options
	flags.BoolVar(&o.check, "check", false, "")
	flags.StringVar(&o.out, "o", "", "")
	asJSON := flags.Bool("json", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	code := 0
	verdicts := []verdict{}
	for _, wsdl := range flags.Args() {
		v := generate(wsdl, o)
		verdicts = append(verdicts, v)
		if v.Failed != "" || len(v.Except) > 0 {
			code = 1
		}
		if !*asJSON {
			fmt.Fprintln(stdout, v)
		}
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(verdicts); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
	}
	return code
}

// removeCache removes the folder that gowsdl makes when the process starts and
// leaves behind empty. One that has something in it is another program's.
func removeCache() {
	os.Remove(filepath.Join(os.TempDir(), "gowsdl-cache"))
}
