package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/rest"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	jobs "github.com/gatehouse/gatehouse/internal/spool"
)

// fetching is an export from a gateway.
type fetching struct {
	*exportFlags
	*client
	stderr io.Writer
}

// How long a download, and a job, is tried again.
const (
	fetchTries = 20
	fetchPause = 500 * time.Millisecond
)

// fetch exports as a user of the directory.
func (f *exportFlags) fetch(ctx context.Context, stdout, stderr io.Writer) error {
	if f.remote.server == "" {
		server, err := publicServer(f.remote.file)
		if err != nil {
			return err
		}
		f.remote.server = server
	}
	c, err := f.remote.connection()
	if err != nil {
		return err
	}
	if err := f.remote.identify(c); err != nil {
		return err
	}
	c.http.Timeout = 0 // a file takes as long as it takes; ctx ends it
	x := &fetching{f, c, stderr}
	if f.out != "" {
		err := x.byJob(ctx)
		if !errors.Is(err, errNoJobs) {
			return err
		}
	}
	return f.deliver(stdout, func(w io.Writer) error { return x.stream(ctx, w) })
}

// publicServer is where this machine reaches the public listener of a configuration.
func publicServer(file string) (string, error) {
	const otherwise = "name the gateway with --server, or use --direct"
	src, err := os.ReadFile(file)
	if err != nil {
		return "", usageError{fmt.Errorf("%w; %s", err, otherwise)}
	}
	root, err := config.Parse(file, src)
	if err != nil {
		return "", err
	}
	n := root.Get("listen").Get("public")
	if n == nil {
		return "", usageError{fmt.Errorf("%s has no listen.public; %s", file, otherwise)}
	}
	host, port, err := net.SplitHostPort(n.Get("address").Text())
	if err != nil {
		return "", n.Get("address").Fault("%v", err)
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	scheme := "http"
	if n.Get("tls") != nil {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}

// request sends a request; an answer that is no success is its error.
func (x *fetching) request(ctx context.Context, method, path, query string, header http.Header) (*http.Response, error) {
	u := *x.base
	u.Path, u.RawQuery = strings.TrimSuffix(u.Path, "/")+path, query
	r, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.SetBasicAuth(x.user, x.password)
	r.Header.Set("User-Agent", "gatehouse/"+version)
	r.Header.Set("Accept-Encoding", "identity") // the hash is of what is stored
	res, err := x.http.Do(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	return nil, x.problem(res, text)
}

// refusal is a problem that the gateway has answered with.
type refusal struct {
	status int
	code   fault.Code
	text   string
}

// Error implements error.
func (r *refusal) Error() string { return r.text }

func (x *fetching) problem(res *http.Response, text []byte) error {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	var p rest.Problem
	if media != "application/problem+json" || json.Unmarshal(text, &p) != nil || p.Code == "" {
		return fmt.Errorf("%s answers %s and is no public listener of a gateway", x.base, res.Status)
	}
	said := []string{string(p.Code) + ": " + p.Detail}
	for _, e := range p.Errors {
		said = append(said, strings.TrimSpace(e.Option+" "+e.Detail+" "+e.Found))
	}
	return &refusal{p.Status, p.Code, strings.Map(inert, strings.Join(said, "\n"))}
}

// stream writes what the gateway sends as it makes it, and holds it against its hash.
func (x *fetching) stream(ctx context.Context, w io.Writer) error {
	res, err := x.request(ctx, http.MethodGet, rest.Root+url.PathEscape(x.view)+"/export", x.query(), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), &arriving{res.Body, x, 0, time.Time{}}); err != nil {
		return fmt.Errorf("the export has broken off: %w", err)
	}
	if err := matches256(res.Trailer.Get("Repr-Digest"), sum); err != nil {
		return err
	}
	x.tell(x.stderr, "%s rows at %s\n", res.Trailer.Get("Gatehouse-Rows"), res.Header.Get("Gatehouse-Position"))
	return nil
}

func matches256(digest string, sum hash.Hash) error {
	if digest != "sha-256=:"+base64.StdEncoding.EncodeToString(sum.Sum(nil))+":" {
		return errors.New("what came is not what was sent: its hash is another, or there is none")
	}
	return nil
}

// arriving tells how much has come, every second.
type arriving struct {
	io.Reader
	x    *fetching
	n    int64
	last time.Time
}

// Read implements io.Reader.
func (p *arriving) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.n += int64(n)
	if now := time.Now(); now.Sub(p.last) > time.Second {
		if !p.last.IsZero() {
			p.x.tell(p.x.stderr, "%d bytes\n", p.n)
		}
		p.last = now
	}
	return n, err
}

// errNoJobs says that the gateway makes no files by jobs.
var errNoJobs = errors.New("the gateway makes no files by jobs")

// noted is what is kept beside a file while its job is under way, so that another run of
// the command goes on with it.
type noted struct {
	Server string    `json:"server"`
	Query  string    `json:"query"`
	View   string    `json:"view"`
	ID     uuid.UUID `json:"id"`
}

// byJob has the gateway make the file, and fetches it.
func (x *fetching) byJob(ctx context.Context) error {
	job, err := x.resumed(ctx)
	if err != nil {
		return err
	}
	if job, err = x.made(ctx, job); err != nil {
		return err
	}
	if err := x.download(ctx, job); err != nil {
		return fmt.Errorf("%w; the same command goes on with it", err)
	}
	x.tell(x.stderr, "%d rows at %s\n", job.Rows, job.Position)
	res, err := x.request(ctx, http.MethodDelete, x.address(job.ID), "", nil)
	if err != nil { // the file is here; the gateway removes its own in time
		x.tell(x.stderr, "not removed from the gateway: %v\n", err)
	} else if err := res.Body.Close(); err != nil {
		return err
	}
	return os.Remove(x.out + ".job")
}

func (x *fetching) address(id uuid.UUID) string {
	return rest.Root + url.PathEscape(x.view) + "/export/" + id.String()
}

// resumed returns the job of the run before, or begins one.
func (x *fetching) resumed(ctx context.Context) (*rest.ExportJob, error) {
	now := noted{Server: x.base.String(), Query: x.query(), View: x.view}
	if text, err := os.ReadFile(x.out + ".job"); err == nil {
		var before noted
		if err := json.Unmarshal(text, &before); err == nil {
			id := before.ID
			if before.ID = uuid.Nil; before == now {
				job, err := x.state(ctx, id)
				if r, ok := errors.AsType[*refusal](err); !ok || r.code != fault.CodeExportNotFound {
					return job, err
				}
			}
		}
	}
	res, err := x.request(ctx, http.MethodPost, rest.Root+url.PathEscape(x.view)+"/export", x.query(), http.Header{"Content-Type": {"application/json"}})
	if r, ok := errors.AsType[*refusal](err); ok && r.code == fault.CodeMethod {
		return nil, errNoJobs
	}
	if err != nil {
		return nil, err
	}
	job, err := readJob(res)
	if err != nil {
		return nil, err
	}
	now.ID = job.ID
	text, err := json.Marshal(now)
	if err != nil {
		return nil, err
	}
	return job, errors.Join(os.WriteFile(x.out+".job", text, 0o600), removed(x.out+".part"))
}

func removed(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func readJob(res *http.Response) (*rest.ExportJob, error) {
	defer res.Body.Close()
	job := &rest.ExportJob{}
	return job, json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(job)
}

func (x *fetching) state(ctx context.Context, id uuid.UUID) (*rest.ExportJob, error) {
	res, err := x.request(ctx, http.MethodGet, x.address(id), "", nil)
	if err != nil {
		return nil, err
	}
	return readJob(res)
}

// made waits until the file is whole.
func (x *fetching) made(ctx context.Context, job *rest.ExportJob) (*rest.ExportJob, error) {
	ticker := time.NewTicker(fetchPause)
	defer ticker.Stop()
	failed := 0
	var told string
	for {
		switch job.State {
		case jobs.Done:
			return job, nil
		case jobs.Failed:
			return nil, errors.Join(fmt.Errorf("%s: %s", job.Code, strings.Map(inert, job.Reason)), removed(x.out+".job"))
		}
		if text := fmt.Sprintf("%s: %d rows, %d bytes\n", job.State, job.Rows, job.Bytes); text != told {
			x.tell(x.stderr, "%s", text)
			told = text
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		next, err := x.state(ctx, job.ID)
		if _, refused := errors.AsType[*refusal](err); err != nil && (refused || failed == fetchTries) {
			return nil, err
		}
		if failed++; err == nil {
			job, failed = next, 0
		}
	}
}

// download fetches the file, and goes on where it was broken off.
func (x *fetching) download(ctx context.Context, job *rest.ExportJob) error {
	part := x.out + ".part"
	for try := 1; ; try++ {
		err := x.piece(ctx, job, part)
		if err == nil {
			break
		}
		if _, refused := errors.AsType[*refusal](err); refused || try == fetchTries || ctx.Err() != nil {
			return err
		}
		x.tell(x.stderr, "broken off: %v\n", err)
		select {
		case <-time.After(fetchPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	sum, err := hashOf(part)
	if err != nil {
		return err
	}
	if sum != job.SHA256 {
		return errors.Join(errors.New("what came is not what was made: its hash is another"), os.Remove(part))
	}
	return os.Rename(part, x.out)
}

// piece fetches what is not here yet.
func (x *fetching) piece(ctx context.Context, job *rest.ExportJob, part string) error {
	file, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	at, err := file.Seek(0, io.SeekEnd)
	if err == nil && at < job.Bytes {
		err = x.into(ctx, job, file, at)
	}
	return errors.Join(err, file.Sync(), file.Close())
}

func (x *fetching) into(ctx context.Context, job *rest.ExportJob, file *os.File, at int64) error {
	header := http.Header{}
	if at > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", at))
		header.Set("If-Range", `"`+job.SHA256+`"`)
	}
	res, err := x.request(ctx, http.MethodGet, x.address(job.ID)+"/file", "", header)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusPartialContent && at > 0 { // another file, or no parts
		if err := file.Truncate(0); err != nil {
			return err
		}
		if at, err = file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	_, err = io.Copy(file, &arriving{res.Body, x, at, time.Time{}})
	return err
}

func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
