package fakeupstream

import (
	"errors"
	"fmt"
	"strings"
)

// Redirect sends the client elsewhere on the host that it named, as application servers and frameworks do: Location is a whole
// URL. A gateway in between that names another host than its own client did is given a URL for that one. Not for memcached and
// streams, which have no header: there Any closes without an answer.
type Redirect struct {
	// Status is from 300 to 399; 0 means 301.
	Status int `json:"status,omitempty"`
	// Path is where to; empty means "/moved".
	Path string `json:"path,omitempty"`
	// Answer is the rest.
	Answer Well `json:"answer,omitzero"`
}

func (b Redirect) status() int {
	if b.Status == 0 {
		return 301
	}
	return b.Status
}

func (b Redirect) path() string {
	if b.Path == "" {
		return "/moved"
	}
	return b.Path
}

func (b Redirect) String() string { return fmt.Sprintf("redirect %d to %s", b.status(), b.path()) }

func (b Redirect) Check(on Endpoint) error {
	switch {
	case b.status() < 300 || b.status() > 399:
		return fmt.Errorf("status: %d is not that of a redirect; give 300 to 399", b.Status)
	case !strings.HasPrefix(b.path(), "/") || strings.ContainsAny(b.Path, " \r\n\x00"):
		return errors.New(`path: give a path that begins with a slash, such as "/moved"`)
	}
	return first(on.not(noFields, Memcached, Redis, MySQL, DNS, Stream), b.Answer.checkAnswer(on))
}

func (b Redirect) Serve(x *Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	w := b.Answer
	w.Status = b.status()
	return x.answerWith(w, "Location: "+x.origin()+b.path())
}

// origin is the scheme and the host of the request as the client named it; empty where it named none.
func (x *Exchange) origin() string {
	r := x.Request()
	host, secure := r.Header("Host"), x.secure
	if host == "" {
		host = r.Header(":authority")
	}
	if host == "" {
		host, secure = r.Param("HTTP_HOST"), r.Param("HTTPS") == "on"
	}
	switch {
	case host == "":
		return ""
	case secure:
		return "https://" + host
	}
	return "http://" + host
}
