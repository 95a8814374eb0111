package rest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse/adapters/internal/httpdoor"
	"github.com/gatehouse/gatehouse/internal/export"
	"github.com/gatehouse/gatehouse/internal/fault"
	"github.com/gatehouse/gatehouse/internal/gateway"
	"github.com/gatehouse/gatehouse/internal/spool"
)

// fileName is the part of a file's address below its job.
const fileName = "file"

// ExportJob is what is told of a job.
type ExportJob struct {
	ID       uuid.UUID   `json:"id"`
	View     string      `json:"view"`
	State    spool.State `json:"state"` // waiting, running, done, failed
	Created  time.Time   `json:"created"`
	Rows     int64       `json:"rows"`
	Bytes    int64       `json:"bytes"`
	Position string      `json:"position,omitempty"`
	At       time.Time   `json:"at,omitzero"`
	SHA256   string      `json:"sha256,omitempty"`
	Name     string      `json:"name"`
	File     string      `json:"file,omitempty"` // its address, once it is done
	Expires  time.Time   `json:"expires,omitzero"`
	Code     fault.Code  `json:"code,omitempty"` // why it failed
	Reason   string      `json:"reason,omitempty"`
}

// begin has a file made. No form of another site can ask for it: it takes the media type
// that JSON has, for which a browser asks first.
func (e *Exports) begin(x *Exchange, who *gateway.Operator, name string) error {
	if len(x.R.URL.EscapedPath())+len(x.R.URL.RawQuery) > maxAddress {
		return fault.New(fault.CodeAddress, "the address has more than %d bytes", maxAddress)
	}
	if media, _, _ := strings.Cut(x.R.Header.Get("Content-Type"), ";"); !strings.EqualFold(httpdoor.TrimBlanks(media), mediaJSON) {
		return fault.New(fault.CodeMediaType, "the request is to be %s; its body is not read", mediaJSON)
	}
	made, err := e.prepare(x.R.Context(), who, name, x.R.URL.RawQuery)
	if err != nil {
		return err
	}
	j, err := e.spool.Add(spool.Job{Owner: who.DN, Subject: name, Request: x.R.URL.RawQuery, Name: made.fileName(), Media: made.plan.Format.MediaType})
	if err != nil {
		return err
	}
	x.W.Header().Set("Location", Root+name+"/"+exportName+"/"+j.ID.String())
	return e.tell(x, http.StatusAccepted, j)
}

func (e *Exports) tell(x *Exchange, status int, j spool.Job) error {
	out := ExportJob{
		ID: j.ID, View: j.Subject, State: j.State, Created: j.Created, Rows: j.Rows, Bytes: j.Bytes, Position: j.Position, At: j.At,
		SHA256: j.SHA256, Name: j.Name, Code: j.Code, Reason: j.Reason,
	}
	if j.State == spool.Done {
		out.File = Root + j.Subject + "/" + exportName + "/" + j.ID.String() + "/" + fileName
	}
	if !j.Finished.IsZero() {
		out.Expires = j.Finished.Add(e.config.Keep)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	x.W.Header().Set("Cache-Control", "no-store")
	x.Answer(status, mediaJSON, append(body, '\n'))
	return nil
}

// make makes the file of a job, with what its owner may see now.
func (e *Exports) make(ctx context.Context, j spool.Job, w io.Writer, begin func(string, time.Time), progress func(int64)) error {
	who, err := e.exporters.Known(ctx, j.Owner)
	if err != nil {
		return err
	}
	made, err := e.prepare(ctx, who, j.Subject, j.Request)
	if err != nil {
		return err
	}
	_, err = made.write(ctx, w, func(h *export.Head) { begin(export.PositionText(h.Position), h.At) }, progress)
	return err
}

// job answers about a job: path is its id, or the file's below it.
func (e *Exports) job(x *Exchange, who *gateway.Operator, name, path string) error {
	text, isFile := strings.CutSuffix(path, "/"+fileName)
	// What somebody may not read any more he does not fetch either.
	if err := who.May(gateway.Read, gateway.OnView(name)); err != nil {
		return err
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return fault.New(fault.CodeExportNotFound, "")
	}
	j, err := e.spool.Find(id, who.DN)
	if err != nil || j.Subject != name {
		return fault.New(fault.CodeExportNotFound, "")
	}
	switch {
	case isFile:
		return e.file(x, j)
	case x.R.Method == http.MethodDelete:
		if err := e.spool.Remove(id, who.DN); err != nil {
			return err
		}
		x.Stream().WriteHeader(http.StatusNoContent)
		return nil
	}
	return e.tell(x, http.StatusOK, j)
}

// file answers with a file, or a part of it (RFC 9110 §14): its tag is its hash, so that
// whoever goes on with a download goes on with the same file.
func (e *Exports) file(x *Exchange, j spool.Job) error {
	f, err := e.spool.File(j)
	if err != nil {
		return err
	}
	defer f.Close()
	h := x.W.Header()
	h.Set("Content-Type", j.Media)
	h.Set("Content-Disposition", `attachment; filename="`+j.Name+`"`)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Authorization")
	h.Set("ETag", `"`+j.SHA256+`"`)
	h.Set(headerPosition, j.Position)
	h.Set(headerAt, j.At.UTC().Format(time.RFC3339Nano))
	if sum, err := hex.DecodeString(j.SHA256); err == nil {
		h.Set(trailerDigest, digestText(sum))
	}
	http.ServeContent(x.Stream(), x.R, "", j.Finished, f)
	return nil
}
