package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestWell_KeepsTheConnection(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t)
	c := dial(t, s)
	for range 3 {
		send(t, c, getRoot)
		g.Expect(read(t, c, len(okHTTP))).To(Equal(okHTTP))
	}
	c.Close()
	g.Expect(closedRecord(t, s).ClosedBy).To(Equal(ByClient))
}

func TestWellAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		b             Well
		request, want string
	}{
		"close": {Well{}, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"},
		"http 1.0": {Well{}, "GET / HTTP/1.0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"},
		"head": {Well{Close: true}, "HEAD / HTTP/1.1\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"},
		"status and headers": {Well{Status: 503, Headers: []string{"Content-Type: text/html", "Retry-After: 1"}, Body: "no", Close: true}, getRoot,
			"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nRetry-After: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"},
		"no body": {Well{NoBody: true, Close: true}, getRoot,
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		"204": {Well{Status: 204, Close: true}, getRoot,
			"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
		"chunked": {Well{Chunked: true, Body: "hello world 123", Close: true}, getRoot,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nf\r\nhello world 123\r\n0\r\n\r\n"},
		"size": {Well{BodySize: 12, Close: true}, getRoot,
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\n0123456789ab"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, how := exchangeAll(t, httpWith(t, c.b), c.request)
			g.Expect(got).To(Equal(c.want))
			g.Expect(how).To(Equal(fin))
		})
	}
}

func TestWell_KeepsHTTP10WhenAsked(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := dial(t, httpWith(t))
	want := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nok\n"
	for range 2 {
		send(t, c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		g.Expect(read(t, c, len(want))).To(Equal(want))
	}
}

func TestWellBigBodies(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{32 << 10, 32<<10 + 1, 64 << 10, 1_000_000} {
		for _, chunked := range []bool{false, true} {
			g := NewWithT(t)
			got, _ := exchangeAll(t, httpWith(t, Well{BodySize: size, Chunked: chunked, Close: true}), getRoot)
			w := Well{BodySize: size}
			if chunked {
				g.Expect(len(got)).To(BeNumerically(">", size))
				continue
			}
			g.Expect(got[len(got)-int(size):] == string(w.all())).To(BeTrue())
		}
	}
}

func TestWellFastCGI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := fcgiWith(t)
	got, how := exchangeAll(t, s, fcgiRequest(false, "a=b", "CONTENT_LENGTH", "3"))
	out, errs, end := fcgiStreams(got)
	g.Expect(out).To(Equal(okCGI))
	g.Expect(errs).To(BeEmpty())
	g.Expect(end).To(Equal("\x00\x00\x00\x00\x00\x00\x00\x00"))
	g.Expect(how).To(Equal(fin), "without FCGI_KEEP_CONN the application closes")

	r := s.Records()[0].Requests[0]
	g.Expect(r.Method).To(Equal("GET"))
	g.Expect(r.URI).To(Equal("/index.php"))
	g.Expect(r.Protocol).To(Equal("HTTP/1.1"))
	g.Expect(r.Param("CONTENT_LENGTH")).To(Equal("3"))
	g.Expect(r.Body.Start).To(Equal("a=b"))
}

func TestWell_KeepsTheFastCGIConnection(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := fcgiWith(t, Well{BodySize: 200_000})
	c := dial(t, s)
	w := Well{BodySize: 200_000}
	head := string(appendHead(nil, &w, FastCGI, keeping))
	size := len(appendStream(nil, fcgiStdout, 1, []byte(head)))
	for from := int64(0); from < w.size(); from += int64(len(pattern)) {
		size += len(appendStream(nil, fcgiStdout, 1, w.piece(from, w.size())))
	}
	for range 2 {
		send(t, c, fcgiRequest(true, ""))
		out, _, _ := fcgiStreams(read(t, c, size+8+16))
		g.Expect(out == head+string(w.all())).To(BeTrue())
	}
}

// Bodies of any size and place in the pattern are the same however they are cut.
func TestWell_PiecesMakeTheBody(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	w := Well{BodySize: 100_000}
	all := string(w.all())
	for _, from := range []int64{0, 1, 32_767, 50_000, 99_999} {
		g.Expect(all[from:]).To(HavePrefix(string(w.piece(from, w.size()))))
	}
}
