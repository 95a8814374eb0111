package amqp

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"strings"

	driver "github.com/rabbitmq/amqp091-go"

	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// content is a message's body and what is said about it. read turns it into what
// the core takes; when that fails, the body stays as it came.
type content struct {
	typ      string
	encoding string
	body     []byte
	max      int64
	format   gateway.Format
	places   *document.Origin
}

const byteOrderMark = "\uFEFF"

// read unpacks the body, makes UTF-8 of it, and finds out its format.
func (c *content) read() error {
	c.format = gateway.XML
	if int64(len(c.body)) > c.max {
		return tooLarge(c.max)
	}
	if len(c.body) == 0 {
		return fault.New(fault.CodeMalformed, "the message is empty")
	}
	essence, charset, err := mediaType(c.typ)
	if err != nil {
		return err
	}
	body, charset, err := c.unpack(charset)
	if err != nil {
		return err
	}
	text, places, err := document.Decode(body, charset)
	if err != nil {
		where := fault.Detail{Message: err.Error()}
		if s, ok := errors.AsType[*document.SyntaxError](err); ok {
			where = fault.Detail{Message: s.Message, Line: s.Line, Column: s.Column}
		}
		return fault.New(fault.CodeEncoding, "").With(where)
	}
	if c.format, err = formatOf(essence, text); err != nil {
		return err
	}
	c.body, c.places = text, places
	if c.format == gateway.JSON {
		c.body = bytes.TrimPrefix(text, []byte(byteOrderMark)) // RFC 8259 §8.1 lets readers ignore it
	}
	return nil
}

// mediaType splits a content-type (RFC 9110 §8.3.1).
func mediaType(value string) (essence, charset string, err error) {
	if value == "" {
		return "", "", nil
	}
	essence, parameters, err := mime.ParseMediaType(value)
	if err != nil {
		return "", "", fault.New(fault.CodeMediaType, "the content-type %q is malformed", clip(value)).Because(err)
	}
	return essence, parameters["charset"], nil
}

// unpack undoes the content-encoding. Clients that send text use it for the name
// of a charset; the content-type's goes before.
func (c *content) unpack(charset string) ([]byte, string, error) {
	switch encoding := strings.ToLower(c.encoding); {
	case encoding == "" || encoding == "identity":
	case isPacked(encoding):
		body, err := c.gunzip()
		return body, charset, err
	case isCharset(encoding):
		if charset == "" {
			charset = encoding
		}
	default:
		return nil, "", fault.New(fault.CodeMediaType, "the content-encoding %q is not taken here; send gzip or none", clip(c.encoding))
	}
	return c.body, charset, nil
}

// weight is what a message may take in memory, in bytes, before it is unpacked.
func (e Endpoint) weight(d *driver.Delivery) int64 {
	if isPacked(strings.ToLower(d.ContentEncoding)) {
		return int64(e.MaxMessageBytes)
	}
	return int64(len(d.Body))
}

func isPacked(encoding string) bool { return encoding == "gzip" || encoding == "x-gzip" }

func isCharset(name string) bool {
	for _, family := range []string{"utf", "us-ascii", "ascii", "iso-8859-", "iso8859-", "latin", "windows-", "cp125"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return false
}

// gunzip unpacks at most max bytes. What is kept of a message for which that
// fails is the packed bytes.
func (c *content) gunzip() ([]byte, error) {
	packed, err := gzip.NewReader(bytes.NewReader(c.body))
	var out bytes.Buffer
	if err == nil {
		_, err = out.ReadFrom(io.LimitReader(packed, c.max+1))
	}
	switch {
	case err != nil:
		c.typ = "application/gzip"
		return nil, fault.New(fault.CodeEncoding, "the body is not what its content-encoding says").Because(err)
	case int64(out.Len()) > c.max:
		c.typ = "application/gzip"
		return nil, tooLarge(c.max)
	}
	return out.Bytes(), nil
}

func tooLarge(most int64) error {
	return fault.New(fault.CodeTooLarge, "the message is larger than %d bytes, the most this queue's endpoint takes", most)
}

// formatOf decides by the content-type, or without one by the first character.
func formatOf(essence string, text []byte) (gateway.Format, error) {
	switch {
	case essence == "application/json", essence == "text/json", strings.HasSuffix(essence, "+json"):
		return gateway.JSON, nil
	case essence == "application/xml", essence == "text/xml", strings.HasSuffix(essence, "+xml"):
		return gateway.XML, nil
	case essence != "":
		return gateway.XML, fault.New(fault.CodeMediaType, "the content-type %q is not taken here; send application/xml or application/json", clip(essence))
	}
	start := bytes.TrimLeft(bytes.TrimPrefix(text, []byte(byteOrderMark)), " \t\r\n")
	switch {
	case bytes.HasPrefix(start, []byte("<")):
		return gateway.XML, nil
	case bytes.HasPrefix(start, []byte("{")), bytes.HasPrefix(start, []byte("[")):
		return gateway.JSON, nil
	}
	return gateway.XML, fault.New(fault.CodeMediaType, "there is no content-type, and the message begins neither like XML nor like JSON")
}

// clip shortens what a sender wrote before it is quoted back.
func clip(s string) string {
	const longest = 80
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
