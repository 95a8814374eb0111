package httpdoor

import (
	"net/http"
	"time"
)

// Stream returns where an answer is written whose length nobody knows yet. A caller that
// does not take what is written within the time that a body may take is cut off.
func (x *Exchange) Stream() http.ResponseWriter {
	x.W.Header().Set("X-Content-Type-Options", "nosniff")
	return &stream{x.W, x}
}

type stream struct {
	http.ResponseWriter
	x *Exchange
}

// WriteHeader begins the answer.
func (s *stream) WriteHeader(status int) {
	s.x.answered = true
	s.patience()
	s.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the answer.
func (s *stream) Write(b []byte) (int, error) {
	s.x.answered = true
	s.patience()
	return s.ResponseWriter.Write(b)
}

func (s *stream) patience() {
	_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(s.x.config.BodyTimeout))
}

// Unwrap is for http.ResponseController.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }
