package bucket

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
)

// Config is the bucket section of a feed: exactly one of s3 and azure.
type Config struct {
	S3    *S3    `yaml:"s3"`    // AWS, MinIO, Ceph and others that speak S3
	Azure *Azure `yaml:"azure"` // Azure Blob Storage
	// Spool is the local folder where a file is written before it is brought: it takes
	// the largest one whole. Default: the system's folder for temporary files.
	Spool config.Path `yaml:"spool"`
}

// S3 is a bucket of a store that speaks S3.
type S3 struct {
	// Endpoint is the store's URL without the bucket, as in
	// https://s3.eu-north-1.amazonaws.com.
	Endpoint string `yaml:"endpoint,required"`
	Region   string `yaml:"region"`        // default: us-east-1
	Name     string `yaml:"name,required"` // the bucket's
	// Prefix is a folder of the feed's own in the bucket. Default: the whole bucket.
	Prefix    string        `yaml:"prefix"`
	AccessKey string        `yaml:"access_key,required"`
	SecretKey config.Secret `yaml:"secret_key,required"`
	// PathStyle has the bucket stand in the path of a URL (true) or before its host
	// (false). Default: before the host at AWS, in the path elsewhere.
	PathStyle  *bool `yaml:"path_style"`
	Connection `yaml:",inline"`
}

// Azure is a container of Azure Blob Storage.
type Azure struct {
	Account   string `yaml:"account,required"`
	Container string `yaml:"container,required"`
	// Prefix is a folder of the feed's own in the container. Default: all of it.
	Prefix string `yaml:"prefix"`
	// AccountKey, or a shared access signature (SAS) that allows to read, write, list and
	// delete, which is the part of its URL behind the question mark.
	AccountKey config.Secret `yaml:"account_key"`
	SAS        config.Secret `yaml:"sas"`
	// Endpoint is the account's URL. Default: https://<account>.blob.core.windows.net.
	Endpoint   string `yaml:"endpoint"`
	Connection `yaml:",inline"`
}

// Connection is how a store is reached. Every zero value means its default.
type Connection struct {
	TLS config.TLS `yaml:"tls"` // is used by https URLs
	// Timeout bounds one request, with its answer; of a large file each part is one, of
	// 16 MiB or more. Default: 2m.
	Timeout time.Duration `yaml:"timeout"`
	// Proxy is `environment` where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are to be
	// followed. Default: no proxy.
	Proxy string `yaml:"proxy"`
}

const (
	defaultTimeout = 2 * time.Minute
	environment    = "environment"
)

// Effective returns the settings with every default filled in.
func (c S3) Effective() S3 {
	c.Region = cmp.Or(c.Region, "us-east-1")
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	return c
}

// Effective returns the settings with every default filled in.
func (c Azure) Effective() Azure {
	c.Endpoint = cmp.Or(c.Endpoint, "https://"+c.Account+".blob.core.windows.net")
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	return c
}

// Unread returns the section as it is to be compared with another: what a file of a
// secret holds is no part of it.
func (c Config) Unread() Config {
	if c.S3 != nil {
		s := *c.S3
		s.SecretKey = s.SecretKey.Unread()
		c.S3 = &s
	}
	if c.Azure != nil {
		a := *c.Azure
		a.AccountKey, a.SAS = a.AccountKey.Unread(), a.SAS.Unread()
		c.Azure = &a
	}
	return c
}

// Validate reports every fault of the section at once. It opens no file but those of the
// TLS section.
func (c Config) Validate() error {
	var faults []error
	if (c.S3 == nil) == (c.Azure == nil) {
		faults = append(faults, errors.New("bucket: give one of s3 and azure"))
	}
	if c.S3 != nil {
		faults = append(faults, c.S3.validate())
	}
	if c.Azure != nil {
		faults = append(faults, c.Azure.validate())
	}
	return errors.Join(faults...)
}

// String says which place it is, as in s3://bucket/prefix/ at https://endpoint.
func (c Config) String() string {
	switch {
	case c.S3 != nil:
		return fmt.Sprintf("s3://%s/%s at %s", c.S3.Name, folder(c.S3.Prefix), strings.TrimSuffix(c.S3.Endpoint, "/"))
	case c.Azure != nil:
		return fmt.Sprintf("azure://%s/%s at %s", c.Azure.Container, folder(c.Azure.Prefix), strings.TrimSuffix(c.Azure.Effective().Endpoint, "/"))
	}
	return ""
}

// folder is a prefix with one slash at its end, or nothing.
func folder(prefix string) string {
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return prefix
}

var (
	bucketName    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	accountName   = regexp.MustCompile(`^[a-z0-9]{3,24}$`)
	containerName = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){2,62}$`)
	prefixForm    = regexp.MustCompile(`^[A-Za-z0-9!_.*'()/=+-]{0,400}$`)
)

func (c S3) validate() error {
	faults := []error{c.Connection.validate("s3", c.Endpoint)}
	if !bucketName.MatchString(c.Name) {
		faults = append(faults, errors.New("s3.name: a bucket's name has 3 to 63 small letters, digits, - and ."))
	}
	if c.AccessKey != "" && strings.Trim(c.AccessKey, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
		faults = append(faults, errors.New("s3.access_key: has a character that is not visible ASCII"))
	}
	if u, err := url.Parse(c.Endpoint); err == nil && u.Path != "" && u.Path != "/" {
		faults = append(faults, errors.New("s3.endpoint: takes no path; the bucket is its name"))
	}
	return errors.Join(append(faults, validPrefix("s3", c.Prefix))...)
}

func (c Azure) validate() error {
	faults := []error{c.Connection.validate("azure", c.Effective().Endpoint)}
	if !accountName.MatchString(c.Account) {
		faults = append(faults, errors.New("azure.account: an account's name has 3 to 24 small letters and digits"))
	}
	if !containerName.MatchString(c.Container) {
		faults = append(faults, errors.New("azure.container: a container's name has 3 to 63 small letters, digits and single -"))
	}
	if c.AccountKey.IsZero() == c.SAS.IsZero() {
		faults = append(faults, errors.New("azure: give one of account_key and sas, or of their files"))
	}
	return errors.Join(append(faults, validPrefix("azure", c.Prefix))...)
}

func validPrefix(section, prefix string) error {
	if !prefixForm.MatchString(prefix) || strings.Contains("/"+prefix+"/", "/../") || strings.Contains("/"+prefix+"/", "/./") || strings.Contains(strings.Trim(prefix, "/"), "//") {
		return fmt.Errorf("%s.prefix: has letters, digits and !_.*'()=+- in folders with / between them, at most 400", section)
	}
	return nil
}

func (c Connection) validate(section, endpoint string) error {
	_, tlsErr := c.TLS.Load()
	faults := []error{}
	if tlsErr != nil {
		for line := range strings.SplitSeq(tlsErr.Error(), "\n") {
			faults = append(faults, errors.New(section+"."+line))
		}
	}
	if c.Timeout < 0 || c.Timeout > 0 && c.Timeout < time.Second {
		faults = append(faults, fmt.Errorf("%s.timeout: %v is less than 1s", section, c.Timeout))
	}
	if c.Proxy != "" && c.Proxy != environment {
		faults = append(faults, fmt.Errorf("%s.proxy: %q, expected environment, or nothing", section, c.Proxy))
	}
	if err := c.validEndpoint(endpoint); err != nil {
		faults = append(faults, fmt.Errorf("%s.endpoint: %w", section, err))
	}
	return errors.Join(faults...)
}

// validEndpoint never repeats the text: there may be a password in it.
func (c Connection) validEndpoint(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.User != nil:
		return errors.New("must hold no credentials")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("scheme %q, expected https or http", u.Scheme)
	case u.Hostname() == "":
		return errors.New("names no host")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("takes no query or fragment")
	case !config.Confidential(u):
		return errors.New("rows go over https only, or to this machine")
	case u.Scheme != "https" && c.TLS != (config.TLS{}):
		return errors.New("tls has no meaning for an http URL")
	}
	return nil
}
