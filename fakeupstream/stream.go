package fakeupstream

// streamDialect is TCP with no protocol that is known here: a request is what one read brings.
type streamDialect struct{ plain }

func (streamDialect) protocol() string { return Stream }

func (streamDialect) readHead(x *Exchange) error {
	x.req.length = int64(x.br.Buffered())
	return nil
}

func (streamDialect) readBody(x *Exchange, limit int64, sum *bodySum) error {
	return sum.take(x.br, min(x.req.length, limit))
}

func (streamDialect) head(*Exchange, *Well) []byte { return nil }
