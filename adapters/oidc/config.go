package oidc

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse/internal/config"
)

// Config is one issuer whose tokens are taken.
type Config struct {
	// Issuer is the iss claim of its tokens, to the letter, and where its
	// configuration is published: an https URL.
	Issuer string `yaml:"issuer,required"`
	// Audience lists whom a token may be for: one of these stands in its aud claim.
	Audience []string `yaml:"audience,required"`
	// Claim is the claim that holds the user's login in the directory, such as
	// preferred_username, upn, client_id or sub.
	Claim string `yaml:"claim,required"`
	// JWKSURL is where its keys are. Default: what its configuration says.
	JWKSURL string `yaml:"jwks_url"`
	// Algorithms are the signatures that are taken. Default: RS256, PS256, ES256
	// and EdDSA.
	Algorithms []string `yaml:"algorithms"`
	// Type, when set, is the typ header that tokens must have: at+jwt for access
	// tokens of RFC 9068. Default: at+jwt, JWT or none.
	Type string `yaml:"type"`
	// ClockSkew is how far the issuer's clock may be from this one. Default: 1m.
	ClockSkew time.Duration `yaml:"clock_skew"`
	// Refresh is how long its keys are kept before they are read again. Default: 1h.
	Refresh time.Duration `yaml:"refresh"`
	// KeepFor is how long keys serve that cannot be read again. Default: 24h.
	KeepFor time.Duration `yaml:"keep_for"`
	// Timeout bounds the reading of keys. Default: 10s.
	Timeout time.Duration `yaml:"timeout"`
	// TLS is for asking the issuer.
	TLS config.TLS `yaml:"tls"`
}

// algorithms lists every signature that can be taken: none with a key that both
// sides know, and never none.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// Validate returns all that is wrong with c; each line begins with the key.
func (c Config) Validate() error {
	faults := []error{https("issuer", c.Issuer)}
	if c.JWKSURL != "" {
		faults = append(faults, https("jwks_url", c.JWKSURL))
	}
	if len(c.Audience) == 0 || slices.Contains(c.Audience, "") {
		faults = append(faults, errors.New("audience: name whom the tokens are for: without it a token for any other service would be taken"))
	}
	if c.Claim == "" {
		faults = append(faults, errors.New("claim: name the claim that holds the login, such as preferred_username"))
	}
	for i, a := range c.Algorithms {
		if !slices.Contains(algorithms, a) {
			faults = append(faults, fmt.Errorf("algorithms[%d]: %q is not one of %s", i, a, strings.Join(algorithms, ", ")))
		}
	}
	for key, d := range map[string]time.Duration{"clock_skew": c.ClockSkew, "refresh": c.Refresh, "keep_for": c.KeepFor, "timeout": c.Timeout} {
		if d < 0 {
			faults = append(faults, fmt.Errorf("%s: %v is negative", key, d))
		}
	}
	if _, err := c.TLS.Load(); err != nil {
		faults = append(faults, err)
	}
	const mostSkew = 10 * time.Minute
	if c.ClockSkew > mostSkew {
		faults = append(faults, fmt.Errorf("clock_skew: %v is no difference of clocks; at most %v", c.ClockSkew, mostSkew))
	}
	return errors.Join(faults...)
}

func https(key, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%s: %q is not an https URL", key, text)
	}
	return nil
}

// Effective returns the settings with every default filled in.
func (c Config) Effective() Config {
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}
	}
	c.ClockSkew = cmp.Or(c.ClockSkew, time.Minute)
	c.Refresh = cmp.Or(c.Refresh, time.Hour)
	c.KeepFor = cmp.Or(c.KeepFor, 24*time.Hour)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	return c
}

func (c Config) signatures() []jose.SignatureAlgorithm {
	var out []jose.SignatureAlgorithm
	for _, a := range c.Algorithms {
		out = append(out, jose.SignatureAlgorithm(a))
	}
	return out
}
