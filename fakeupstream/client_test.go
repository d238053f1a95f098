package fakeupstream

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestClient_SpeaksAsTheUpstreamDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec   Spec
		scheme string // in place of that of the URL
		proto  string
	}{
		"HTTP":             {Spec{}, "", "HTTP/1.1"},
		"HTTP in TLS":      {Spec{TLS: &TLS{}}, "", "HTTP/1.1"},
		"gRPC":             {Spec{Protocol: GRPC}, "", "HTTP/2.0"},
		"gRPC in TLS":      {Spec{Protocol: GRPC, TLS: &TLS{}}, "", "HTTP/2.0"},
		"any":              {Spec{Protocol: Any}, "", "HTTP/1.1"},
		"any in TLS":       {Spec{Protocol: Any}, "https", "HTTP/2.0"},
		"all addresses":    {Spec{Listen: "0.0.0.0:0", TLS: &TLS{}}, "", "HTTP/1.1"},
		"a socket":         {Spec{Listen: "unix:"}, "", "HTTP/1.1"},
		"a socket and TLS": {Spec{Listen: "unix:", TLS: &TLS{}}, "", "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			if c.spec.Listen == "unix:" {
				c.spec.Listen += filepath.Join(t.TempDir(), "s")
			}
			s := start(t, c.spec)
			url := s.URL()
			if c.scheme != "" {
				_, host, _ := strings.Cut(url, "://")
				url = c.scheme + "://" + host
			}
			for range 2 {
				answer, err := s.Client().Get(url + "/page?a=b")
				g.Expect(err).NotTo(HaveOccurred())
				body, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				g.Expect(string(body), err).To(Equal("ok\n"))
				g.Expect(answer.Proto).To(Equal(c.proto))
			}
			// Go's transport may dial once more while its connection is about to be free again, and then takes the first all the same.
			g.Expect(s.Records()).To(ContainElement(HaveField("RequestCount", 2)), "it is the same client, which keeps its connection")
			g.Expect(s.Records()[0].Requests[0].URI).To(Equal("/page?a=b"))
			g.Expect(s.Close()).To(Succeed())
			_, err := s.Client().Get(url)
			g.Expect(err).To(HaveOccurred())
		})
	}
}

func TestURL_NamesWhereTheUpstreamIs(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]*Server{
		"http://10.0.0.5:8080":     {protocol: HTTP, network: "tcp", address: "10.0.0.5:8080"},
		"https://10.0.0.5:8443":    {protocol: HTTP, network: "tcp", address: "10.0.0.5:8443", tls: &tlsSide{ca: []byte("x")}},
		"http://127.0.0.1:80":      {protocol: GRPC, network: "tcp", address: "0.0.0.0:80"},
		"http://[::1]:80":          {protocol: Any, network: "tcp", address: "[::]:80", tls: &tlsSide{ca: []byte("x")}},
		"http://[fe80::1%25lo]:80": {protocol: HTTP, network: "tcp", address: "[fe80::1%lo]:80"},
		"http://localhost":         {protocol: HTTP, network: "unix", address: "/run/app:1"},
		"fastcgi://127.0.0.1:9000": {protocol: FastCGI, network: "tcp", address: "127.0.0.1:9000"},
	} {
		if got := s.URL(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
