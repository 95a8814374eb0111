package soap

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
)

// Config is the SOAP door's own section. Every zero value means its default.
type Config struct {
	// PublicURL is scheme, host and path prefix that callers use, without
	// /soap. It is written into the published WSDL. Default: what each request
	// says, through trusted proxies.
	PublicURL string `yaml:"public_url"`
	// TrustedProxies are the networks, in CIDR notation, whose X-Forwarded-For,
	// -Proto, -Host, -Port and -Prefix headers are believed. Default: none.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	// Realm is named in the Basic challenge. Default: Gatehouse.
	Realm string `yaml:"realm"`
	// RequireTLSForPasswords refuses passwords that come in clear. Default:
	// true, but for callers on the loopback interface that came through no
	// proxy.
	RequireTLSForPasswords *bool `yaml:"require_tls_for_passwords"`
	// FaultStatus12 is the HTTP status of SOAP 1.2 sender faults: 500, or 400 as
	// SOAP 1.2 part 2 §7.5.2.2 has it, which WCF callers cannot read. Default: 500.
	FaultStatus12 int `yaml:"fault_status_12"`

	// MaxBodyBytes bounds a body, on the wire and decoded. Default: 10 MiB.
	MaxBodyBytes config.ByteSize `yaml:"max_body_bytes"`
	// MaxConcurrent is how many requests are worked on at once; more are told
	// to come again (503). Default: 2048.
	MaxConcurrent int `yaml:"max_concurrent"`
	// MaxPerCaller is how many requests of one address are worked on at once.
	// Default: as max_concurrent.
	MaxPerCaller int `yaml:"max_per_caller"`
	// MaxLargeBodies is how many bodies of max_body_bytes are held at once, or how
	// many more of less: it bounds the memory that bodies of more than 64 KiB take.
	// Default: 32.
	MaxLargeBodies int `yaml:"max_large_bodies"`
	// MaxParts is how many attachments a message has at most. Default: 50.
	MaxParts int `yaml:"max_parts"`
	// MaxAttachmentBytes bounds one attachment, decoded. Default: 64 MiB.
	MaxAttachmentBytes config.ByteSize `yaml:"max_attachment_bytes"`
	// MaxAttachmentsBytes bounds all attachments of a message together, on the wire
	// and decoded. Default: 128 MiB.
	MaxAttachmentsBytes config.ByteSize `yaml:"max_attachments_bytes"`
	// MaxHeaderBytes bounds request line and headers. Default: 64 KiB.
	MaxHeaderBytes config.ByteSize `yaml:"max_header_bytes"`
	// MaxSOAPHeaderBytes bounds what stands before the Body's first child, with the
	// manifest of SAP's XI protocol. At most 1 MiB. Default: 64 KiB.
	MaxSOAPHeaderBytes config.ByteSize `yaml:"max_soap_header_bytes"`
	// MaxSOAPHeaderDepth is how deep elements may be nested there. At most 256.
	// Default: 32.
	MaxSOAPHeaderDepth int `yaml:"max_soap_header_depth"`
	// MaxElements is how many elements, comments and the like a message has at most.
	// At most, and by default: 500000.
	MaxElements int `yaml:"max_elements"`
	// MaxDepth is how deep the elements of a message may be nested. At most, and by
	// default: 256.
	MaxDepth int `yaml:"max_depth"`
	// MaxAttributes is how many attributes one element has at most, namespace
	// declarations among them. At most, and by default: 4096.
	MaxAttributes int `yaml:"max_attributes"`
	// MaxDigits is how many digits a value may have that looks like a number.
	// Default: what the contract says, and 100 where a mapping reads a number; at
	// most 100.
	MaxDigits int `yaml:"max_digits"`
	// HeaderTimeout bounds the arrival of a request's headers. Default: 10s.
	HeaderTimeout time.Duration `yaml:"header_timeout"`
	// BodyTimeout bounds the arrival of a body, or of each MiB of one with
	// attachments, and the departure of a reply.
	// Default: 30s.
	BodyTimeout time.Duration `yaml:"body_timeout"`
	// IdleTimeout ends a connection without requests. Default: 2m.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// Farewell is how long callers may use their kept connections once more when
	// the gateway stops. Default: 1s.
	Farewell time.Duration `yaml:"farewell"`
	// DrainTimeout bounds the end: Farewell, and the wait for requests in flight.
	// Default: 30s.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
	// RetryAfter is what callers turned away for load are told. Default: 5s.
	RetryAfter time.Duration `yaml:"retry_after"`
}

// Validate reports every fault of the section at once.
func (c *Config) Validate() error {
	return errors.Join(
		c.validatePublicURL(),
		validRealm(c.Realm),
		oneOf("fault_status_12", c.FaultStatus12, 0, http.StatusBadRequest, http.StatusInternalServerError),
		notNegative("max_body_bytes", c.MaxBodyBytes),
		notNegative("max_concurrent", c.MaxConcurrent),
		notNegative("max_per_caller", c.MaxPerCaller),
		notNegative("max_large_bodies", c.MaxLargeBodies),
		notNegative("max_parts", c.MaxParts),
		notNegative("max_attachment_bytes", c.MaxAttachmentBytes),
		notNegative("max_attachments_bytes", c.MaxAttachmentsBytes),
		notNegative("max_header_bytes", c.MaxHeaderBytes),
		within("max_soap_header_bytes", c.MaxSOAPHeaderBytes, mostHeaderBytes),
		within("max_soap_header_depth", c.MaxSOAPHeaderDepth, mostDepth),
		within("max_elements", c.MaxElements, mostElements),
		within("max_depth", c.MaxDepth, mostDepth),
		within("max_attributes", c.MaxAttributes, mostAttributes),
		within("max_digits", c.MaxDigits, mostDigits),
		notNegative("header_timeout", c.HeaderTimeout),
		notNegative("body_timeout", c.BodyTimeout),
		notNegative("idle_timeout", c.IdleTimeout),
		notNegative("farewell", c.Farewell),
		notNegative("drain_timeout", c.DrainTimeout),
		notNegative("retry_after", c.RetryAfter),
	)
}

func (c *Config) validatePublicURL() error {
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !httpdoor.SaneHost(u.Host) || !httpdoor.SanePrefix(u.Path) ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("public_url: %q is not an http or https URL of a host and, at most, a path", c.PublicURL)
	}
	return nil
}

func validRealm(realm string) error {
	if strings.ContainsAny(realm, `"\`) || httpdoor.HasControl(realm) {
		return fmt.Errorf("realm: %q has a quote, a backslash or a control character", realm)
	}
	return nil
}

func oneOf(key string, value int, allowed ...int) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("%s: %d is none of %v", key, value, allowed[1:])
}

// What the readers behind the door take at most, whatever is configured.
const (
	mostHeaderBytes = 1 << 20
	mostDepth       = 256
	mostElements    = 500_000
	mostAttributes  = 4096
	mostDigits      = 100
)

func within[T ~int | ~int64](key string, value, most T) error {
	if value < 0 || value > most {
		return fmt.Errorf("%s: %v is not between 1 and %v", key, value, most)
	}
	return nil
}

func notNegative[T ~int | ~int64](key string, value T) error {
	if value < 0 {
		return fmt.Errorf("%s: %v is negative", key, value)
	}
	return nil
}

// Effective returns the settings with every default filled in.
func (c Config) Effective() Config { return c.withDefaults() }

// withDefaults returns the settings with nothing left to default.
func (c Config) withDefaults() Config {
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	c.Realm = cmp.Or(c.Realm, "Gatehouse")
	c.FaultStatus12 = cmp.Or(c.FaultStatus12, http.StatusInternalServerError)
	c.MaxBodyBytes = cmp.Or(c.MaxBodyBytes, 10<<20)
	c.MaxConcurrent = cmp.Or(c.MaxConcurrent, 2048)
	c.MaxPerCaller = cmp.Or(c.MaxPerCaller, c.MaxConcurrent)
	c.MaxLargeBodies = cmp.Or(c.MaxLargeBodies, 32)
	c.MaxParts = cmp.Or(c.MaxParts, 50)
	c.MaxAttachmentBytes = cmp.Or(c.MaxAttachmentBytes, 64<<20)
	c.MaxAttachmentsBytes = cmp.Or(c.MaxAttachmentsBytes, 128<<20)
	c.MaxHeaderBytes = cmp.Or(c.MaxHeaderBytes, 64<<10)
	c.MaxSOAPHeaderBytes = cmp.Or(c.MaxSOAPHeaderBytes, 64<<10)
	c.MaxSOAPHeaderDepth = cmp.Or(c.MaxSOAPHeaderDepth, 32)
	c.MaxElements = cmp.Or(c.MaxElements, mostElements)
	c.MaxDepth = cmp.Or(c.MaxDepth, mostDepth)
	c.MaxAttributes = cmp.Or(c.MaxAttributes, mostAttributes)
	c.HeaderTimeout = cmp.Or(c.HeaderTimeout, 10*time.Second)
	c.BodyTimeout = cmp.Or(c.BodyTimeout, 30*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 2*time.Minute)
	c.Farewell = cmp.Or(c.Farewell, time.Second)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 30*time.Second)
	c.RetryAfter = cmp.Or(c.RetryAfter, 5*time.Second)
	return c
}

// attachmentLimit bounds a message in parts, with what frames them.
func (c *Config) attachmentLimit() int64 {
	return int64(c.MaxBodyBytes) + int64(c.MaxAttachmentsBytes)
}

// Envelope are the bounds of what the core looks at before it knows the sender.
func (c Config) Envelope() envelope.Limits {
	c = c.withDefaults()
	return envelope.Limits{Bytes: int(c.MaxSOAPHeaderBytes), Depth: c.MaxSOAPHeaderDepth}
}

// Bounds are those of a whole message that are narrower than what its readers
// take.
func (c Config) Bounds() document.Bounds {
	narrower := func(value, most int) int {
		if value >= most {
			return 0
		}
		return value
	}
	return document.Bounds{Elements: narrower(c.MaxElements, mostElements), Depth: narrower(c.MaxDepth, mostDepth),
		Attributes: narrower(c.MaxAttributes, mostAttributes), Digits: c.MaxDigits}
}

// door are the settings that other doors on the listener share.
func (c *Config) door() httpdoor.Config {
	return httpdoor.Config{
		PublicURL:              c.PublicURL,
		TrustedProxies:         c.TrustedProxies,
		Realm:                  c.Realm,
		RequireTLSForPasswords: c.RequireTLSForPasswords,
		MaxBodyBytes:           int64(c.MaxBodyBytes),
		MaxConcurrent:          c.MaxConcurrent,
		MaxPerCaller:           c.MaxPerCaller,
		MaxLargeBodies:         c.MaxLargeBodies,
		BodyTimeout:            c.BodyTimeout,
		RetryAfter:             c.RetryAfter,
	}
}
