package outbound

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/document"
	"github.com/gatehouse/gatehouse/internal/envelope"
	"github.com/gatehouse/gatehouse/internal/wss"
)

// Security signs requests and verifies the signatures of answers (WS-Security 1.1).
type Security struct {
	// Sign signs Body, Timestamp and header blocks of each request.
	Sign *wss.Key `yaml:"sign"`
	// AnswersSignedBy, when set, takes signed answers alone: by one of the certificates
	// in this file, in PEM, or by one that an authority in it has issued. The RelatesTo
	// of WS-Addressing has to be signed, too, and to name the request. An answer that
	// is not so counts as none, a fault too, and the delivery is tried again.
	AnswersSignedBy config.Path `yaml:"answers_signed_by"`
}

// answerWindow is how far the Timestamp of an answer may be from now.
const answerWindow = 5 * time.Minute

// guard signs and verifies for one channel. Its zero value does neither.
type guard struct {
	signer   *wss.Signer
	verifier *wss.Verifier
}

// load reads the files.
func (s Security) load() (g guard, err error) {
	var faults []error
	if s.Sign != nil {
		if g.signer, err = s.Sign.Load(); err != nil {
			faults = append(faults, fmt.Errorf("security.sign.%w", err))
		}
	}
	if s.AnswersSignedBy != "" {
		known, err := wss.Certificates(s.AnswersSignedBy)
		if err != nil {
			faults = append(faults, fmt.Errorf("security.answers_signed_by: %w", err))
		}
		g.verifier = &wss.Verifier{Trust: wss.TrustIn(known, nil), Known: known, Window: answerWindow}
	}
	return g, errors.Join(faults...)
}

// sign signs a request, where that is configured.
func (g guard) sign(body []byte, now time.Time) ([]byte, error) {
	if g.signer == nil {
		return body, nil
	}
	return g.signer.Sign(body, now)
}

// answerParts are what the signature of an answer has to cover: what says which
// request it is the answer to, too, or any answer would do for any request.
var answerParts = append(slices.Clone(wss.Usual), wss.Addressing)

// verify verifies an answer in UTF-8 to the request with a MessageID, where that is
// configured.
func (g guard) verify(body []byte, request string, now time.Time) error {
	if g.verifier == nil {
		return nil
	}
	tree, err := document.Read(body)
	if err != nil {
		return err
	}
	defer tree.Release()
	if _, err = g.verifier.Verify(tree, answerParts, now); err != nil {
		return err
	}
	related, err := envelope.RelatesTo(tree)
	switch {
	case err != nil:
		return err
	case len(related) == 0:
		return errors.New("it has no wsa:RelatesTo, so that it may be the answer to anything")
	case len(related) > 1 || related[0] != request:
		return fmt.Errorf("it is the answer to %s, and not to %s", strings.Join(related, ", "), request)
	}
	return nil
}
