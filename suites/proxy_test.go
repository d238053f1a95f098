package suites

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// engineWith is the address of the container engine with somebody in between: it gets every call, and may do something
// before it passes the call on, or not pass it on at all. The engine gets what is passed on in full, even where the
// caller is gone by then.
func engineWith(between func(r *http.Request, pass func() (status int))) string {
	GinkgoHelper()
	to := engineProxy()
	return listening(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 0 {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		between(r, func() int {
			ctx, cancel := context.WithCancel(context.Background()) // one without an end would be the caller's again
			defer cancel()
			seen := &statusSeen{ResponseWriter: w}
			to.ServeHTTP(seen, r.WithContext(ctx))
			return seen.status
		})
	}))
}

// engineThrough is the address of the container engine with somebody in between who changes calls, and does nothing else: the
// engine sees when the caller is gone.
func engineThrough(change func(*http.Request)) string {
	GinkgoHelper()
	to := engineProxy()
	to.FlushInterval = -1
	return listening(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(r)
		to.ServeHTTP(w, r)
	}))
}

// listening serves at a socket until the spec ends, and returns its address.
func listening(h http.Handler) string {
	GinkgoHelper()
	// A socket's path has to be short, which GinkgoT().TempDir() is not.
	dir, err := os.MkdirTemp("", "bg")
	Expect(err).NotTo(HaveOccurred())
	l, err := net.Listen("unix", filepath.Join(dir, "engine.sock"))
	Expect(err).NotTo(HaveOccurred())
	server := &http.Server{Handler: h, ErrorLog: log.New(GinkgoWriter, "", 0)}
	go server.Serve(l)
	DeferCleanup(func() error {
		server.Close()
		return os.RemoveAll(dir)
	})
	return "unix://" + l.Addr().String()
}

// engineProxy passes calls on to the container engine at its socket on this machine.
func engineProxy() *httputil.ReverseProxy {
	GinkgoHelper()
	socket, local := strings.CutPrefix(shared.Engine().Host(), "unix://")
	if !local {
		Skip("the engine is not at a socket of this machine")
	}
	to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	to.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	to.ErrorLog = log.New(GinkgoWriter, "", 0)
	return to
}

// statusSeen remembers the status of an answer.
type statusSeen struct {
	http.ResponseWriter
	status int
}

func (w *statusSeen) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the connection be taken over, for the streams of a container.
func (w *statusSeen) Unwrap() http.ResponseWriter { return w.ResponseWriter }
