package bucket

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/feed"
)

// ofStatus makes a fault of an answer that says no more than its status.
func ofStatus(status int, why error) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.New(fault.CodeFeedDenied, "").Because(why)
	case http.StatusPreconditionFailed:
		return feed.ErrReplaced
	case http.StatusNotFound:
		return fs.ErrNotExist
	case http.StatusNotImplemented:
		return fault.New(fault.CodeFeedConditions, "the bucket does not have what keeps two writers apart").Because(why)
	}
	return fault.New(fault.CodeFeedUnavailable, "").Because(why)
}

// ofTransport makes a fault of what is no answer.
func ofTransport(err error) error {
	if f, known := errors.AsType[*fault.Error](err); known {
		return f
	}
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the URL: there may be a signature in its query
	}
	return fault.New(fault.CodeFeedUnavailable, "").Because(errors.New(brief(err.Error())))
}

// brief is as much of a text of others as a log takes.
func brief(text string) string {
	const longest = 300
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	quoted := strconv.Quote(strings.ToValidUTF8(text, "\uFFFD"))
	return quoted[1 : len(quoted)-1]
}
