package bucket

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/feed"
)

// azure is a container of Azure Blob Storage.
type azure struct {
	config Azure
	http   *http.Client
	blobs  *container.Client
}

func newAzure(c Azure) (objects, error) {
	client, err := c.client()
	if err != nil {
		return objects{}, err
	}
	a := &azure{config: c, http: client}
	return objects{refresh: a.refresh, read: a.read, put: a.put, begin: a.begin, keys: a.keys, remove: a.remove}, a.refresh()
}

func (a *azure) refresh() error {
	key, keyErr := a.config.AccountKey.Fresh()
	sas, sasErr := a.config.SAS.Fresh()
	if err := errors.Join(keyErr, sasErr); err != nil {
		return fault.New(fault.CodeFeedDenied, "the account key or the SAS cannot be read").Because(err)
	}
	o := &container.ClientOptions{ClientOptions: policy.ClientOptions{Transport: a.http, Telemetry: policy.TelemetryOptions{Disabled: true},
		Retry: policy.RetryOptions{MaxRetries: tries - 1, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 2 * time.Second}}}
	address := strings.TrimSuffix(a.config.Endpoint, "/") + "/" + a.config.Container
	var err error
	if !sas.IsZero() {
		a.blobs, err = container.NewClientWithNoCredential(address+"?"+strings.TrimPrefix(sas.Reveal(), "?"), o)
	} else {
		var signer *container.SharedKeyCredential
		if signer, err = container.NewSharedKeyCredential(a.config.Account, key.Reveal()); err == nil {
			a.blobs, err = container.NewClientWithSharedKeyCredential(address, signer, o)
		}
	}
	if err != nil { // whose text may hold what it was made of
		return fault.New(fault.CodeFeedDenied, "the account key is no base64, or the SAS is no query of a URL")
	}
	return nil
}

func (a *azure) read(ctx context.Context, key string, atMost int64) ([]byte, string, error) {
	res, err := a.blobs.NewBlobClient(key).DownloadStream(ctx, nil)
	if err != nil {
		return nil, "", ofAzure(err)
	}
	content, err := readAll(res.Body, key, atMost)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, "", ofAzure(err)
	}
	if res.ETag == nil {
		return content, "", nil
	}
	return content, string(*res.ETag), nil
}

func (a *azure) put(ctx context.Context, key string, body *io.SectionReader, when condition) (string, error) {
	sum, err := md5Of(body)
	if err != nil {
		return "", err
	}
	o := &blockblob.UploadOptions{TransactionalValidation: sum, HTTPHeaders: &blob.HTTPHeaders{BlobContentType: new(contentParquet)}}
	if when.set {
		o.HTTPHeaders.BlobContentType = new("application/json")
		o.AccessConditions = &blob.AccessConditions{ModifiedAccessConditions: only(when.version)}
	}
	res, err := a.blobs.NewBlockBlobClient(key).Upload(ctx, streaming.NopCloser(body), o)
	if err = ofAzure(err); err != nil {
		if when.set && errors.Is(err, fs.ErrNotExist) {
			err = feed.ErrReplaced // it was to replace what is gone
		}
		return "", err
	}
	if res.ETag == nil {
		return "", nil
	}
	return string(*res.ETag), nil
}

func only(version string) *blob.ModifiedAccessConditions {
	if version == "" {
		return &blob.ModifiedAccessConditions{IfNoneMatch: new(azcore.ETagAny)}
	}
	return &blob.ModifiedAccessConditions{IfMatch: new(azcore.ETag(version))}
}

// md5Of hashes what is sent, as this store has it: it refuses anything else.
func md5Of(body *io.SectionReader) (blob.TransferValidationTypeMD5, error) {
	h := md5.New()
	if _, err := io.Copy(h, body); err != nil {
		return nil, noSpool(err)
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return nil, noSpool(err)
	}
	return h.Sum(nil), nil
}

// begin has nothing to ask for: blocks lie beside a blob until
// they are put together.
func (a *azure) begin(_ context.Context, key string) (upload, error) {
	u := &azureUpload{azure: a, key: key, blob: a.blobs.NewBlockBlobClient(key)}
	return upload{part: u.part, finish: u.finish, abort: u.abort}, nil
}

// azureUpload is a blob in blocks.
type azureUpload struct {
	*azure
	key  string
	blob *blockblob.Client
	ids  []string
}

func (u *azureUpload) part(ctx context.Context, number int, body *io.SectionReader) error {
	sum, err := md5Of(body)
	if err != nil {
		return err
	}
	id := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%08d", number))
	if _, err := u.blob.StageBlock(ctx, id, streaming.NopCloser(body), &blockblob.StageBlockOptions{TransactionalValidation: sum}); err != nil {
		return ofAzure(err)
	}
	u.ids = append(u.ids, id)
	return nil
}

func (u *azureUpload) finish(ctx context.Context) error {
	_, err := u.blob.CommitBlockList(ctx, u.ids, &blockblob.CommitBlockListOptions{HTTPHeaders: &blob.HTTPHeaders{BlobContentType: new(contentParquet)}})
	return ofAzure(err)
}

func (u *azureUpload) abort(ctx context.Context) error { return u.remove(ctx, u.key) }

func (a *azure) keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, listTime)
		defer cancel()
		pager := a.blobs.NewListBlobsHierarchyPager("/", &container.ListBlobsHierarchyOptions{Prefix: new(prefix), Include: container.ListBlobsInclude{UncommittedBlobs: true}})
		for pager.More() {
			page, err := pager.NextPage(ctx)
			if err != nil {
				yield("", ofAzure(err))
				return
			}
			if page.Segment == nil {
				continue
			}
			for _, item := range page.Segment.BlobItems {
				if item != nil && item.Name != nil && !yield(*item.Name, nil) {
					return
				}
			}
		}
	}
}

// remove removes a blob. Blocks that were never put together cannot be deleted: an
// empty blob takes their place, and is.
func (a *azure) remove(ctx context.Context, key string) error {
	b := a.blobs.NewBlockBlobClient(key)
	_, err := b.Delete(ctx, nil)
	if err = ofAzure(err); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	nothing := streaming.NopCloser(strings.NewReader(""))
	if _, err := b.Upload(ctx, nothing, &blockblob.UploadOptions{AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: only("")}}); err != nil {
		return ofAzure(err)
	}
	_, err = b.Delete(ctx, nil)
	if err = ofAzure(err); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ofAzure makes of an error what it means here.
func ofAzure(err error) error {
	if err == nil {
		return nil
	}
	e, answered := errors.AsType[*azcore.ResponseError](err)
	if !answered {
		return ofTransport(err)
	}
	why := fmt.Errorf("%s (%d)", brief(e.ErrorCode), e.StatusCode)
	switch e.ErrorCode {
	case "ContainerNotFound", "ContainerBeingDeleted", "ContainerDisabled":
		return fault.New(fault.CodeFeedNoBucket, "").Because(why)
	case "BlobAlreadyExists", "ConditionNotMet":
		return feed.ErrReplaced
	case "InvalidAuthenticationInfo":
		return fault.New(fault.CodeFeedDenied, "").Because(why)
	}
	return ofStatus(e.StatusCode, why)
}
