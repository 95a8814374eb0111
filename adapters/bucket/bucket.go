package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"iter"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse/internal/failpoint"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/feed"
)

// Bucket is the place of a feed in an object store. One round uses it at a time.
type Bucket struct {
	config  Config
	objects objects
	prefix  string
	obeys   bool // conditions: it was tried
}

// objects is what is asked of a store, by whole keys. What goes wrong is a fault,
// fs.ErrNotExist, or feed.ErrReplaced. These are functions and not an interface: of what
// an interface holds, the linker keeps every method, those of the libraries behind it too,
// which made the program 2.6 MB larger.
type objects struct {
	// refresh reads the credentials again.
	refresh func() error
	read    func(ctx context.Context, key string, atMost int64) (content []byte, version string, err error)
	// put puts an object; with a condition, only in the place of one that has that
	// version, or where there is none.
	put func(ctx context.Context, key string, body *io.SectionReader, when condition) (version string, err error)
	// begin begins an object that comes in parts.
	begin func(ctx context.Context, key string) (upload, error)
	// keys yields the keys of objects below a prefix, without folders below it, and of
	// those begun.
	keys func(ctx context.Context, prefix string) iter.Seq2[string, error]
	// remove removes an object and what was begun under its key.
	remove func(ctx context.Context, key string) error
}

// condition is when an object is put.
type condition struct {
	set     bool
	version string // empty: where there is none
}

// upload is an object that comes in parts; functions, as objects are.
type upload struct {
	part   func(ctx context.Context, number int, body *io.SectionReader) error
	finish func(ctx context.Context) error
	abort  func(ctx context.Context) error
}

const (
	// partSize is how many bytes one request brings.
	partSize = 16 << 20
	// maxParts is how many parts an object may have: S3 takes no more.
	maxParts = 10_000
	// maxNames is how many names are looked at: more files than a manifest can list.
	maxNames = 400_000
	// abortTime bounds how long an upload is aborted.
	abortTime = 10 * time.Second
)

// New makes what a valid configuration says. It connects to nothing.
func New(c Config) (*Bucket, error) {
	b := &Bucket{config: c}
	var err error
	if c.S3 != nil {
		b.prefix = folder(c.S3.Prefix)
		b.objects, err = newS3(c.S3.Effective())
	} else {
		b.prefix = folder(c.Azure.Prefix)
		b.objects, err = newAzure(c.Azure.Effective())
	}
	return b, err
}

// String implements feed.Place.
func (b *Bucket) String() string { return b.config.String() }

// Prepare implements feed.Place: it tries, once, whether the store obeys conditions.
func (b *Bucket) Prepare(ctx context.Context) error {
	if err := b.objects.refresh(); err != nil || b.obeys {
		return err
	}
	err := b.tryConditions(ctx)
	b.obeys = err == nil
	return err
}

// tryConditions has a file of its own replaced as conditions allow, and as they forbid.
func (b *Bucket) tryConditions(ctx context.Context) (err error) {
	name := ".conditions-" + rand.Text() + ".writing" // which a feed removes if we do not
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
		defer cancel()
		if removeErr := b.Remove(ctx, name); err == nil {
			err = removeErr
		}
	}()
	first, err := b.Replace(ctx, name, []byte("1"), "")
	if err == nil {
		_, err = b.Replace(ctx, name, []byte("2"), first)
	}
	if err != nil {
		return unanswered(err)
	}
	for _, version := range []string{"", first} {
		_, err := b.Replace(ctx, name, []byte("3"), version)
		if err == nil {
			return fault.New(fault.CodeFeedConditions, "")
		}
		if !errors.Is(err, feed.ErrReplaced) {
			return err
		}
	}
	return nil
}

// unanswered takes a denial for a lost answer, where nobody else can be the reason: the
// request was made again, and found its own work.
func unanswered(err error) error {
	if errors.Is(err, feed.ErrReplaced) {
		return fault.New(fault.CodeFeedUnavailable, "the bucket does not confirm what it does").Because(err)
	}
	return err
}

// Read implements feed.Place.
func (b *Bucket) Read(ctx context.Context, name string, atMost int64) ([]byte, string, error) {
	content, version, err := b.objects.read(withLimit(ctx, max(atMost, maxAnswer)), b.prefix+name, atMost)
	if err != nil {
		return nil, "", err
	}
	if version == "" {
		return nil, "", fault.New(fault.CodeFeedConditions, "the bucket gives its files no ETag, and cannot keep two writers apart")
	}
	return content, version, nil
}

// readAll reads an answer that may have so many bytes.
func readAll(r io.Reader, key string, atMost int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, atMost+1))
	if err == nil && int64(len(content)) > atMost || errors.Is(err, errLong) {
		return nil, fault.New(fault.CodeFeedContent, "%s has more than %d bytes", key, atMost)
	}
	return content, err
}

// Replace implements feed.Place.
func (b *Bucket) Replace(ctx context.Context, name string, content []byte, version string) (string, error) {
	body := io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content)))
	return b.objects.put(ctx, b.prefix+name, body, condition{set: true, version: version})
}

// Draft implements feed.Place.
func (b *Bucket) Draft(context.Context, string) (feed.Draft, error) { return b.spool() }

// bring puts size bytes of a file under a name that nobody has used.
func (b *Bucket) bring(ctx context.Context, name string, file io.ReaderAt, size int64) error {
	if size <= partSize {
		_, err := b.objects.put(ctx, b.prefix+name, io.NewSectionReader(file, 0, size), condition{})
		return err
	}
	u, err := b.objects.begin(ctx, b.prefix+name)
	if err != nil {
		return err
	}
	if err = inParts(ctx, u, file, size); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	if abortErr := u.abort(ctx); abortErr != nil && !errors.Is(abortErr, fs.ErrNotExist) {
		err = errors.Join(err, abortErr) // it is swept
	}
	return err
}

func inParts(ctx context.Context, u upload, file io.ReaderAt, size int64) error {
	each := max(partSize, (size+maxParts-1)/maxParts)
	for n, from := 1, int64(0); from < size; n, from = n+1, from+each {
		if err := u.part(ctx, n, io.NewSectionReader(file, from, min(each, size-from))); err != nil {
			return err
		}
		failpoint.Hit("feed-part")
	}
	return u.finish(ctx)
}

// Names implements feed.Place.
func (b *Bucket) Names(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		n := 0
		for key, err := range b.objects.keys(ctx, b.prefix) {
			if n++; err == nil && n > maxNames {
				err = fault.New(fault.CodeFeedContent, "there are more than %d files in %s", maxNames, b)
			}
			name := strings.TrimPrefix(key, b.prefix)
			switch {
			case err != nil:
				yield("", err)
				return
			case strings.HasPrefix(key, b.prefix) && !strings.Contains(name, "/") && !yield(name, nil):
				return
			}
		}
	}
}

// Remove implements feed.Place.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	return b.objects.remove(ctx, b.prefix+name)
}

// Check reads what a round would read, and says what it found. It writes nothing.
func (b *Bucket) Check(ctx context.Context) (string, error) {
	if err := b.objects.refresh(); err != nil {
		return "", err
	}
	found := "there is a feed"
	_, _, err := b.Read(ctx, feed.ManifestName, feed.MaxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		found, err = "there is no feed yet", nil
	}
	if err != nil {
		return "", err
	}
	for _, err := range b.Names(ctx) {
		if err != nil {
			return "", err
		}
		break
	}
	return b.String() + " reached, " + found + "; nothing was written, so whether it may be, and whether conditions hold there, shows when the gateway begins", nil
}
