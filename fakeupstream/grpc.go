package fakeupstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// grpcDialect is gRPC over HTTP/2 (RFC 9113), one request at a time. It has the state of one connection.
type grpcDialect struct {
	plain
	fr    *http2.Framer
	buf   bytes.Buffer // what fr writes
	begun bool         // the preface was read
	acked bool         // the client has our settings

	stream  uint32 // the last that was begun
	request []hpack.HeaderField
	grpc    bool   // its request is gRPC
	data    []byte // of its body, read and not yet looked at
	ended   bool   // all of its request is there
	gone    bool   // the client has reset it
	credit  int    // bytes of DATA that the client was not yet told to be free again

	initial int64 // the client's window for a new stream
	window  int64 // its window for the connection
	free    int64 // its window for the stream
}

const (
	h2Window   = 1 << 30  // what the client may send without waiting
	h2MaxFrame = 16384    // the most content of a frame that every client takes
	h2Ahead    = 64 << 10 // what is read of a body before it is asked for
	h2First    = 65535    // windows before anything was said of them: RFC 9113, 6.9.2
)

func newGRPC() *grpcDialect { return &grpcDialect{initial: h2First, window: h2First} }

func (*grpcDialect) protocol() string { return GRPC }

// await reads frames until a request's header is there.
func (d *grpcDialect) await(x *Exchange) error {
	if !d.begun {
		if err := d.begin(x); err != nil {
			return err
		}
	}
	for last := d.stream; d.stream == last; {
		if _, err := d.next(x, true); err != nil {
			var bad errUnreadable
			if errors.As(err, &bad) {
				x.started()
			}
			return err
		}
	}
	return nil
}

// begin reads the client's preface and sends the server's.
func (d *grpcDialect) begin(x *Exchange) error {
	for n := 1; n <= len(http2.ClientPreface); n++ {
		b, err := x.br.Peek(n)
		if err != nil && len(b) == 0 {
			return err
		}
		if err != nil || b[n-1] != http2.ClientPreface[n-1] {
			x.started()
			x.takeBuffered()
			return unreadable("not HTTP/2: no preface")
		}
	}
	x.br.Discard(len(http2.ClientPreface))
	d.begun = true
	d.fr = http2.NewFramer(&d.buf, x.br)
	d.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	d.fr.MaxHeaderListSize = maxHead
	d.fr.SetMaxReadFrameSize(h2MaxFrame)
	return d.say(x, func() {
		d.fr.WriteSettings(
			http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: h2Window},
		)
		d.fr.WriteWindowUpdate(0, h2Window-h2First)
	})
}

// say sends the frames that f writes, at once.
func (d *grpcDialect) say(x *Exchange, f func()) error {
	return x.write(d.frames(f))
}

// frames gives the frames that f writes.
func (d *grpcDialect) frames(f func()) []byte {
	d.buf.Reset()
	f()
	return bytes.Clone(d.buf.Bytes())
}

// next reads a frame and does what any frame asks for: an answer (unless the upstream is to be silent), or a note. A new
// request becomes the current one if there is room for it.
func (d *grpcDialect) next(x *Exchange, room bool) (http2.Frame, error) {
	f, err := d.fr.ReadFrame()
	if err != nil {
		return nil, d.broken(err)
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			d.acked = true
			break
		}
		if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
			d.free += int64(v) - d.initial
			d.initial = int64(v)
		}
		return f, d.say(x, func() { d.fr.WriteSettingsAck() })
	case *http2.PingFrame:
		if !f.IsAck() {
			return f, d.say(x, func() { d.fr.WritePing(true, f.Data) })
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			d.window += int64(f.Increment)
		} else if f.StreamID == d.stream {
			d.free += int64(f.Increment)
		}
	case *http2.RSTStreamFrame:
		d.gone = d.gone || f.StreamID == d.stream
	case *http2.DataFrame:
		if f.StreamID == d.stream {
			if len(d.data) > maxHead {
				return f, unreadable("the client has sent %d bytes of a body that nobody reads", len(d.data))
			}
			d.data = append(d.data, f.Data()...)
			d.ended = d.ended || f.StreamEnded()
		}
		return f, d.took(x, f)
	case *http2.MetaHeadersFrame:
		switch {
		case f.StreamID == d.stream: // trailers
			d.ended = d.ended || f.StreamEnded()
		case !room:
			return f, d.say(x, func() { d.fr.WriteRSTStream(f.StreamID, http2.ErrCodeRefusedStream) })
		case f.StreamID > d.stream && f.StreamID%2 == 1:
			d.stream, d.request, d.ended, d.gone, d.free = f.StreamID, f.Fields, f.StreamEnded(), false, d.initial
			d.data = d.data[:0]
		}
	}
	return f, nil
}

// took gives the client its window back, not with every frame.
func (d *grpcDialect) took(x *Exchange, f *http2.DataFrame) error {
	d.credit += int(f.Length)
	if d.credit < h2Window/2 {
		return nil
	}
	n := uint32(d.credit)
	d.credit = 0
	return d.say(x, func() {
		d.fr.WriteWindowUpdate(0, n)
		d.fr.WriteWindowUpdate(f.StreamID, n)
	})
}

// broken is the error of a frame that could not be read.
func (d *grpcDialect) broken(err error) error {
	var timeout net.Error
	switch {
	case err == io.EOF || errors.As(err, &timeout):
		return err
	case err == io.ErrUnexpectedEOF:
		return unreadable("the client closed within an HTTP/2 frame")
	case errors.As(err, new(http2.ConnectionError)), errors.As(err, new(http2.StreamError)), errors.Is(err, http2.ErrFrameTooLarge):
		return unreadable("bad HTTP/2: %v", err)
	}
	return err
}

// readHead takes what is needed from the header. It waits until the client has taken note of the settings: nginx (seen with
// 1.22) takes a connection that is closed after a whole answer for one closed too early while it has yet to do so.
func (d *grpcDialect) readHead(x *Exchange) error {
	for !d.acked && len(d.data) < h2Ahead {
		if err := d.more(x); err != nil {
			return err
		}
	}
	r := &x.req
	r.keep, r.proto, d.grpc = true, []byte("HTTP/2.0"), false
	for _, f := range d.request {
		switch f.Name {
		case ":method":
			r.method = []byte(f.Value)
			r.isHead = f.Value == "HEAD"
		case ":path":
			r.uri = []byte(f.Value)
		case "content-type":
			d.grpc = strings.HasPrefix(f.Value, "application/grpc")
		}
	}
	return nil
}

func (d *grpcDialect) fields(_ *Exchange, rec *RequestRecord) {
	for _, f := range d.request {
		if f.Name != ":method" && f.Name != ":path" {
			rec.keep(&rec.Headers, []byte(f.Name), []byte(f.Value))
		}
	}
}

func (d *grpcDialect) readBody(x *Exchange, limit int64, sum *bodySum) error {
	for sum.n < limit {
		n := min(int64(len(d.data)), limit-sum.n)
		sum.Write(d.data[:n])
		if d.data = d.data[:0]; d.ended {
			return nil
		}
		if sum.n < limit {
			if err := d.more(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// more reads a frame for the request at hand.
func (d *grpcDialect) more(x *Exchange) error {
	if _, err := d.next(x, false); err != nil {
		return err
	}
	if d.gone {
		return unreadable("the client has reset the stream")
	}
	return nil
}

func (d *grpcDialect) badRequest(*Exchange) []byte {
	if !d.begun {
		return nil
	}
	return d.frames(func() { d.fr.WriteGoAway(d.stream, http2.ErrCodeProtocol, nil) })
}

func (d *grpcDialect) goodbye(*Exchange) []byte {
	return d.frames(func() { d.fr.WriteGoAway(d.stream, http2.ErrCodeNo, nil) })
}

// head is a HEADERS frame, with CONTINUATION frames if it takes more.
func (d *grpcDialect) head(x *Exchange, w *Well) []byte {
	fields := []string{":status: " + itoa(w.status())}
	if !w.has("Content-Type") {
		kind := "text/plain"
		if d.grpc {
			kind = "application/grpc"
		}
		fields = append(fields, "content-type: "+kind)
	}
	for _, h := range w.Headers {
		name, value, _ := strings.Cut(h, ":")
		switch {
		case d.grpc && trailer(name):
			continue
		case d.grpc && strings.EqualFold(name, "content-length"): // theirs counts the message alone
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
				h = name + ": " + strconv.FormatInt(n+messageHead, 10)
			}
		}
		fields = append(fields, h)
	}
	if !d.grpc && !w.has("Content-Length") && !w.bodiless() {
		fields = append(fields, "content-length: "+strconv.FormatInt(w.size(), 10))
	}
	return d.headers(fields, !d.grpc && !d.hasBody(x, w))
}

// trailer tells the fields that belong in gRPC's trailers.
func trailer(name string) bool { return len(name) > 5 && strings.EqualFold(name[:5], "grpc-") }

// headers makes the frames of header lines. Names are in lower case, as HTTP/2 has it; nothing else is put right.
func (d *grpcDialect) headers(lines []string, endStream bool) []byte {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, line := range lines {
		i := strings.IndexByte(line[min(1, len(line)):], ':') + 1 // a pseudo-header field begins with a colon
		name, value := line, ""
		if strings.HasPrefix(line, ": ") {
			name, value = "", line[2:]
		} else if i > 0 {
			name, value = line[:i], line[i+1:]
		}
		// Sensitive fields leave no trace in the table, so that a header may be made and then sent in part or not at all.
		e.WriteField(hpack.HeaderField{Name: strings.ToLower(name), Value: strings.TrimLeft(value, " "), Sensitive: true})
	}
	return d.frames(func() {
		b := block.Bytes()
		part := b[:min(len(b), h2MaxFrame)]
		b = b[len(part):]
		d.fr.WriteHeaders(http2.HeadersFrameParam{
			StreamID: d.stream, BlockFragment: part, EndStream: endStream, EndHeaders: len(b) == 0,
		})
		for len(b) > 0 {
			part = b[:min(len(b), h2MaxFrame)]
			b = b[len(part):]
			d.fr.WriteContinuation(d.stream, len(b) == 0, part)
		}
	})
}

// messageHead is how many bytes that is.
const messageHead = 5

func (d *grpcDialect) hasBody(x *Exchange, w *Well) bool { return d.grpc || d.plain.hasBody(x, w) }
func (d *grpcDialect) always() bool                      { return d.grpc }

// lead is what comes before a message: that it is not compressed, and its length.
func (d *grpcDialect) lead(_ *Exchange, w *Well) []byte {
	if !d.grpc {
		return nil
	}
	return binary.BigEndian.AppendUint32([]byte{0}, uint32(w.declared()))
}

// put gathers DATA frames. When the client's window is used up, what there is is sent and the client waited for.
func (d *grpcDialect) put(x *Exchange, content []byte) error {
	for len(content) > 0 {
		n := min(int64(len(content)), h2MaxFrame, d.window, d.free)
		if n <= 0 {
			if err := x.flush(); err != nil {
				return err
			}
			if err := d.more(x); err != nil {
				return err
			}
			continue
		}
		x.gather(d.frames(func() { d.fr.WriteData(d.stream, false, content[:n]) }))
		d.window -= n
		d.free -= n
		content = content[n:]
	}
	return nil
}

// end gathers the trailers, or an empty DATA frame that ends the stream. A client that has not sent all of its request is
// told that there is no need to: RFC 9113, 8.1.
func (d *grpcDialect) end(x *Exchange, w *Well) error {
	if d.grpc {
		x.gather(d.trailers(w))
	} else {
		x.gather(d.frames(func() { d.fr.WriteData(d.stream, true, nil) }))
	}
	if !d.ended {
		x.gather(d.frames(func() { d.fr.WriteRSTStream(d.stream, http2.ErrCodeNo) }))
	}
	return nil
}

// trailers are those of an answer.
func (d *grpcDialect) trailers(w *Well) []byte {
	var fields []string
	if !w.has("Grpc-Status") {
		fields = append(fields, "grpc-status: "+itoa(grpcStatus(w.status())))
	}
	for _, h := range w.Headers {
		if name, _, _ := strings.Cut(h, ":"); trailer(name) {
			fields = append(fields, h)
		}
	}
	return d.headers(fields, true)
}

// grpcStatus is what gRPC makes of an HTTP status:
// https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md.
func grpcStatus(status int) int {
	switch {
	case status < 300:
		return 0
	case status == 400:
		return 13 // INTERNAL
	case status == 401:
		return 16 // UNAUTHENTICATED
	case status == 403:
		return 7 // PERMISSION_DENIED
	case status == 404:
		return 12 // UNIMPLEMENTED
	case status == 429 || status >= 502 && status <= 504:
		return 14 // UNAVAILABLE
	}
	return 2 // UNKNOWN
}

// stall reads on until the client resets the stream or closes. It answers no frame.
func (d *grpcDialect) stall(x *Exchange) error {
	if !d.begun {
		return x.discard()
	}
	for {
		f, err := d.fr.ReadFrame()
		if err != nil {
			return d.discardRest(x, err)
		}
		if r, ok := f.(*http2.RSTStreamFrame); ok && r.StreamID == d.stream {
			return x.close()
		}
	}
}

// discardRest goes on in silence with a client that sends what is no HTTP/2.
func (d *grpcDialect) discardRest(x *Exchange, err error) error {
	var bad errUnreadable
	if errors.As(d.broken(err), &bad) {
		return x.discard()
	}
	return err
}
