package outbound

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse/internal/fault"
)

// answered is what a partner has answered.
type answered struct {
	delivery string // its wire id
	status   int
	header   http.Header
	body     []byte // at most maxRead bytes
	longer   bool   // there was more
	broken   error  // the body ended before its end
	now      time.Time
}

// verdict is what an answer means: a nil fault is that the partner has taken the
// delivery, and warning what is odd about that.
type verdict struct {
	fault   *fault.Error
	warning string
}

func refuses(format string, args ...any) verdict {
	return verdict{fault: fault.New(fault.CodeNotPublishable, format, args...)}
}

func notTaken(format string, args ...any) verdict {
	return verdict{fault: fault.New(fault.CodeNotTaken, format, args...)}
}

func unavailable(format string, args ...any) verdict {
	return verdict{fault: fault.New(fault.CodeChannelUnavailable, format, args...)}
}

// after has the relay wait for as long as the partner asks.
func (v verdict) after(d time.Duration) verdict {
	if v.fault != nil && d > 0 {
		v.fault.RetryAfter = d
	}
	return v
}

// ofStatus judges a status that is no success. Redirects and refused credentials
// are every message's, and so is a partner that is overloaded or closed for a
// while: they are outages, and cost no message.
func ofStatus(a *answered, retry []Status) verdict {
	wait := retryAfter(a.header, a.now)
	switch {
	case a.status/100 == 3:
		return unavailable("the partner answers HTTP %d and points to %s; redirects are not followed, mend url", a.status, shown(a.header.Get("Location")))
	case a.status == http.StatusUnauthorized || a.status == http.StatusProxyAuthRequired:
		return unavailable("the partner refuses the credentials: HTTP %d", a.status)
	case !among(retry, a.status):
		return refuses("the partner refuses this message: HTTP %d", a.status)
	case a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable:
		return unavailable("the partner takes nothing at the moment: HTTP %d", a.status).after(wait)
	}
	return notTaken("the partner did not take this message: HTTP %d", a.status).after(wait)
}

// shown is a partner's text as far as it can be shown: on one line, and short.
func shown(text string) string {
	const limit = 200
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	if len(text) <= limit {
		return text
	}
	for cut := limit; ; cut-- {
		if utf8.RuneStart(text[cut]) {
			return text[:cut] + "…"
		}
	}
}
