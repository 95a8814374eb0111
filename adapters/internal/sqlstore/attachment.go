package sqlstore

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/gatehouse/gatehouse/internal/gateway"
)

// The longest texts of an attachment's row, in characters.
const (
	MaxContentID = 400
	MaxMediaType = 255
)

// Short cuts a text that is told and never compared to so many bytes, which are
// no more characters.
func Short(s string, most int) string {
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

// attachments lists what is kept of what a message was sent with.
func (s *Store) attachments(ctx context.Context, id gateway.ID) ([]gateway.AttachmentRecord, error) {
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.attachments, id[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []gateway.AttachmentRecord
	for rows.Next() {
		var (
			a    gateway.AttachmentRecord
			hash gateway.Digest
		)
		if err := rows.Scan(&a.Part, &a.ContentID, &a.MediaType, &a.Size, scanDigest(&hash)); err != nil {
			return nil, err
		}
		a.SHA256 = hex.EncodeToString(hash[:])
		out = append(out, a)
	}
	return out, rows.Err()
}

// Attached returns those of the hashes that some message refers to.
func (s *Store) Attached(ctx context.Context, hashes []gateway.Digest) (map[gateway.Digest]bool, error) {
	const doing = "looking for attachments"
	b := make([]byte, 0, 68*len(hashes)+2)
	for i, h := range hashes {
		b = append(b, "[,"[min(i, 1)], '"')
		b = hex.AppendEncode(b, h[:])
		b = append(b, '"')
	}
	out := map[gateway.Digest]bool{}
	if len(hashes) == 0 {
		return out, nil
	}
	rows, err := s.dialect.Reader().QueryContext(ctx, s.text.attached, s.dialect.Document(string(append(b, ']'))))
	if err != nil {
		return nil, s.fail(doing, err)
	}
	defer rows.Close()
	for rows.Next() {
		var h gateway.Digest
		if err := rows.Scan(scanDigest(&h)); err != nil {
			return nil, s.fail(doing, err)
		}
		out[h] = true
	}
	return out, s.fail(doing, rows.Err())
}
