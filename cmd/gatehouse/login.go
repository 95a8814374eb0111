package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse/gatehouse/adapters/operations"
)

func newLogin() *cobra.Command {
	var remote remoteFlags
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Log in to a gateway, so that its commands do not ask for the password",
		Long: `Log in to the operations API of a gateway with name and password. What comes back is
good for a while (listen.operations.session_time, 1h) and for that gateway's process
alone; it is kept in your configuration folder, for your eyes only, and the commands
that speak to that gateway use it. The password is kept nowhere.

What you may do is asked of the directory with every command. gatehouse logout ends
the login; so does the end of the process.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := remote.connection()
			if err != nil {
				return err
			}
			if err := remote.identify(c); err != nil {
				return err
			}
			var s operations.Session
			if err := c.do(cmd.Context(), http.MethodPost, "session", nil, nil, &s); err != nil {
				return err
			}
			if err := saveSession(c.base, &s); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Logged in at %s as %s, until %s.\n", c.base, s.DN, s.Until.Local().Format(time.DateTime))
			return err
		},
	}
	remote.add(cmd)
	return cmd
}

func newLogout() *cobra.Command {
	var remote remoteFlags
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "End the login at a gateway",
		Args:  usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := remote.connection()
			if err != nil {
				return err
			}
			s, err := savedSession(c.base, "")
			if err != nil {
				return err
			}
			if s == nil {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "There is no login at %s.\n", c.base)
				return err
			}
			return logout(cmd.Context(), cmd, c, s)
		},
	}
	remote.add(cmd)
	return cmd
}

// logout forgets a session, and has the gateway do so. A gateway that is away, or was
// restarted, is no reason to keep it.
func logout(ctx context.Context, cmd *cobra.Command, c *client, s *operations.Session) error {
	if err := saveSession(c.base, nil); err != nil {
		return err
	}
	c.user, c.session = s.Login, s.Token
	var ended map[string]string
	if err := c.do(ctx, http.MethodDelete, "session", nil, nil, &ended); err != nil {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "The login is forgotten here; the gateway could not be told, and it runs out by itself at %s: %v\n", s.Until.Local().Format(time.DateTime), err)
		return err
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "Logged out of %s.\n", c.base)
	return err
}

// sessionFile is where logins are kept, one for each gateway.
func sessionFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "gatehouse", "sessions.json"), nil
}

// maxSessionFile bounds what is read of it.
const maxSessionFile = 1 << 20

// savedSession returns the login at a gateway that is still good, of a user when one
// is named, or nil.
func savedSession(base *url.URL, login string) (*operations.Session, error) {
	all, err := readSessions()
	if err != nil {
		return nil, err
	}
	s, there := all[base.String()]
	if !there || !time.Now().Before(s.Until) || login != "" && !strings.EqualFold(login, s.Login) {
		return nil, nil
	}
	return &s, nil
}

func readSessions() (map[string]operations.Session, error) {
	path, err := sessionFile()
	if err != nil {
		return nil, nil // a user without a home has no logins
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s can be read by others: what is in it is as good as a password; remove it and log in again", path)
	case info.Size() > maxSessionFile:
		return nil, fmt.Errorf("%s is larger than anything that was written there; remove it and log in again", path)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all map[string]operations.Session
	if err := json.Unmarshal(src, &all); err != nil {
		return nil, fmt.Errorf("%s cannot be read; remove it and log in again: %w", path, err)
	}
	return all, nil
}

// saveSession keeps the login at a gateway in the place of the one before; nil keeps
// none. Those that have run out go.
func saveSession(base *url.URL, s *operations.Session) error {
	path, err := sessionFile()
	if err != nil {
		return fmt.Errorf("there is no folder to keep a login in: %w", err)
	}
	all, err := readSessions()
	if err != nil {
		return err
	}
	kept := map[string]operations.Session{}
	for at, one := range all {
		if at != base.String() && time.Now().Before(one.Until) {
			kept[at] = one
		}
	}
	if s != nil {
		kept[base.String()] = *s
	}
	src, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return replaceFile(path, src)
}

// replaceFile writes a file that only its owner may read, all of it or nothing.
func replaceFile(path string, src []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".sessions-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(src)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
