package fakeupstream

// dialect is one protocol: how its requests are read, and what its answers look like on the wire. Those without a state of
// their own are shared by all connections; see speak.
type dialect interface {
	// protocol is its name, as in Spec.Protocol.
	protocol() string
	// await returns once a request has begun.
	await(x *Exchange) error
	// readHead reads what comes before a request's body.
	readHead(x *Exchange) error
	// fields puts on record the header or parameters that were read.
	fields(x *Exchange, r *RequestRecord)
	// readBody reads at most limit bytes of a request's body.
	readBody(x *Exchange, limit int64, sum *bodySum) error
	// badRequest is said to a client that sent what cannot be read; nil says nothing.
	badRequest(x *Exchange) []byte

	// head is all of an answer before its body, and framed is how a part of it goes on the wire.
	head(x *Exchange, w *Well) []byte
	framed(x *Exchange, head []byte) []byte
	// hasBody reports whether an answer to this request carries a body.
	hasBody(x *Exchange, w *Well) bool
	// put gathers content of a body; lead is the content that comes before its first byte.
	put(x *Exchange, content []byte) error
	lead(x *Exchange, w *Well) []byte
	// end gathers what tells that the answer is complete; with no body only if always is true.
	end(x *Exchange, w *Well) error
	always() bool
	// persistence tells what becomes of the connection after a well answer, and goodbye is said before it is closed then.
	persistence(x *Exchange, w *Well) persistence
	goodbye(x *Exchange) []byte
	// stall reads on in silence until the client has had enough.
	stall(x *Exchange) error
	// prebuilt is the finished answer of a step, if there is one.
	prebuilt(s *step) *prebuilt
}

// speak gives the dialect of a protocol. For Any it is that of a stream until the first bytes have shown another.
func speak(protocol string) dialect {
	switch protocol {
	case HTTP:
		return httpDialect{}
	case FastCGI:
		return fcgiDialect{}
	case UWSGI:
		return uwsgiDialect{}
	case SCGI:
		return scgiDialect{}
	case GRPC:
		return newGRPC()
	case Memcached:
		return memcachedDialect{}
	case Redis:
		return redisDialect{}
	case MySQL:
		return &mysqlDialect{}
	case DNS:
		return dnsDialect{}
	}
	return streamDialect{}
}

// title is what a protocol is called in a sentence.
func title(protocol string) string {
	switch protocol {
	case HTTP:
		return "HTTP"
	case FastCGI:
		return "FastCGI"
	case SCGI:
		return "SCGI"
	case GRPC:
		return "gRPC"
	case Redis:
		return "Redis"
	case MySQL:
		return "MySQL"
	case DNS:
		return "DNS"
	case Stream:
		return "a stream"
	}
	return protocol
}

// plain is what simple protocols have in common: content goes on the wire as it is, and the connection is kept.
type plain struct{}

func (plain) await(x *Exchange) error {
	_, err := x.br.Peek(1)
	return err
}

func (plain) badRequest(*Exchange) []byte            { return nil }
func (plain) fields(*Exchange, *RequestRecord)       {}
func (plain) framed(_ *Exchange, head []byte) []byte { return head }
func (plain) lead(*Exchange, *Well) []byte           { return nil }
func (plain) end(*Exchange, *Well) error             { return nil }
func (plain) always() bool                           { return false }
func (plain) goodbye(*Exchange) []byte               { return nil }
func (plain) stall(x *Exchange) error                { return x.discard() }
func (plain) prebuilt(*step) *prebuilt               { return nil }
func (plain) hasBody(x *Exchange, w *Well) bool      { return w.size() > 0 && !x.req.isHead }
func (plain) put(x *Exchange, content []byte) error  { x.gather(content); return nil }
func (plain) persistence(_ *Exchange, w *Well) persistence {
	if w.Close {
		return closing
	}
	return keeping
}

// oneAnswer is for protocols in which the end of the connection is the end of the answer.
type oneAnswer struct{ plain }

func (oneAnswer) persistence(*Exchange, *Well) persistence { return closing }

func (oneAnswer) readBody(x *Exchange, limit int64, sum *bodySum) error {
	return sum.take(x.br, min(x.req.length, limit))
}

// keeps reports whether a connection of the protocol can carry a second request.
func keeps(protocol string) bool { return protocol != UWSGI && protocol != SCGI }

// hasHeader reports whether answers of the protocol have header fields.
func hasHeader(protocol string) bool {
	return protocol != Memcached && protocol != Redis && protocol != MySQL && protocol != DNS && protocol != Stream
}

// statusLine is what the first line of an answer begins with.
func statusLine(protocol string) string {
	if protocol == HTTP || protocol == UWSGI {
		return "HTTP/1.1 "
	}
	return "Status: "
}
