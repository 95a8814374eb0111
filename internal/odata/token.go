package odata

import (
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/sealing"
	"github.com/gatehouse/gatehouse/internal/view"
)

// Tokens seals and opens where pages go on. A token has values of rows in it, and the
// order that they are a place in, so it is encrypted; and it is good only for the search that it was made for, whose view,
// query and principal go into its authentication: only the size of the page may
// change. One page has one token, so that its address has one entity tag. It is safe
// for concurrent use.
type Tokens struct{ sealer *sealing.Sealer }

// NewTokens returns tokens that are sealed with keys.
func NewTokens(keys sealing.Keys) Tokens { return Tokens{sealing.NewSealer(keys, "skiptoken")} }

// Bound is what a token is good for.
type Bound struct {
	View      *view.View
	Query     *view.Query
	Principal string // the DN of the entry who asks
	Asked     string // what it was asked by, other than a search; empty: a search
}

// Seal returns the token of a place.
func (t Tokens) Seal(m *view.Mark, of Bound) (string, error) {
	token, err := t.sealer.Seal(appendMark(nil, m), of.digest())
	if err != nil {
		return "", err
	}
	if len(token) > sealing.MaxToken {
		return "", fault.New(fault.CodePage, "the values of the order are too long for a page to go on behind them: order by shorter fields")
	}
	return token, nil
}

// Open returns the place of a token. All that can be wrong with one has the same
// answer.
func (t Tokens) Open(token string, of Bound) (*view.Mark, error) {
	plain, ok := t.sealer.Open(token, of.digest())
	if !ok {
		return nil, fault.New(fault.CodePage, "")
	}
	m, ok := readMark(plain)
	if !ok {
		return nil, fault.New(fault.CodePage, "")
	}
	return m, nil
}
