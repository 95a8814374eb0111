package feed

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const (
	partPrefix     = "part-"
	draftExtension = ".writing"
	fileExtension  = ".parquet"
)

// mark tells what one attempt under one hold of the lease writes from all else: a file
// whose bringing was given up, and that comes later all the same, is in nobody's way.
func mark(fence int64) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: see its documentation
	return fmt.Sprintf("w%d-%s", fence, hex.EncodeToString(b[:]))
}

var markPattern = regexp.MustCompile(`-w([0-9]{1,18})-[0-9a-f]{8}\b`)

// fenceOf is the fence of who wrote what has that name; 0 where the name does not say.
func fenceOf(name string) int64 {
	m := markPattern.FindStringSubmatch(name)
	if m == nil {
		return 0
	}
	fence, _ := strconv.ParseInt(m[1], 10, 64) // digits, and few
	return fence
}

// left reports whether a name is of what a writer of up to this fence began, and never
// listed.
func left(name string, listed map[string]bool, fence int64) bool {
	ours := strings.HasPrefix(name, ".") && strings.HasSuffix(name, draftExtension) || strings.HasPrefix(name, partPrefix) && strings.HasSuffix(name, fileExtension)
	return ours && !listed[name] && fenceOf(name) <= fence
}

// tidy removes what is no part of the feed: files of a process that died, or that gave
// up, before they were listed. It is called right after the manifest was replaced, and at
// no other time: then that manifest is what there is, nobody of an earlier fence will list
// anything any more, and what one of a later fence brings is left alone.
func (r *round) tidy(ctx context.Context) {
	if r.tidied == r.fence {
		return
	}
	err := r.removeLeft(ctx)
	if err == nil {
		r.tidied, r.untidy = r.fence, false
		return
	}
	if !r.untidy && ctx.Err() == nil {
		r.log.WarnContext(ctx, "what is no part of the feed not removed; it is tried again", "feed", r.config.Name, "error", err)
	}
	r.untidy = true
}

func (r *round) removeLeft(ctx context.Context) error {
	listed := map[string]bool{}
	for _, f := range r.manifest.Files {
		listed[f.Name] = true
	}
	var faults []error
	for name, err := range r.place.Names(ctx) {
		if err != nil {
			return errors.Join(append(faults, err)...)
		}
		if left(name, listed, r.fence) {
			faults = append(faults, r.place.Remove(ctx, name))
		}
	}
	return errors.Join(faults...)
}
