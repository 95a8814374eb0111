package gatewaytest

import (
	"cmp"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Bucket is one bucket of a store that speaks S3, as far as a feed does: it keeps objects
// in memory, obeys conditions, and refuses what is not what its hash says. Signatures are
// not checked.
type Bucket struct {
	URL string // of the store
	// Before is asked before each request, and has answered it when it returns true.
	Before func(http.ResponseWriter, *http.Request) bool
	// Lawless has conditions be taken no notice of.
	Lawless bool
	// Page is how many names a list has at most; 0: 1,000.
	Page int

	mu      sync.Mutex
	objects map[string][]byte
	uploads map[string]*multipart
	next    int
	largest int64 // body of a request
}

type multipart struct {
	key   string
	parts map[int][]byte
}

// NewBucket serves a bucket on loopback until the test ends.
func NewBucket(t testing.TB) *Bucket {
	b := &Bucket{objects: map[string][]byte{}, uploads: map[string]*multipart{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.URL = server.URL
	return b
}

// BucketName is the bucket's name.
const BucketName = "warehouse"

// Objects are the objects as they are now, by key.
func (b *Bucket) Objects() map[string][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.objects)
}

// Put puts an object past all conditions.
func (b *Bucket) Put(key string, content []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[key] = content
}

// Uploads is how many uploads in parts were begun and not ended.
func (b *Bucket) Uploads() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.uploads)
}

// Largest is how many bytes the largest body of a request had.
func (b *Bucket) Largest() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.largest
}

// ServeHTTP implements http.Handler.
func (b *Bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.Before != nil && b.Before(w, r) {
		return
	}
	b.Answer(w, r)
}

// Answer answers a request truly.
func (b *Bucket) Answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	sum := sha256.Sum256(body)
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.largest = max(b.largest, int64(len(body)))
	switch {
	case err != nil:
		return
	case name != BucketName:
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case len(body) > 0 && r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]):
		refuse(w, http.StatusBadRequest, "XAmzContentSHA256Mismatch")
	case key == "" && q.Has("uploads"):
		b.listUploads(w, q.Get("prefix"))
	case key == "":
		b.list(w, q.Get("prefix"), q.Get("delimiter"), q.Get("continuation-token"))
	case q.Has("uploads"):
		b.next++
		id := strconv.Itoa(b.next)
		b.uploads[id] = &multipart{key: key, parts: map[int][]byte{}}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>", name, key, id)
	case q.Has("uploadId"):
		b.upload(w, r, q.Get("uploadId"), q.Get("partNumber"), body)
	default:
		b.object(w, r, key, body)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused</Message></Error>", code)
}

func tagOf(content []byte) string {
	sum := md5.Sum(content)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (b *Bucket) object(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	content, there := b.objects[key]
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	switch {
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case r.Method != http.MethodPut && !there:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	case r.Method != http.MethodPut:
		w.Header().Set("ETag", tagOf(content))
		w.Header().Set("Last-Modified", "Mon, 02 Mar 2026 09:30:00 GMT")
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(content)
		}
	case !b.Lawless && (none == "*" && there || match != "" && (!there || match != tagOf(content))):
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	default:
		b.objects[key] = body
		w.Header().Set("ETag", tagOf(body))
	}
}

func (b *Bucket) upload(w http.ResponseWriter, r *http.Request, id, number string, body []byte) {
	u := b.uploads[id]
	switch {
	case u == nil:
		refuse(w, http.StatusNotFound, "NoSuchUpload")
	case r.Method == http.MethodDelete:
		delete(b.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		n, _ := strconv.Atoi(number)
		u.parts[n] = body
		w.Header().Set("ETag", tagOf(body))
	default:
		var wanted struct {
			Part []struct {
				PartNumber int
				ETag       string
			}
		}
		if err := xml.Unmarshal(body, &wanted); err != nil {
			refuse(w, http.StatusBadRequest, "MalformedXML")
			return
		}
		var whole []byte
		for _, p := range wanted.Part {
			if strings.Trim(p.ETag, `"`) != strings.Trim(tagOf(u.parts[p.PartNumber]), `"`) {
				refuse(w, http.StatusBadRequest, "InvalidPart")
				return
			}
			whole = append(whole, u.parts[p.PartNumber]...)
		}
		b.objects[u.key] = whole
		delete(b.uploads, id)
		fmt.Fprintf(w, "<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>%s</ETag></CompleteMultipartUploadResult>", BucketName, u.key, tagOf(whole))
	}
}

func (b *Bucket) list(w http.ResponseWriter, prefix, delimiter, after string) {
	var out strings.Builder
	n, last, cut := 0, "", false
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		rest, below := strings.CutPrefix(key, prefix)
		if !below || key <= after || delimiter != "" && strings.Contains(rest, delimiter) {
			continue
		}
		if n == cmp.Or(b.Page, 1000) {
			cut = true
			break
		}
		n, last = n+1, key
		fmt.Fprintf(&out, "<Contents><Key>%s</Key><LastModified>2026-03-02T09:30:00.000Z</LastModified><ETag>x</ETag><Size>1</Size></Contents>", key)
	}
	fmt.Fprintf(w, "<ListBucketResult><Name>%s</Name><IsTruncated>%v</IsTruncated>", BucketName, cut)
	if cut {
		fmt.Fprintf(w, "<NextContinuationToken>%s</NextContinuationToken>", last)
	}
	fmt.Fprintf(w, "%s</ListBucketResult>", out.String())
}

func (b *Bucket) listUploads(w http.ResponseWriter, prefix string) {
	fmt.Fprintf(w, "<ListMultipartUploadsResult><Bucket>%s</Bucket><IsTruncated>false</IsTruncated>", BucketName)
	for id, u := range b.uploads {
		if strings.HasPrefix(u.key, prefix) {
			fmt.Fprintf(w, "<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>2026-03-02T09:30:00.000Z</Initiated></Upload>", u.key, id)
		}
	}
	fmt.Fprint(w, "</ListMultipartUploadsResult>")
}
