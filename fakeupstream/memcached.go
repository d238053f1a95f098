package fakeupstream

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// memcachedDialect is the text protocol of memcached: https://github.com/memcached/memcached/blob/master/doc/protocol.txt.
type memcachedDialect struct{ plain }

// maxCommand is the most bytes of a command line; a key has 250 at the most.
const maxCommand = 2048

func (memcachedDialect) protocol() string { return Memcached }

// readHead reads a line such as "get key".
func (memcachedDialect) readHead(x *Exchange) error {
	r := &x.req
	line, err := x.br.ReadSlice('\n')
	r.head = append(r.head[:0], line[:min(len(line), maxCommand)]...)
	switch {
	case err == bufio.ErrBufferFull || len(line) > maxCommand:
		return unreadable("a command has more than %d bytes", maxCommand)
	case err != nil:
		return cutShort(err, "a command")
	}
	method, keys, _ := bytes.Cut(trimEnd(r.head), []byte(" "))
	keys = bytes.TrimSpace(keys)
	switch string(method) {
	case "get", "gets":
		if len(keys) == 0 {
			return unreadable("%s without a key", method)
		}
	case "quit":
		return x.close()
	default:
		return unreadable("not a get or gets of memcached")
	}
	r.method, r.uri, r.keep = method, keys, true
	return nil
}

func (memcachedDialect) readBody(*Exchange, int64, *bodySum) error { return nil }
func (memcachedDialect) badRequest(*Exchange) []byte               { return []byte("ERROR\r\n") }

// found reports whether the status means that the item is there.
func found(w *Well) bool { return w.status() < 300 }

func (memcachedDialect) head(x *Exchange, w *Well) []byte {
	if !found(w) {
		if w.status() == http.StatusNotFound {
			return []byte("END\r\n")
		}
		return []byte(strings.TrimSpace("SERVER_ERROR "+itoa(w.status())+" "+http.StatusText(w.status())) + "\r\n")
	}
	key, _, _ := bytes.Cut(x.req.uri, []byte(" "))
	b := append(append([]byte("VALUE "), key...), " 0 "...)
	b = strconv.AppendInt(b, w.declared(), 10)
	if string(x.req.method) == "gets" {
		b = append(b, " 1"...)
	}
	return append(b, "\r\n"...)
}

func (memcachedDialect) hasBody(_ *Exchange, w *Well) bool { return found(w) }

func (memcachedDialect) end(x *Exchange, w *Well) error {
	if found(w) {
		x.raw("\r\nEND\r\n")
	}
	return nil
}

// declared is the length of the body that a Content-Length among the headers says, or that it has. It is for protocols that
// have the length in another place.
func (w *Well) declared() int64 {
	for _, h := range w.Headers {
		name, value, _ := strings.Cut(h, ":")
		if !strings.EqualFold(name, "Content-Length") {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && n >= 0 {
			return n
		}
	}
	return w.size()
}
