package main

import (
	"fmt"
	"strings"
)

// interopRow is what was seen of one client: for each feature "yes", or why not.
type interopRow struct {
	title string
	cells []string
}

const interopHead = `# Interop: which client does what

Each row is a library of others whose program, in ` + "`testdata/interop`" + `, calls the gateway;
what came over the wire and what was stored was looked at, not its word alone.
` + "`go test ./cmd/gatehouse -run TestInterop -update`" + ` writes this page from what it saw, and
the test fails when it sees something else. "–" is a thing that the client itself does not
do: why stands below. What single clients need of us is in [quirks.md](quirks.md).

- SOAP 1.1, SOAP 1.2: a booking with text beyond ASCII and a decimal, with Basic.
- Basic: a wrong password is refused and nothing stored; the right one is let in.
- UsernameToken: the password as text in wsse:Security, and no Basic.
- declared fault: the fault of the contract, read as its type.
- one-way: answered without a body.
- gzip: the request is compressed.
- WS-Addressing: wsa:MessageID is the message's identity, and the answer relates to it.
- attachment: 40,000 octets beside the envelope, not in it.
- repeat: the same message twice is stored once, and has the same reply.
- query: an order is asked for by its number; where there is none, the answer is the
  fault of the contract, read as its type.
- paging: a customer's 25 orders are found page by page, each once, with their lines.

`

// printInterop is the page. Rows that were not seen are taken from the old one.
func printInterop(seen []*interopRow, old string) string {
	var b, notes strings.Builder
	b.WriteString(interopHead + "| Client |")
	for _, f := range interopFeatures {
		fmt.Fprintf(&b, " %s |", f.title)
	}
	b.WriteString("\n|--|" + strings.Repeat("--|", len(interopFeatures)) + "\n")
	for i, c := range interopClients {
		if seen[i] == nil {
			keepLines(&b, old, "| "+c.title+" |")
			keepLines(&notes, old, "- "+c.title+", ")
			continue
		}
		fmt.Fprintf(&b, "| %s |", c.title)
		for j, cell := range seen[i].cells {
			if cell != "yes" && cell != "no" {
				fmt.Fprintf(&notes, "- %s, %s: %s.\n", c.title, interopFeatures[j].title, cell)
				cell = "–"
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	if notes.Len() > 0 {
		b.WriteString("\n## What a client does not do\n\n" + notes.String())
	}
	return b.String()
}

// keepLines copies the lines of a text that begin so.
func keepLines(b *strings.Builder, text, begin string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, begin) {
			b.WriteString(line)
		}
	}
}
