package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/feed"
)

// s3 is a bucket of a store that speaks S3.
type s3 struct {
	config S3
	http   *http.Client
	core   *minio.Core
}

const (
	contentParquet = "application/vnd.apache.parquet"
	// listTime bounds a look at all names.
	listTime = 10 * time.Minute
)

func newS3(c S3) (objects, error) {
	client, err := c.client()
	if err != nil {
		return objects{}, err
	}
	s := &s3{config: c, http: client}
	return objects{refresh: s.refresh, read: s.read, put: s.put, begin: s.begin, keys: s.keys, remove: s.remove}, s.refresh()
}

func (s *s3) refresh() error {
	u, err := url.Parse(s.config.Endpoint)
	if err != nil {
		return errors.New("endpoint: is not a URL")
	}
	secret, err := s.config.SecretKey.Fresh()
	if err != nil {
		return fault.New(fault.CodeFeedDenied, "the secret key cannot be read").Because(err)
	}
	lookup := minio.BucketLookupAuto
	if p := s.config.PathStyle; p != nil && *p {
		lookup = minio.BucketLookupPath
	} else if p != nil {
		lookup = minio.BucketLookupDNS
	}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(s.config.AccessKey, secret.Reveal(), ""),
		Secure: u.Scheme == "https", Transport: s.http.Transport, Region: s.config.Region, BucketLookup: lookup, MaxRetries: tries,
	})
	if err != nil {
		return fault.New(fault.CodeFeedUnavailable, "").Because(err)
	}
	s.core = core
	return nil
}

func (s *s3) read(ctx context.Context, key string, atMost int64) ([]byte, string, error) {
	body, info, _, err := s.core.GetObject(ctx, s.config.Name, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, "", ofS3(err)
	}
	content, err := readAll(body, key, atMost)
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, "", ofS3(err)
	}
	return content, info.ETag, nil
}

func (s *s3) put(ctx context.Context, key string, body *io.SectionReader, when condition) (string, error) {
	sum, err := sumOf(body)
	if err != nil {
		return "", err
	}
	o := minio.PutObjectOptions{ContentType: contentParquet, DisableContentSha256: true} // of a stream: sum is in its place
	if when.set {
		o.ContentType = "application/json"
		if when.version == "" {
			o.SetMatchETagExcept("*")
		} else {
			o.SetMatchETag(when.version)
		}
	}
	info, err := s.core.PutObject(ctx, s.config.Name, key, body, body.Size(), "", sum, o)
	if err = ofS3(err); when.set && errors.Is(err, fs.ErrNotExist) {
		err = feed.ErrReplaced // it was to replace what is gone
	}
	return info.ETag, err
}

// sumOf hashes what is sent: the store refuses anything else.
func sumOf(body *io.SectionReader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, body); err != nil {
		return "", noSpool(err)
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return "", noSpool(err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (s *s3) begin(ctx context.Context, key string) (upload, error) {
	id, err := s.core.NewMultipartUpload(ctx, s.config.Name, key, minio.PutObjectOptions{ContentType: contentParquet})
	if err != nil {
		return upload{}, ofS3(err)
	}
	u := &s3Upload{s3: s, key: key, id: id}
	return upload{part: u.part, finish: u.finish, abort: u.abort}, nil
}

// s3Upload is a multipart upload.
type s3Upload struct {
	*s3
	key, id string
	parts   []minio.CompletePart
}

func (u *s3Upload) part(ctx context.Context, number int, body *io.SectionReader) error {
	sum, err := sumOf(body)
	if err != nil {
		return err
	}
	p, err := u.core.PutObjectPart(ctx, u.config.Name, u.key, u.id, number, body, body.Size(), minio.PutObjectPartOptions{Sha256Hex: sum, DisableContentSha256: true})
	if err != nil {
		return ofS3(err)
	}
	u.parts = append(u.parts, minio.CompletePart{PartNumber: number, ETag: p.ETag})
	return nil
}

// finish makes the object of its parts. When the answer is lost and the request is made
// again, there is no such upload any more: then whether the object is there says it.
func (u *s3Upload) finish(ctx context.Context) error {
	_, err := u.core.CompleteMultipartUpload(ctx, u.config.Name, u.key, u.id, u.parts, minio.PutObjectOptions{})
	if err = ofS3(err); errors.Is(err, fs.ErrNotExist) {
		_, statErr := u.core.StatObject(ctx, u.config.Name, u.key, minio.StatObjectOptions{})
		if statErr == nil {
			return nil
		}
		return fault.New(fault.CodeFeedUnavailable, "the bucket has lost an upload in parts").Because(errors.Join(errors.New(err.Error()), ofS3(statErr)))
	}
	return err
}

func (u *s3Upload) abort(ctx context.Context) error {
	return ofS3(u.core.AbortMultipartUpload(ctx, u.config.Name, u.key, u.id))
}

func (s *s3) keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, listTime)
		defer cancel() // which ends the listing
		for o := range s.core.Client.ListObjects(ctx, s.config.Name, minio.ListObjectsOptions{Prefix: prefix, FetchOwner: new(false)}) {
			if o.Err != nil {
				yield("", ofS3(o.Err))
				return
			}
			if !yield(o.Key, nil) {
				return
			}
		}
		if ctx.Err() != nil {
			yield("", fault.New(fault.CodeFeedUnavailable, "the bucket's list does not end").Because(ctx.Err()))
			return
		}
		for u, err := range s.uploads(ctx, prefix) {
			if !yield(u.Key, err) || err != nil {
				return
			}
		}
	}
}

// uploads yields what was begun and is not finished.
func (s *s3) uploads(ctx context.Context, prefix string) iter.Seq2[minio.ObjectMultipartInfo, error] {
	return func(yield func(minio.ObjectMultipartInfo, error) bool) {
		key, id := "", ""
		for {
			page, err := s.core.ListMultipartUploads(ctx, s.config.Name, prefix, key, id, "", 1000)
			if err != nil {
				yield(minio.ObjectMultipartInfo{}, ofS3(err))
				return
			}
			for _, u := range page.Uploads {
				if !yield(u, nil) {
					return
				}
			}
			if !page.IsTruncated || page.NextKeyMarker == key && page.NextUploadIDMarker == id {
				return
			}
			key, id = page.NextKeyMarker, page.NextUploadIDMarker
		}
	}
}

func (s *s3) remove(ctx context.Context, key string) error {
	err := ofS3(s.core.RemoveObject(ctx, s.config.Name, key, minio.RemoveObjectOptions{}))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	for u, err := range s.uploads(ctx, key) {
		if err != nil {
			return err
		}
		if u.Key != key {
			continue
		}
		if err := ofS3(s.core.AbortMultipartUpload(ctx, s.config.Name, key, u.UploadID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// ofS3 makes of an error what it means here.
func ofS3(err error) error {
	if err == nil {
		return nil
	}
	e, answered := errors.AsType[minio.ErrorResponse](err)
	if !answered {
		return ofTransport(err)
	}
	why := fmt.Errorf("%s (%d): %s", brief(e.Code), e.StatusCode, brief(e.Message))
	switch e.Code {
	case minio.NoSuchBucket:
		return fault.New(fault.CodeFeedNoBucket, "").Because(why)
	case minio.NoSuchKey, minio.NoSuchUpload:
		return fs.ErrNotExist
	case minio.PreconditionFailed:
		return feed.ErrReplaced
	}
	return ofStatus(e.StatusCode, why)
}
