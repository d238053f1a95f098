package suites

import (
	"context"
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
// before it passes the call on, or not pass it on at all.
func engineWith(between func(r *http.Request, pass func())) string {
	GinkgoHelper()
	socket, local := strings.CutPrefix(lab.Engine().Host(), "unix://")
	if !local {
		Skip("the engine is not at a socket of this machine")
	}
	to := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	to.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	to.ErrorLog = nil
	// A socket's path has to be short, which GinkgoT().TempDir() is not.
	dir, err := os.MkdirTemp("", "bg")
	Expect(err).NotTo(HaveOccurred())
	l, err := net.Listen("unix", filepath.Join(dir, "engine.sock"))
	Expect(err).NotTo(HaveOccurred())
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		between(r, func() { to.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context()))) })
	})}
	go server.Serve(l)
	DeferCleanup(func() error {
		server.Close()
		return os.RemoveAll(dir)
	})
	return "unix://" + l.Addr().String()
}
