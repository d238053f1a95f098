package fakeupstream

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// redisDialect is RESP, the protocol of Redis: https://redis.io/docs/latest/develop/reference/protocol-spec/.
type redisDialect struct{ plain }

// The most that a command may have. Redis itself takes more, but no test needs it.
const (
	maxArguments = 64
	maxArgument  = 64 << 10 // bytes
)

func (redisDialect) protocol() string { return Redis }

// readHead reads a command, which is an array of strings: "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n".
func (redisDialect) readHead(x *Exchange) error {
	r := &x.req
	r.head, r.method, r.uri = r.head[:0], nil, nil
	n, err := respNumber(x, '*', maxArguments)
	if err != nil {
		return err
	}
	if n == 0 {
		return unreadable("a command of no words")
	}
	var arguments [2][2]int // where the name and the key are in head
	for i := range n {
		size, err := respNumber(x, '$', maxArgument)
		if err != nil {
			return err
		}
		at := len(r.head)
		r.head = append(r.head, make([]byte, size+2)...)
		if _, err := io.ReadFull(x.br, r.head[at:]); err != nil {
			return cutShort(err, "a command")
		}
		if !bytes.HasSuffix(r.head, []byte("\r\n")) {
			return unreadable("a string of %d bytes does not end where it should", size)
		}
		if i < len(arguments) {
			arguments[i] = [2]int{at, at + size}
		}
	}
	r.method = bytes.ToUpper(r.head[arguments[0][0]:arguments[0][1]])
	r.uri, r.keep = r.head[arguments[1][0]:arguments[1][1]], true
	if string(r.method) == "QUIT" {
		return x.close()
	}
	return nil
}

// respNumber reads a line with a number of at most so much, after the byte that says of what.
func respNumber(x *Exchange, kind byte, most int) (int, error) {
	line, err := x.br.ReadSlice('\n')
	x.req.head = append(x.req.head, line...)
	if err != nil && len(line) <= maxCommand {
		return 0, cutShort(err, "a command")
	}
	digits := string(trimEnd(line[:min(len(line), maxCommand)]))
	if digits == "" || digits[0] != kind {
		return 0, unreadable("not a command of Redis: no %q where one has to be", kind)
	}
	n, err := strconv.Atoi(digits[1:])
	if err != nil || n < 0 || n > most {
		return 0, unreadable("not from 0 to %d: %q", most, digits[1:min(len(digits), 20)])
	}
	return n, nil
}

func (redisDialect) readBody(*Exchange, int64, *bodySum) error { return nil }
func (redisDialect) badRequest(*Exchange) []byte               { return []byte("-ERR Protocol error\r\n") }

func (d redisDialect) head(x *Exchange, w *Well) []byte {
	missing := w.status() == http.StatusNotFound
	switch {
	case !found(w) && !missing:
		return []byte(strings.TrimSpace("-ERR "+itoa(w.status())+" "+http.StatusText(w.status())) + "\r\n")
	case string(x.req.method) != "GET":
		return []byte("+OK\r\n")
	case missing:
		return []byte("$-1\r\n")
	}
	return append(strconv.AppendInt([]byte("$"), w.declared(), 10), "\r\n"...)
}

func (redisDialect) hasBody(x *Exchange, w *Well) bool {
	return found(w) && string(x.req.method) == "GET"
}

func (d redisDialect) end(x *Exchange, w *Well) error {
	if d.hasBody(x, w) {
		x.raw("\r\n")
	}
	return nil
}
