package fakeupstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MySQLError answers with an error of a MySQL or MariaDB server, as their list of codes has it: 1040 (too many connections), 1045 (access
// denied), 1205 (lock wait timeout). In place of its greeting, and in answer to a login, the connection is closed after it; in answer to a
// statement it is kept.
type MySQLError struct {
	// At is AtAccept for in place of the greeting, or AtRequest (the default) for in answer to a login or a statement: the first request of a
	// connection is the login, the statements follow.
	At Point `json:"at,omitempty"`
	// Code is the number of the error, and Message its words. Both must be given.
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

func (b MySQLError) String() string { return fmt.Sprintf("MySQL's error %d (%s)", b.Code, b.Message) }

func (b MySQLError) Check(on Endpoint) error {
	switch {
	case b.Code < 1 || b.Code > 65535:
		return fmt.Errorf("code: %d is not the number of an error; give one from 1 to 65535, such as 1040", b.Code)
	case b.Message == "" || strings.Contains(b.Message, "\x00") || len(b.Message) > maxMySQL/2:
		return errors.New(`message: give the words of the error, such as "Too many connections"`)
	}
	return first(on.only(MySQL), on.at(b.At, AtAccept, AtRequest))
}

func (b MySQLError) Serve(x *Exchange) error {
	if b.At == AtAccept {
		x.recordEarly()
		if err := x.write(b.packet(0)); err != nil {
			return err
		}
		return x.end(EndClose)
	}
	if err := x.ReadRequest(); err != nil {
		return err
	}
	d, ok := x.lang.(*mysqlDialect)
	if !ok { // with Any, which finds no MySQL
		return x.Answer(Well{})
	}
	if err := x.write(b.packet(d.seq + 1)); err != nil {
		return err
	}
	if string(x.req.method) == mysqlLogin {
		return x.end(EndClose)
	}
	return nil
}

// sqlStates are the states that go with errors of the connection (SQLSTATE); others are HY000.
var sqlStates = map[int]string{1040: "08004", 1044: "42000", 1045: "28000", 1049: "42000"}

// packet is the ERR packet.
func (b MySQLError) packet(seq byte) []byte {
	state := sqlStates[b.Code]
	if state == "" {
		state = "HY000"
	}
	p := binary.LittleEndian.AppendUint16([]byte{0xff}, uint16(b.Code))
	return mysqlPacket(seq, append(p, "#"+state+b.Message...))
}

// mysqlDialect is the protocol of MySQL and MariaDB, as far as a client needs it that logs in and asks:
// https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html. It has the state of one connection.
type mysqlDialect struct {
	plain
	greeted, in bool
	seq         byte // of the packet that was read last
}

const (
	maxMySQL   = 64 << 10  // bytes of a packet that is read; servers take more, but no test needs it
	maxValue   = 1<<24 - 6 // bytes of a value, whose row has to go into one packet
	mysqlLogin = "LOGIN"
	mysqlQuery = "QUERY"

	comQuit  = 0x01
	comQuery = 0x03
)

func (*mysqlDialect) protocol() string { return MySQL }

// await greets the client, and waits for what he says.
func (d *mysqlDialect) await(x *Exchange) error {
	if !d.greeted {
		d.greeted = true
		if err := x.write(mysqlGreeting); err != nil {
			return err
		}
	}
	return d.plain.await(x)
}

// mysqlGreeting is a handshake of protocol 10 that has the client log in by mysql_native_password.
var mysqlGreeting = func() []byte {
	// Long passwords and flags, a database at the login, protocol 4.1, transactions, secure connections; several statements and results,
	// plug-ins. Not the newer end of a result (DEPRECATE_EOF), nor TLS.
	const capabilities = 1 | 4 | 8 | 0x200 | 0x2000 | 0x8000 | 0x10000 | 0x20000 | 0x80000
	const scramble = "01234567890123456789"
	p := append([]byte{10}, "8.0.0-fake\x00"...)
	p = binary.LittleEndian.AppendUint32(p, 1) // the connection's number
	p = append(append(p, scramble[:8]...), 0)
	p = binary.LittleEndian.AppendUint16(p, capabilities&0xffff)
	p = append(p, 45, 2, 0) // utf8mb4, autocommit
	p = binary.LittleEndian.AppendUint16(p, capabilities>>16)
	p = append(append(p, byte(len(scramble)+1)), make([]byte, 10)...)
	p = append(p, scramble[8:]+"\x00mysql_native_password\x00"...)
	return mysqlPacket(0, p)
}()

// mysqlPacket is a packet with its length and number before it.
func mysqlPacket(seq byte, payload []byte) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), seq}, payload...)
}

// readHead reads the login, or a command.
func (d *mysqlDialect) readHead(x *Exchange) error {
	r := &x.req
	r.method, r.uri = nil, nil
	var head [4]byte
	if _, err := io.ReadFull(x.br, head[:]); err != nil {
		return cutShort(err, "the length of a packet")
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	r.head = append(r.head[:0], head[:]...)
	if n == 0 || n > maxMySQL {
		return unreadable("a packet of %d bytes, not from 1 to %d", n, maxMySQL)
	}
	r.head = append(r.head, make([]byte, n)...)
	payload := r.head[len(head):]
	if _, err := io.ReadFull(x.br, payload); err != nil {
		return cutShort(err, "a packet")
	}
	d.seq, r.keep = head[3], true
	if !d.in {
		d.in = true
		// Capabilities, the longest packet, a character set and 23 bytes of nothing go before the name (HandshakeResponse41).
		const before = 4 + 4 + 1 + 23
		end := -1
		if len(payload) > before {
			end = bytes.IndexByte(payload[before:], 0)
		}
		if end < 0 {
			return unreadable("not a login of MySQL's protocol 4.1")
		}
		r.method, r.uri = []byte(mysqlLogin), payload[before:before+end]
		return nil
	}
	switch payload[0] {
	case comQuit:
		return x.close()
	case comQuery:
		r.method, r.uri = []byte(mysqlQuery), payload[1:]
	default:
		r.method = fmt.Appendf(nil, "COMMAND %d", payload[0])
	}
	return nil
}

func (*mysqlDialect) readBody(*Exchange, int64, *bodySum) error { return nil }

func (d *mysqlDialect) badRequest(*Exchange) []byte {
	return MySQLError{Code: 1043, Message: "Bad handshake"}.packet(d.seq + 1)
}

// asksForRows reports whether a statement has rows as its answer.
func asksForRows(x *Exchange) bool {
	word, _, _ := bytes.Cut(bytes.TrimSpace(x.req.uri), []byte(" "))
	return string(x.req.method) == mysqlQuery && (bytes.EqualFold(word, []byte("SELECT")) || bytes.EqualFold(word, []byte("SHOW")))
}

// mysqlColumn is the definition of the one column of an answer: a text.
var mysqlColumn = []byte("\x03def\x00\x00\x00\x05value\x00\x0c\x2d\x00\xff\xff\xff\x00\xfd\x00\x00\x00\x00\x00")

var mysqlEOF = []byte{0xfe, 0, 0, 2, 0}

// head is an OK, or of rows all that comes before the value: how many columns there are, which, and where a row begins.
func (d *mysqlDialect) head(x *Exchange, w *Well) []byte {
	if !asksForRows(x) {
		return mysqlPacket(d.seq+1, []byte{0, 0, 0, 2, 0, 0, 0})
	}
	b := mysqlPacket(d.seq+1, []byte{1})
	b = append(b, mysqlPacket(d.seq+2, mysqlColumn)...)
	b = append(b, mysqlPacket(d.seq+3, mysqlEOF)...)
	size := int(w.size())
	n := size + 4
	return append(b, byte(n), byte(n>>8), byte(n>>16), d.seq+4, 0xfd, byte(size), byte(size>>8), byte(size>>16))
}

func (*mysqlDialect) hasBody(x *Exchange, _ *Well) bool { return asksForRows(x) }

// end is what tells that there are no more rows.
func (d *mysqlDialect) end(x *Exchange, _ *Well) error {
	x.gather(mysqlPacket(d.seq+5, mysqlEOF))
	return nil
}
