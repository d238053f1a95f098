package fakeupstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// grpcClient is an HTTP/2 client with prior knowledge, or in TLS when the upstream has it.
func grpcClient(t testing.TB, s *Server, inTLS bool) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := net.Dial(s.Addr().Network(), s.Addr().String())
		if err != nil || !inTLS {
			return c, err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(s.CA())
		over := tls.Client(c, &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: []string{"h2"}})
		return over, over.HandshakeContext(ctx)
	}
	tr := &http.Transport{DialContext: dial, Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true) // for the transport: the connection may be in TLS all the same
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: testTimeout}
}

// callGRPC makes a gRPC call with one message, and reads what comes.
func callGRPC(t testing.TB, c *http.Client, message string) (*http.Response, string, error) {
	t.Helper()
	body := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	req, err := http.NewRequest("POST", "http://localhost/pkg.Service/Method", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc+proto")
	req.Header.Set("Te", "trailers")
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

const okMessage = "\x00\x00\x00\x00\x03ok\n"

func TestGRPC(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{GRPC, Any} {
		g := NewWithT(t)
		// Each on a connection of its own: a client that still has a stream open does not begin a second, but another connection.
		with := func(w Well) (*Server, *http.Client) {
			s := start(t, Spec{Protocol: protocol, Script: Always(w)})
			return s, grpcClient(t, s, false)
		}
		s, c := with(Well{})
		resp, body, err := callGRPC(t, c, "hello")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(resp.Status + " " + resp.Proto).To(Equal("200 OK HTTP/2.0"))
		g.Expect(resp.Header.Get("Content-Type")).To(Equal("application/grpc"))
		g.Expect(body).To(Equal(okMessage))
		g.Expect(resp.Trailer.Get("Grpc-Status")).To(Equal("0"))

		_, c = with(Well{Status: 503, Headers: []string{"X-A: b"}})
		resp, _, err = callGRPC(t, c, "hello")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(resp.StatusCode).To(Equal(503))
		g.Expect(resp.Header.Get("X-A") + resp.Trailer.Get("Grpc-Status")).To(Equal("b14"))
		_, c = with(Well{Headers: []string{"Grpc-Status: 5", "Grpc-Message: gone"}})
		resp, _, err = callGRPC(t, c, "hello")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(resp.Header).NotTo(HaveKey("Grpc-Status"))
		g.Expect(resp.Trailer.Get("Grpc-Status") + resp.Trailer.Get("Grpc-Message")).To(Equal("5gone"))

		r := s.Records()[0]
		g.Expect(r.Protocol).To(Equal(GRPC))
		q := r.Requests[0]
		g.Expect([]string{q.Method, q.URI, q.Protocol}).To(Equal([]string{"POST", "/pkg.Service/Method", "HTTP/2.0"}))
		g.Expect(q.Header(":authority")).To(Equal("localhost"))
		g.Expect(q.Header("te")).To(Equal("trailers"))
		g.Expect(q.Body.Start).To(Equal("\x00\x00\x00\x00\x05hello"))
		g.Expect(q.Keep).To(BeTrue())
	}
}

func TestGRPCInTLS(t *testing.T) {
	t.Parallel()
	for _, spec := range []Spec{{Protocol: GRPC, TLS: &TLS{}}, {Protocol: Any}} {
		g := NewWithT(t)
		s := start(t, spec)
		resp, body, err := callGRPC(t, grpcClient(t, s, true), "")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(body + resp.Trailer.Get("Grpc-Status")).To(Equal(okMessage + "0"))
		g.Expect(s.Records()[0].TLS).To(Equal(&TLSRecord{ServerName: "localhost", Version: "TLS 1.3", ALPN: "h2"}))
	}
}

func TestGRPC_BigBodiesBothWays(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: GRPC, Script: Always(Well{BodySize: 3_000_000})})
	c := grpcClient(t, s, false)
	w := Well{BodySize: 3_000_000}
	for range 3 {
		_, body, err := callGRPC(t, c, filler(5_000_000))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(body[messageHead:] == string(w.all())).To(BeTrue())
	}
	g.Expect(s.Records()[0].Requests[0].Body.Length).To(BeEquivalentTo(5_000_005))
}

func TestGRPC_ConcurrentCalls(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := grpcClient(t, start(t, Spec{Protocol: GRPC}), false)
	errs := make(chan error)
	for range 20 {
		go func() {
			_, _, err := callGRPC(t, c, "hello")
			errs <- err
		}()
	}
	for range 20 {
		g.Expect(<-errs).NotTo(HaveOccurred())
	}
}

// What is no gRPC gets a plain answer.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	for want, method := range []string{"GET", "GET", "HEAD"} {
		c := grpcClient(t, start(t, Spec{Protocol: Any, Script: Always([]Behaviour{Well{}, Well{Status: 204}, Well{}}[want])}), false)
		req, _ := http.NewRequest(method, "http://localhost/a", nil)
		resp, err := c.Do(req)
		g.Expect(err).NotTo(HaveOccurred())
		body, err := io.ReadAll(resp.Body)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(body)).To(Equal([]string{"ok\n", "", ""}[want]))
		g.Expect(resp.ContentLength).To(BeEquivalentTo([]int64{3, 0, 3}[want]))
	}
}

func TestGRPCFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		b   Behaviour
		err string
	}{
		"close":      {Close{}, "EOF"},
		"at header":  {Close{At: AtHeader}, "EOF"},
		"at body":    {Close{At: AtBody}, "EOF"},
		"garbage":    {Garbage{}, "frame"},
		"raw":        {Raw{Text: "HTTP/1.1 200 OK\r\n\r\n"}, "http"},
		"bad name":   {BadHeader{Fault: HeaderSpaceInName}, "invalid header field name"},
		"bad value":  {BadHeader{Fault: HeaderNUL}, "invalid header field value"},
		"no status":  {BadHeader{Fault: HeaderStatusLine}, "status"},
		"bad status": {BadHeader{Fault: HeaderStatusText}, "status"},
		"chunk":      {BadChunk{Fault: ChunkHuge}, "EOF"},
		"short":      {ShortBody{Missing: 4}, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := start(t, Spec{Protocol: Any, Script: Always(c.b)})
			_, _, err := callGRPC(t, grpcClient(t, s, false), "hello")
			g.Expect(err).To(MatchError(ContainSubstring(c.err)))
			g.Expect(s.Records()[0].Requests[0].Problem).To(BeEmpty())
		})
	}
}

func TestGRPCReset(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	for name, last := range map[Point]http2.FrameType{AtRequest: http2.FrameSettings, AtHeaderEnd: http2.FrameHeaders, AtBody: http2.FrameData} {
		h := newH2(t, start(t, Spec{Protocol: GRPC, Script: Always(Reset{At: name})}))
		h.ask(1, true)
		saw := http2.FrameSettings
		for {
			f, err := h.fr.ReadFrame()
			if err != nil {
				g.Expect(ended(t, err)).To(Equal(rst))
				break
			}
			if f.Header().Type != http2.FrameWindowUpdate {
				saw = f.Header().Type
			}
		}
		g.Expect(saw).To(Equal(last), "at %s", name)
	}
}

func TestGRPCBigHeader(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: GRPC, Script: Always(BigHeader{Size: 100_000})})
	resp, body, err := callGRPC(t, grpcClient(t, s, false), "hello")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(resp.Header.Get("X-Big-1")).To(HaveLen(100_000))
	g.Expect(body).To(Equal(okMessage))
}

func TestGRPC_EndsWithGOAWAY(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: GRPC, Script: Always(Well{Close: true})})
	c := grpcClient(t, s, false)
	for range 2 {
		_, body, err := callGRPC(t, c, "hello")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(body).To(Equal(okMessage))
	}
	g.Expect(len(s.Records())).To(BeNumerically(">=", 2))
}

// h2 is a client that sees every frame.
type h2 struct {
	t  testing.TB
	c  net.Conn
	fr *http2.Framer
}

func newH2(t testing.TB, s *Server, settings ...http2.Setting) *h2 {
	c := dial(t, s)
	send(t, c, http2.ClientPreface)
	h := &h2{t, c, http2.NewFramer(c, c)}
	h.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.fr.WriteSettings(settings...)
	if _, err := h.fr.ReadFrame(); err != nil {
		t.Fatal(err)
	}
	h.fr.WriteSettingsAck()
	return h
}

// ask begins a call, with the end of its request or without.
func (h *h2) ask(stream uint32, end bool) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, f := range []string{":method POST", ":path /a", ":scheme http", "content-type application/grpc"} {
		name, value, _ := strings.Cut(f, " ")
		e.WriteField(hpack.HeaderField{Name: name, Value: value})
	}
	h.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end})
}

// next gives the next frame that is not about settings and windows; nil is the end.
func (h *h2) next() http2.Frame {
	h.t.Helper()
	for {
		f, err := h.fr.ReadFrame()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			h.t.Fatal(err)
		}
		switch f.(type) {
		case *http2.SettingsFrame, *http2.WindowUpdateFrame:
		default:
			return f
		}
	}
}

func TestGRPC_KeepsToTheClientsWindow(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: GRPC, Script: Always(Well{Body: "hello world"})})
	h := newH2(t, s, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 7})
	h.ask(1, true)
	g.Expect(h.next()).To(BeAssignableToTypeOf(&http2.MetaHeadersFrame{}))
	var body []byte
	for len(body) < 7 {
		body = append(body, h.next().(*http2.DataFrame).Data()...)
	}
	g.Expect(string(body)).To(Equal("\x00\x00\x00\x00\x0bhe"))
	h.fr.WritePing(false, [8]byte{1})
	g.Expect(h.next().(*http2.PingFrame).IsAck()).To(BeTrue(), "nothing more comes, and pings are answered")
	h.fr.WriteWindowUpdate(1, 1)
	g.Expect(string(h.next().(*http2.DataFrame).Data())).To(Equal("l"))
	h.fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000})
	g.Expect(string(h.next().(*http2.DataFrame).Data())).To(Equal("lo world"))
	g.Expect(h.next().(*http2.MetaHeadersFrame).StreamEnded()).To(BeTrue())
}

func TestGRPC_KeepsTheConnection(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: GRPC, Script: Script{{Well{}, Well{Status: 503}}}})
	h := newH2(t, s)
	h.ask(1, true)
	g.Expect(h.next().(*http2.MetaHeadersFrame).PseudoValue("status")).To(Equal("200"))
	h.next() // the message's length, the message, the trailers
	h.next()
	g.Expect(h.next().(*http2.MetaHeadersFrame).StreamEnded()).To(BeTrue())
	h.ask(3, true)
	g.Expect(h.next().(*http2.MetaHeadersFrame).PseudoValue("status")).To(Equal("503"))
	g.Expect(s.Records()).To(HaveLen(1))
}

func TestGRPC_RefusesASecondStream(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	h := newH2(t, start(t, Spec{Protocol: GRPC}))
	h.ask(1, false)
	h.ask(3, true)
	refused := h.next().(*http2.RSTStreamFrame)
	g.Expect(refused.StreamID).To(BeEquivalentTo(3))
	g.Expect(refused.ErrCode).To(Equal(http2.ErrCodeRefusedStream))
	h.fr.WriteData(1, true, []byte("x"))
	g.Expect(h.next().(*http2.MetaHeadersFrame).StreamID).To(BeEquivalentTo(1))
}

func TestGRPCStall(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]Behaviour{"silent": Silent{}, "stall": Stall{At: AtEnd}} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := start(t, Spec{Protocol: GRPC, Script: Always(b)})
			h := newH2(t, s)
			h.ask(1, true)
			if name == "stall" {
				g.Expect(h.next()).To(BeAssignableToTypeOf(&http2.MetaHeadersFrame{}))
				body := append([]byte(nil), h.next().(*http2.DataFrame).Data()...)
				body = append(body, h.next().(*http2.DataFrame).Data()...)
				g.Expect(string(body)).To(Equal(okMessage))
			} else {
				waitRequests(t, s, 1)
			}
			h.fr.WritePing(false, [8]byte{})
			h.fr.WriteRSTStream(1, http2.ErrCodeCancel)
			g.Expect(h.next()).To(BeNil(), "it is silent until the client has had enough")
		})
	}
}

// What comes before the client has taken note of the settings is kept, and nothing is answered until it has.
func TestGRPC_WaitsForSettingsACK(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: GRPC})
	c := dial(t, s)
	send(t, c, http2.ClientPreface)
	h := &h2{t, c, http2.NewFramer(c, c)}
	h.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	h.fr.WriteSettings()
	h.ask(1, false)
	h.fr.WriteData(1, false, []byte("hel"))
	h.fr.WriteData(1, true, []byte("lo"))
	h.fr.WritePing(false, [8]byte{1})
	g.Expect(h.next().(*http2.PingFrame).IsAck()).To(BeTrue())
	_, requests := s.Counts()
	g.Expect(requests).To(BeZero())
	h.fr.WriteSettingsAck()
	g.Expect(h.next().(*http2.MetaHeadersFrame).PseudoValue("status")).To(Equal("200"))
	g.Expect(s.Records()[0].Requests[0].Body.Start).To(Equal("hello"))
}

func TestGRPCEarlyAnswer(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: GRPC, Script: Always(EarlyAnswer{After: 2})})
	h := newH2(t, s)
	h.ask(1, false)
	h.fr.WriteData(1, false, []byte("abc"))
	g.Expect(h.next().(*http2.MetaHeadersFrame).PseudoValue("status")).To(Equal("413"))
	g.Expect(s.Records()[0].Requests[0].Body.Start).To(Equal("ab"))
	for data := 0; data < 2; data++ { // the message, in two frames
		g.Expect(h.next()).To(BeAssignableToTypeOf(&http2.DataFrame{}))
	}
	g.Expect(h.next().(*http2.MetaHeadersFrame).StreamEnded()).To(BeTrue())
	g.Expect(h.next().(*http2.RSTStreamFrame).ErrCode).To(Equal(http2.ErrCodeNo), "the rest of the request is not wanted")
	g.Expect(h.next()).To(BeNil())
	_, requests := s.Counts()
	g.Expect(requests).To(BeZero())
}

func TestGRPC_RefusesOtherProtocols(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: GRPC})
	got, how := exchangeAll(t, s, getRoot)
	g.Expect(got + how).To(Equal(fin))
	g.Expect(s.Records()[0].Requests[0].Problem).To(ContainSubstring("no preface"))
	g.Expect(string(s.Records()[0].Requests[0].Raw)).To(HavePrefix("GET"))

	s = start(t, Spec{Protocol: GRPC})
	h := newH2(t, s)
	h.fr.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 1, []byte{0xff, 0xff, 0xff})
	g.Expect(h.next().(*http2.GoAwayFrame).ErrCode).To(Equal(http2.ErrCodeProtocol))
	g.Expect(h.next()).To(BeNil())
	g.Expect(s.Records()[0].Requests[0].Problem).To(ContainSubstring("bad HTTP/2"))

	s = start(t, Spec{Protocol: GRPC})
	h = newH2(t, s)
	h.fr.WriteData(0, false, nil)
	h.c.Close()
	g.Expect(closedRecord(t, s).ClosedBy).NotTo(BeEmpty())
}
