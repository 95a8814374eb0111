package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/wsdl"
)

// scriptTwins: twins FROM TO
// writes the JSON twin of each request in the folder FROM that has an envelope and a
// contract into the folder TO, as <number>-<operation>.json, and the request beside it.
// Without samples of each operation it fails.
func scriptTwins(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: twins from to")
	}
	ts.Check(os.MkdirAll(ts.MkAbs(args[1]), 0o755))
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.xml"))
	ts.Check(err)
	slices.Sort(files)
	written := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		ts.Check(err)
		twin, operation, err := twinOf(src)
		if err != nil {
			ts.Logf("%s: %v", filepath.Base(file), err)
			continue
		}
		written++
		name := filepath.Join(ts.MkAbs(args[1]), fmt.Sprintf("%03d-%s", written, operation))
		ts.Check(os.WriteFile(name+".json", twin, 0o644))
		ts.Check(os.WriteFile(name+".xml", src, 0o644))
	}
	if written == 0 {
		ts.Fatalf("%s holds no request of a contract", args[0])
	}
	fmt.Fprintf(ts.Stdout(), "%d twins\n", written)
}

// twinOf is the JSON twin of the message in an envelope, and its operation.
func twinOf(src []byte) (twin []byte, operation string, err error) {
	src, _, err = document.Decode(src, "")
	if err != nil {
		return nil, "", err
	}
	tree, err := document.Read(src)
	if err != nil {
		return nil, "", err
	}
	defer tree.Release()
	_, payload := envelope.Parts(tree)
	for _, path := range []string{"orders/orders.wsdl", "customers/customers.wsdl"} {
		c, err := contract.Load(wsdl.FS, path)
		if err != nil {
			return nil, "", err
		}
		for _, s := range c.Services {
			for _, op := range s.Operations {
				if payload.Exists() && op.Input.Element.Name == payload.Name() {
					twin, err = contract.AppendJSON(nil, op.Input.Element, payload)
					return twin, op.Name, err
				}
			}
		}
	}
	return nil, "", fmt.Errorf("no operation's request")
}

// scriptPost: post FOLDER soap|rest USER=OPERATION:SYSTEM/SERVICE:ROUTE,...
// sends what twins has written to the door, in its order, as the user who may, and
// prints the status of each.
func scriptPost(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 || args[1] != "soap" && args[1] != "rest" {
		ts.Fatalf("usage: post folder soap|rest user=operation:service:route,...")
	}
	type target struct{ user, url string }
	targets := map[string]target{}
	for _, arg := range args[2:] {
		user, list, _ := strings.Cut(arg, "=")
		for one := range strings.SplitSeq(list, ",") {
			parts := strings.Split(one, ":")
			url := ts.Getenv("BASE") + "/soap/" + parts[1]
			if args[1] == "rest" {
				url = ts.Getenv("BASE") + "/api/" + parts[2]
			}
			targets[parts[0]] = target{user, url}
		}
	}
	kind, ending := "", ".xml"
	if args[1] == "rest" {
		kind, ending = "application/json", ".json"
	}
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"+ending))
	ts.Check(err)
	slices.Sort(files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ending)
		_, operation, _ := strings.Cut(name, "-")
		to, known := targets[operation]
		if !known {
			ts.Fatalf("nobody sends %s", operation)
		}
		body, err := os.ReadFile(file)
		ts.Check(err)
		a := soapRequest{url: to.url, user: to.user, password: to.user + "-secret", contentType: kind, body: body, header: http.Header{}}.once()
		ts.Check(a.err)
		fmt.Fprintf(ts.Stdout(), "%s %v %s %s\n", name, a.header.Get("Gateway-Message-Id") != "", a.header.Get("Gateway-Duplicate"), a.header.Get("Gateway-Code"))
	}
}

// scriptTables: tables FILE
// prints what the business tables of a database hold.
func scriptTables(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: tables file")
	}
	text, err := dumpTables(context.Background(), ts.MkAbs(args[0]))
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), text)
}
