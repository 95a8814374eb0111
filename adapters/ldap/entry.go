package ldap

import (
	"context"
	"errors"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
)

// Entry finds a user by the normalised name of the entry that he had: for a
// message that was taken from him before. He is judged as ever, by his login; an
// entry that was renamed, or has another's login by now, is nobody's.
func (d *Directory) Entry(ctx context.Context, dn string) (*gateway.Identity, error) {
	if !d.enter() {
		return nil, d.unavailable(errClosed)
	}
	defer d.running.Done()
	if dn == "" { // which names the server itself
		return nil, refused(&Refusal{Reason: ReasonUnknown})
	}
	login, err := d.loginOf(ctx, dn)
	if err != nil {
		return nil, err
	}
	identity, err := d.Lookup(ctx, login)
	if err == nil && identity.DN != dn {
		return nil, refused(&Refusal{Reason: ReasonUnknown, DN: dn})
	}
	return identity, err
}

// loginOf reads the login of an entry.
func (d *Directory) loginOf(ctx context.Context, dn string) (login string, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.config.LoginTimeout)
	defer cancel()
	err = d.anyServer(ctx, func(ctx context.Context, s *server) error {
		return s.service.use(ctx, func(c *conn) error {
			user, p, err := d.read(ctx, c, dn)
			if err != nil {
				return err
			}
			identity, err := d.identify(p, user)
			if err == nil {
				login = identity.Login
			}
			return err
		})
	})
	if r, ok := errors.AsType[*Refusal](err); ok {
		return "", refused(r)
	}
	if err != nil {
		return "", d.unavailable(err)
	}
	if login == "" {
		return "", fault.New(fault.CodeUnauthenticated, "").Because(errors.New("the entry has no login"))
	}
	return login, nil
}
