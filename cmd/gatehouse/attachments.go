package main

import (
	"time"

	"github.com/gatehouse/gatehouse/adapters/blob"
	"github.com/gatehouse/gatehouse/adapters/soap"
)

// openAttachments opens the directory of attachments, or returns nil when none is
// configured.
func (p *project) openAttachments() (*blob.Directory, error) {
	if p.Attachments.Directory == "" {
		return nil, nil
	}
	return blob.Open(p.Attachments, time.Now)
}

// spool is that directory as the SOAP door sees it.
type spool struct{ *blob.Directory }

// Spool implements soap.Spool.
func (s spool) Spool() (soap.Spooled, error) { return s.Directory.Spool() }
