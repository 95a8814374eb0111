package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/contract"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Replies is the replies section of a channel: it carries the answers to messages
// that name one of its addresses as their ReplyTo or FaultTo (WS-Addressing).
type Replies struct {
	// Addresses are the URLs that a message may name; one that does is answered
	// there, and any other address is refused. Nothing else is ever connected to:
	// a message's address has to be one of these, character by character but for
	// the case of the host and a port that goes without saying. Who may name them
	// says a grant: cause on the channel.
	Addresses []string `yaml:"addresses,required"`
	// AllowHTTP lets addresses be http that are on another machine. Answers go in
	// clear then, and who receives them is not proven. Default: https only.
	AllowHTTP  bool `yaml:"allow_http"`
	Connection `yaml:",inline"`
}

// Effective returns the settings with every default filled in.
func (c Replies) Effective() Replies {
	c.Connection = c.Connection.withDefaults()
	return c
}

// Validate reports every fault of the section at once.
func (c Replies) Validate() error {
	var faults []error
	if len(c.Addresses) == 0 {
		faults = append(faults, errors.New("addresses: lists none"))
	}
	seen := map[string]bool{}
	var connection error
	for _, address := range c.Addresses {
		key, u, err := gateway.ReplyURL(address)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("addresses: %q %w", shown(withoutUser(address)), err))
			continue
		case seen[key]:
			faults = append(faults, fmt.Errorf("addresses: %s is listed twice", shown(address)))
		case !config.Confidential(u) && !c.AllowHTTP:
			faults = append(faults, fmt.Errorf("addresses: %s is http; answers go over https, or to this machine, unless allow_http says otherwise", shown(address)))
		}
		seen[key] = true
		if wrong := c.Connection.validate(u); connection == nil {
			connection = wrong
		}
	}
	return errors.Join(append(faults, connection)...)
}

// withoutUser hides what stands before the host.
func withoutUser(address string) string {
	if _, behind, ok := strings.Cut(address, "@"); ok {
		return "…@" + behind
	}
	return address
}

// NewReplies makes the publisher of the channel of answers called name. Close it.
func NewReplies(name string, c Replies, concurrency int, now func() time.Time) (*Publisher, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	how := &replier{config: c, urls: map[string]*url.URL{}}
	for _, address := range c.Addresses {
		_, u, err := gateway.ReplyURL(address)
		if err != nil {
			return nil, err
		}
		how.urls[address] = u
	}
	return newPublisher(name, c.Connection, how, concurrency, now)
}

// replier is the way of calling of a channel of answers. A delivery is a whole
// envelope, and its routing key the address.
type replier struct {
	config Replies
	urls   map[string]*url.URL // by address, as it is listed
}

func (r *replier) request(ctx context.Context, d *gateway.Delivery) (*http.Request, error) {
	u := r.urls[d.RoutingKey]
	if u == nil {
		return nil, errors.New("its address is not listed any more")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(d.Body))
	if err != nil {
		return nil, err
	}
	setDelivery(req.Header, d)
	req.Header.Set("Idempotency-Key", d.WireID)
	action := d.Type
	if strings.ContainsAny(action, `"\`) || !printable(action) {
		action = ""
	}
	parameters := map[string]string{"charset": "utf-8"}
	if d.ContentType == envelope.V12.MediaType() {
		if action != "" {
			parameters["action"] = action
		}
	} else {
		req.Header.Set("SOAPAction", `"`+action+`"`)
	}
	req.Header.Set("Content-Type", mime.FormatMediaType(d.ContentType, parameters))
	req.Header.Set("Accept", d.ContentType)
	return req, r.config.Auth.apply(req)
}

// judge is that of a one-way call: nobody answers an answer, but it may be
// refused with a fault.
func (r *replier) judge(a *answered) verdict { return oneWay.judge(a) }

var oneWay = &operator{partner: &Partner{Operation: &contract.Operation{}}}

// Reach looks whether the hosts of the addresses answer, as HTTP.Reach does.
func (c Replies) Reach(ctx context.Context) (string, error) {
	var found []string
	var faults []error
	hosts := map[string]bool{}
	for _, address := range c.Addresses {
		_, u, err := gateway.ReplyURL(address)
		if err != nil {
			return "", err
		}
		if hosts[u.Scheme+u.Host] {
			continue
		}
		hosts[u.Scheme+u.Host] = true
		one, err := c.Connection.look(ctx, u)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		found = append(found, one)
	}
	return strings.Join(found, "; "), errors.Join(faults...)
}
