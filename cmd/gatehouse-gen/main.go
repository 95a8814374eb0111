// Command gatehouse-gen makes a typed Go client from each WSDL it is given,
// beside the WSDL, in a package named after its folder:
//
//	gatehouse-gen wsdl/orders/orders.wsdl
//
// With -check it writes nothing and says whether the client that is there is
// the one it would make.
//
// The work is done by gowsdl, on a copy of the contract as the gateway loads
// it, so that nothing is ever fetched; gatehouse-gen adds the built-in types
// that gowsdl does not know, drops the imports it does not use, and keeps the
// client only if it compiles. What comes out for each WSDL is one line: where
// the client is, or why there is none.
//
// It is a binary of its own because gowsdl makes a folder when it is merely
// linked in, and ends the process when it cannot. The gateway never links it.
//
// It exits 0 when every client was made, 1 when one was not, 2 on wrong usage.
package main

import (
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
	flags.Usage = func() { fmt.Fprintln(stderr, "usage: gatehouse-gen [-check] WSDL...") }
	check := flags.Bool("check", false, "")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	code := 0
	for _, wsdl := range flags.Args() {
		out, err := generate(wsdl, *check)
		if err != nil {
			fmt.Fprintf(stdout, "%s: no typed client: %v\n", wsdl, err)
			code = 1
			continue
		}
		fmt.Fprintf(stdout, "%s: typed client: %s\n", wsdl, out)
	}
	return code
}

// removeCache removes the folder that gowsdl makes when the process starts and
// leaves behind empty. One that has something in it is another program's.
func removeCache() {
	os.Remove(filepath.Join(os.TempDir(), "gowsdl-cache"))
}
