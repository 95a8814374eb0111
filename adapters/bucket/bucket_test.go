package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/feed"
	"github.com/gatehouse/gatehouse/internal/gatewaytest"
)

func open(t *testing.T, c Config) *Bucket {
	t.Helper()
	c.Spool = config.Path(t.TempDir())
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func s3At(address string) Config {
	return Config{S3: &S3{Endpoint: address, Name: gatewaytest.BucketName, Prefix: "a/b", AccessKey: "key", SecretKey: config.NewSecret("secret")}}
}

func fake(t *testing.T) (*gatewaytest.Bucket, *Bucket) {
	store := gatewaytest.NewBucket(t)
	return store, open(t, s3At(store.URL))
}

// TestPlace holds a bucket of the fake against what a feed needs of a place.
func TestPlace(t *testing.T) {
	store, b := fake(t)
	store.Page = 2
	store.Put("a/b/below/part-1.parquet", nil)
	store.Put("a/bc", nil)
	place(t, b)
	for key := range store.Objects() {
		if key != "a/bc" && key != "a/b/below/part-1.parquet" {
			t.Errorf("%s is left", key)
		}
	}
	if store.Uploads() != 0 || store.Largest() > partSize {
		t.Errorf("%d uploads are left; the largest request had %d bytes", store.Uploads(), store.Largest())
	}
}

// TestReal does the same with real stores. The addresses hold the credentials, and the
// bucket or container as the path's end.
func TestReal(t *testing.T) {
	t.Run("s3", func(t *testing.T) {
		u := address(t, "GATEHOUSE_TEST_S3") // http://KEY:SECRET@127.0.0.1:7070/bucket
		secret, _ := u.User.Password()
		place(t, open(t, Config{S3: &S3{Endpoint: u.Scheme + "://" + u.Host, Name: strings.Trim(u.Path, "/"), Prefix: "a/b", AccessKey: u.User.Username(), SecretKey: config.NewSecret(secret)}}))
	})
	t.Run("azure", func(t *testing.T) {
		u := address(t, "GATEHOUSE_TEST_AZURE") // http://ACCOUNT:KEY@127.0.0.1:10000/ACCOUNT/container
		key, _ := u.User.Password()
		dir, name := filepath.Split(u.Path)
		c := Config{Azure: &Azure{Endpoint: u.Scheme + "://" + u.Host + dir, Account: u.User.Username(), AccountKey: config.NewSecret(key), Container: name, Prefix: "a/b"}}
		place(t, open(t, c))
		c.Azure.Container = "nobodys"
		if err := open(t, c).Prepare(t.Context()); fault.Of(err).Code != fault.CodeFeedNoBucket {
			t.Error(err)
		}
		c.Azure.AccountKey = config.NewSecret("AAAA")
		if err := open(t, c).Prepare(t.Context()); fault.Of(err).Code != fault.CodeFeedDenied {
			t.Error(err)
		}
	})
}

func address(t *testing.T, variable string) *url.URL {
	t.Helper()
	if os.Getenv(variable) == "" {
		t.Skip(variable + " is not set")
	}
	u, err := url.Parse(os.Getenv(variable))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// place tries what a feed needs of a place, and leaves nothing.
func place(t *testing.T, b *Bucket) {
	t.Helper()
	ctx := t.Context()
	for range 2 {
		if err := b.Prepare(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.Read(ctx, "manifest.json", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	one, err := b.Replace(ctx, "manifest.json", []byte("one"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Replace(ctx, "manifest.json", []byte("two"), ""); !errors.Is(err, feed.ErrReplaced) {
		t.Error(err)
	}
	two, err := b.Replace(ctx, "manifest.json", []byte("two"), one)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"manifest.json", "nothing.json"} {
		if _, err := b.Replace(ctx, name, []byte("three"), one); !errors.Is(err, feed.ErrReplaced) {
			t.Error(err)
		}
	}
	if content, version, err := b.Read(ctx, "manifest.json", 10); string(content) != "two" || version != two || err != nil {
		t.Error(string(content), version, two, err)
	}
	if _, _, err := b.Read(ctx, "manifest.json", 2); fault.Of(err).Code != fault.CodeFeedContent {
		t.Error(err)
	}
	if found, err := b.Check(ctx); err != nil || !strings.Contains(found, "there is a feed") {
		t.Error(found, err)
	}
	var want []string
	for _, f := range []struct {
		name string
		size int
	}{{"part-0.parquet", 0}, {"part-1.parquet", 1000}, {"part-2.parquet", 2*partSize + 100}} {
		keep(t, b, f.name, f.size)
		want = append(want, f.name)
	}
	// An upload that a dead process began.
	u, err := b.objects.begin(ctx, b.prefix+"part-9.parquet")
	if err == nil {
		err = u.part(ctx, 1, io.NewSectionReader(bytes.NewReader(make([]byte, 100)), 0, 100))
	}
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, "manifest.json", "part-9.parquet")
	slices.Sort(want)
	if got := names(t, b); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, name := range append(want, "not-there.parquet") {
		if err := b.Remove(ctx, name); err != nil {
			t.Error(name, err)
		}
	}
	if got := names(t, b); len(got) != 0 {
		t.Errorf("%v are left", got)
	}
	left, err := os.ReadDir(string(b.config.Spool))
	if err != nil || len(left) != 0 {
		t.Error(left, err)
	}
}

func names(t *testing.T, b *Bucket) []string {
	t.Helper()
	var got []string
	for name, err := range b.Names(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, name)
	}
	slices.Sort(got)
	return got
}

// keep brings a file of so many bytes and reads it again.
func keep(t *testing.T, b *Bucket, name string, size int) {
	t.Helper()
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	if err := bring(t.Context(), b, name, content); err != nil {
		t.Fatal(err)
	}
	if got, _, err := b.Read(t.Context(), name, 1<<30); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s: %d bytes of %d, %v", name, len(got), size, err)
	}
}

func bring(ctx context.Context, b *Bucket, name string, content []byte) error {
	d, err := b.Draft(ctx, "w1-00")
	if err != nil {
		return err
	}
	_, err = d.Write(content)
	if err == nil {
		err = d.Keep(ctx, name)
	}
	return errors.Join(err, d.Discard())
}

// TestBounded holds that a large file takes no memory of its size.
func TestBounded(t *testing.T) {
	var before, after runtime.MemStats
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"x"`)
		if r.Method == http.MethodPost && r.URL.Query().Has("uploads") {
			_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
		} else if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, "<CompleteMultipartUploadResult><Bucket>b</Bucket></CompleteMultipartUploadResult>")
		}
	}))
	defer server.Close()
	b := open(t, s3At(server.URL))
	d, err := b.Draft(t.Context(), "w1-00")
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for range 80 {
		if _, err := d.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&before)
	if err := errors.Join(d.Keep(t.Context(), "part-1.parquet"), d.Discard()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("80 MiB took %d bytes of memory", n)
	}
}

// TestLies holds that whatever a store answers becomes a fault that says it, in bounded
// time and memory, and that credentials go nowhere else.
func TestLies(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	status := func(code int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	for _, c := range []struct {
		name string
		lie  func(http.ResponseWriter, *http.Request) bool
		want fault.Code
	}{
		{"error", status(500, ""), fault.CodeFeedUnavailable},
		{"html", status(502, "<html>Bad gateway</html>"), fault.CodeFeedUnavailable},
		{"nonsense", status(400, "<Error><Code>\x1b[31m"+strings.Repeat("x", 5000)+"</Code></Error>"), fault.CodeFeedUnavailable},
		{"denied", status(403, "<Error><Code>AccessDenied</Code></Error>"), fault.CodeFeedDenied},
		{"unknown key", status(403, "<Error><Code>InvalidAccessKeyId</Code></Error>"), fault.CodeFeedDenied},
		{"no bucket", status(404, "<Error><Code>NoSuchBucket</Code></Error>"), fault.CodeFeedNoBucket},
		{"not implemented", status(501, "<Error><Code>NotImplemented</Code></Error>"), fault.CodeFeedConditions},
		{"always 412", status(412, "<Error><Code>PreconditionFailed</Code></Error>"), fault.CodeFeedUnavailable},
		{"redirect", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			return true
		}, fault.CodeFeedUnavailable},
		{"cut", func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, fault.CodeFeedUnavailable},
		{"mute", func(_ http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return true
		}, fault.CodeFeedUnavailable},
		{"huge", func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					break
				}
			}
			return true
		}, fault.CodeFeedDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := gatewaytest.NewBucket(t)
			store.Before = c.lie
			config := s3At(store.URL)
			config.S3.Timeout = time.Second
			b := open(t, config)
			err := b.Prepare(t.Context())
			if f := fault.Of(err); f.Code != c.want || len(err.Error()) > 2000 || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%.3000s", err)
			}
		})
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// TestLawless holds that a store which takes no notice of conditions is not written to.
func TestLawless(t *testing.T) {
	store, b := fake(t)
	store.Lawless = true
	for range 2 {
		if err := b.Prepare(t.Context()); fault.Of(err).Code != fault.CodeFeedConditions {
			t.Error(err)
		}
	}
	if n := len(store.Objects()); n != 0 {
		t.Errorf("%d objects are left", n)
	}
	store.Lawless = false
	if err := b.Prepare(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestEndless holds that a list without an end has one, and that what is too long is not
// read.
func TestEndless(t *testing.T) {
	store, b := fake(t)
	page := "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>" + strings.Repeat("<Contents><Key>a/b/x</Key><LastModified>2026-03-02T09:30:00.000Z</LastModified></Contents>", 20_000) + "</ListBucketResult>"
	store.Before = func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.WriteString(w, page)
		return true
	}
	n := 0
	for _, err := range b.Names(t.Context()) {
		if n++; err != nil {
			if fault.Of(err).Code != fault.CodeFeedContent {
				t.Error(err)
			}
			break
		}
	}
	if n > maxNames+1 {
		t.Error(n)
	}
	page = "<ListBucketResult>" + strings.Repeat(" ", maxAnswer) + "</ListBucketResult>"
	for _, err := range b.Names(t.Context()) {
		if err == nil {
			t.Error("a page that is too long")
		}
	}
}

// TestUploadCut holds that an upload which fails in the middle is aborted, that parts are
// tried again, and that a confirmation which was lost is found again.
func TestUploadCut(t *testing.T) {
	store, b := fake(t)
	content := make([]byte, partSize+100)
	store.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("partNumber") == "2" {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}
	if err := bring(t.Context(), b, "part-1.parquet", content); fault.Of(err).Code != fault.CodeFeedDenied || store.Uploads() != 0 || len(store.Objects()) != 0 {
		t.Errorf("%v, %d uploads, %d objects", err, store.Uploads(), len(store.Objects()))
	}
	failed, lost := 0, 0
	store.Before = func(w http.ResponseWriter, r *http.Request) bool {
		switch q := r.URL.Query(); {
		case q.Get("partNumber") == "2" && failed < 2:
			failed++
			panic(http.ErrAbortHandler)
		case r.Method == http.MethodPost && q.Has("uploadId") && lost == 0:
			lost++
			store.Answer(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		return false
	}
	if err := bring(t.Context(), b, "part-1.parquet", content); err != nil || failed != 2 || lost != 1 {
		t.Errorf("%v, %d, %d", err, failed, lost)
	}
	if got := store.Objects()["a/b/part-1.parquet"]; !bytes.Equal(got, content) {
		t.Errorf("%d bytes", len(got))
	}
}

// TestSecrets holds that credentials are read again for each round, and are nowhere in
// what is said of the place.
func TestSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := gatewaytest.NewBucket(t)
	root, err := config.Parse("x.yaml", []byte(`{s3: {endpoint: "`+store.URL+`", name: warehouse, access_key: key, secret_key_file: "`+file+`"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	if err := root.Decode(&c); err != nil {
		t.Fatal(err)
	}
	b := open(t, c)
	if err := b.Prepare(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := b.Prepare(t.Context()); fault.Of(err).Code != fault.CodeFeedDenied {
		t.Error(err)
	}
	if text := b.String(); strings.Contains(text, "sesame") || text != "s3://warehouse/ at "+store.URL {
		t.Error(text)
	}
	if (Config{S3: c.S3}).Unread().S3.SecretKey.Reveal() != "" || c.S3.SecretKey.Reveal() == "" {
		t.Error("Unread has the secret, or took it away")
	}
}

// TestValidate holds what a section may say.
func TestValidate(t *testing.T) {
	s3 := func(change func(*S3)) Config {
		c := s3At("https://s3.example.com")
		change(c.S3)
		return c
	}
	azure := func(change func(*Azure)) Config {
		c := Azure{Account: "account", Container: "feeds", SAS: config.NewSecret("sig=x")}
		change(&c)
		return Config{Azure: &c}
	}
	for want, c := range map[string]Config{
		"": s3(func(*S3) {}), "one of s3 and azure": {}, "s3.name": s3(func(s *S3) { s.Name = "../x" }), "s3.prefix": s3(func(s *S3) { s.Prefix = "a/../b" }),
		"s3.access_key": s3(func(s *S3) { s.AccessKey = "a b\n" }), "https only": s3(func(s *S3) { s.Endpoint = "http://s3.example.com" }),
		"no credentials": s3(func(s *S3) { s.Endpoint = "https://a:b@s3.example.com" }), "no path": s3(func(s *S3) { s.Endpoint = "https://s3.example.com/x" }),
		"s3.timeout": s3(func(s *S3) { s.Timeout = time.Millisecond }), "s3.proxy": s3(func(s *S3) { s.Proxy = "http://p" }), "s3.tls.ca_file": s3(func(s *S3) { s.TLS.CAFile = "nowhere" }),
		"azure.account": azure(func(a *Azure) { a.Account = "Account!" }), "azure.container": azure(func(a *Azure) { a.Container = "a--b" }),
		"account_key and sas": azure(func(a *Azure) { a.AccountKey = config.NewSecret("eA==") }),
	} {
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if got := azure(func(*Azure) {}).String(); got != "azure://feeds/ at https://account.blob.core.windows.net" {
		t.Error(got)
	}
	if _, err := New(azure(func(a *Azure) { a.SAS, a.AccountKey = config.Secret{}, config.NewSecret("no base64!") })); fault.Of(err).Code != fault.CodeFeedDenied || strings.Contains(err.Error(), "no base64!") {
		t.Error(err)
	}
}
