package amqp

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// Config is the broker section: how to reach the broker. Every zero value means
// its default.
type Config struct {
	// URLs are the brokers of one cluster, amqp://host:port/vhost or amqps://…,
	// without credentials. They are tried in order, going on from the last that
	// answered. At least one.
	URLs []string `yaml:"urls,required"`
	// Username and Password log in. Without a user name the client certificate
	// does (SASL EXTERNAL).
	Username string        `yaml:"username"`
	Password config.Secret `yaml:"password"`
	// TLS is used by amqps URLs.
	TLS TLS `yaml:"tls"`
	// Heartbeat is the interval of heartbeats, in whole seconds; a silent broker
	// is given up after three. Default: 10s.
	Heartbeat time.Duration `yaml:"heartbeat"`
	// ConnectTimeout bounds connecting to one URL, login included. Default: 10s.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// ConfirmTimeout is how long the broker may leave everything in flight
	// unconfirmed, or publishers blocked, before the connection is given up.
	// Default: 30s.
	ConfirmTimeout time.Duration `yaml:"confirm_timeout"`
	// PublishWindow is how many deliveries may be unconfirmed at once on one
	// connection. More than 100 gained nothing when measured. Default: 100.
	PublishWindow int `yaml:"publish_window"`
	// PublishConnections is how many connections one channel opens at most, each
	// when all others are in use. Default: 2.
	PublishConnections int `yaml:"publish_connections"`
	// Declare lets the gateway make exchanges (of type topic) and queues that are
	// missing. Without it the broker's administrator does. Default: false.
	Declare bool `yaml:"declare"`
}

// TLS says how to speak TLS with the broker.
type TLS = config.TLS

// Channel is the amqp section of one outbound channel.
type Channel struct {
	// Exchange is published to; it must exist.
	Exchange string `yaml:"exchange,required"`
	// Mandatory makes the broker return what no queue wants; without it such
	// messages are silently lost. Default: true.
	Mandatory *bool `yaml:"mandatory"`
	// Persistent marks messages to be kept on disk (delivery mode 2). Default: true.
	Persistent *bool `yaml:"persistent"`
}

// Effective returns the settings with every default filled in.
func (c Channel) Effective() Channel {
	c.Mandatory, c.Persistent = new(c.mandatory()), new(c.persistent())
	return c
}

func (c Channel) mandatory() bool  { return c.Mandatory == nil || *c.Mandatory }
func (c Channel) persistent() bool { return c.Persistent == nil || *c.Persistent }

// Validate reports every fault of the section at once.
func (c Channel) Validate() error {
	switch {
	case c.Exchange == "":
		return errors.New("exchange: is missing")
	case len(c.Exchange) > maxShortString:
		return errors.New("exchange: has more than 255 bytes")
	}
	return nil
}

// Effective returns the settings with every default filled in.
func (c Config) Effective() Config { return c.withDefaults() }

func (c Config) withDefaults() Config {
	c.Heartbeat = cmp.Or(c.Heartbeat, 10*time.Second)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 10*time.Second)
	c.ConfirmTimeout = cmp.Or(c.ConfirmTimeout, 30*time.Second)
	c.PublishWindow = cmp.Or(c.PublishWindow, 100)
	c.PublishConnections = cmp.Or(c.PublishConnections, 2)
	return c
}

// Validate reports every fault of the section at once. It opens no file but
// those of the TLS section.
func (c Config) Validate() error {
	_, tlsErr := c.TLS.Load()
	return errors.Join(
		c.validateURLs(),
		c.validateLogin(),
		tlsErr,
		notNegative("connect_timeout", c.ConnectTimeout),
		notNegative("confirm_timeout", c.ConfirmTimeout),
		within("publish_window", c.PublishWindow, 0, 10_000),
		within("publish_connections", c.PublishConnections, 0, 64),
		c.validateHeartbeat(),
	)
}

func (c Config) validateURLs() error {
	if len(c.URLs) == 0 {
		return errors.New("urls: at least one is needed, e.g. amqps://mq.example:5671")
	}
	var faults []error
	for i, text := range c.URLs {
		if err := validateURL(text); err != nil {
			faults = append(faults, fmt.Errorf("urls[%d]: %w", i, err))
		}
	}
	return errors.Join(faults...)
}

// validateURL never repeats the text: there may be a password in it.
func validateURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.User != nil:
		return errors.New("must hold no credentials; use username and password_file")
	case u.Scheme != "amqp" && u.Scheme != "amqps":
		return fmt.Errorf("scheme %q, expected amqp or amqps", u.Scheme)
	case u.Hostname() == "":
		return errors.New("names no host")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("takes no query or fragment; use the keys beside urls")
	}
	return nil
}

func (c Config) validateLogin() error {
	switch {
	case c.Username == "" && c.TLS.CertFile == "":
		return errors.New("username: is missing, and there is no tls.cert_file to log in with")
	case c.Username != "" && c.Password.IsZero():
		return errors.New("password: is missing; give password or password_file")
	}
	return nil
}

func (c Config) validateHeartbeat() error {
	if c.Heartbeat != 0 && (c.Heartbeat < time.Second || c.Heartbeat > time.Hour) {
		return fmt.Errorf("heartbeat: %v is not between 1s and 1h", c.Heartbeat)
	}
	return nil
}

func notNegative[T ~int64](key string, value T) error {
	if value < 0 {
		return fmt.Errorf("%s: %v is negative", key, value)
	}
	return nil
}

func within(key string, n, lowest, highest int) error {
	if n < lowest || n > highest {
		return fmt.Errorf("%s: %d is not between %d and %d", key, n, lowest, highest)
	}
	return nil
}
