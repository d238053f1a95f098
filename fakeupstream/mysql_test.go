package fakeupstream

import (
	"net"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// asked is a statement as a client of MySQL sends it.
func asked(sql string) string { return string(mysqlPacket(0, append([]byte{comQuery}, sql...))) }

// loggedIn is a client's login as shop.
func loggedIn() string {
	return string(mysqlPacket(1, append(append([]byte{0x0d, 0xa2, 0x3a, 0}, make([]byte, 28)...), "shop\x00\x00shop\x00mysql_native_password\x00"...)))
}

// greeted is a connection on which the server has spoken.
func greeted(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c := dial(t, s)
	NewWithT(t).Expect(read(t, c, len(mysqlGreeting))).To(Equal(string(mysqlGreeting)))
	return c
}

const mysqlOK = "\x07\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00"

func TestMySQL(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: MySQL, Script: Script{{Well{}, Well{Body: "3"}, Well{}, MySQLError{Code: 1205, Message: "Lock wait"}, Well{}}}})
	c := greeted(t, s)
	send(t, c, loggedIn())
	g.Expect(read(t, c, len(mysqlOK))).To(Equal(mysqlOK))
	for _, e := range []struct{ sql, answer string }{
		{"select price FROM goods", "\x01\x00\x00\x01\x01" + string(mysqlPacket(2, mysqlColumn)) + "\x05\x00\x00\x03\xfe\x00\x00\x02\x00" +
			"\x05\x00\x00\x04\xfd\x01\x00\x003" + "\x05\x00\x00\x05\xfe\x00\x00\x02\x00"},
		{"UPDATE goods SET seen = 1", "\x07\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"},
		{"UPDATE goods SET seen = 2", "\x12\x00\x00\x01\xff\xb5\x04#HY000Lock wait"},
		{"COMMIT", "\x07\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"},
	} {
		send(t, c, asked(e.sql))
		g.Expect(read(t, c, len(e.answer))).To(Equal(e.answer), e.sql)
	}
	send(t, c, "\x01\x00\x00\x00\x01")
	got, how := readAll(t, c)
	g.Expect(got + how).To(Equal(fin))
	r := s.Records()[0]
	g.Expect(r.Protocol).To(Equal(MySQL))
	g.Expect(r.Requests[0].Method + " " + r.Requests[0].URI).To(Equal("LOGIN shop"))
	g.Expect(r.Requests[1].Method + " " + r.Requests[1].URI).To(Equal("QUERY select price FROM goods"))
	g.Expect(r.Problem).To(BeEmpty())
}

func TestMySQLError(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	full := MySQLError{At: AtAccept, Code: 1040, Message: "Too many connections"}
	got, how := readAll(t, dial(t, start(t, Spec{Protocol: MySQL, Script: Always(full)})))
	g.Expect(got).To(Equal("\x1d\x00\x00\x00\xff\x10\x04#08004Too many connections"))
	g.Expect(how).To(Equal(fin))

	c := greeted(t, start(t, Spec{Protocol: MySQL, Script: Always(MySQLError{Code: 1045, Message: "Access denied"})}))
	send(t, c, loggedIn())
	got, how = readAll(t, c)
	g.Expect(got).To(Equal("\x16\x00\x00\x02\xff\x15\x04#28000Access denied"))
	g.Expect(how).To(Equal(fin))

	for _, of := range []struct {
		b        Behaviour
		protocol string
		says     string
	}{
		{MySQLError{Message: "x"}, MySQL, "code: 0 is not the number"},
		{MySQLError{Code: 1040}, MySQL, "message: give the words"},
		{MySQLError{Code: 1040, Message: "x", At: AtBody}, MySQL, "at:"},
		{full, HTTP, `works on protocol "mysql" only`},
		{Well{Status: 500}, MySQL, "MySQL has no status"},
		{Well{BodySize: 1 << 24}, MySQL, "16777210 bytes at the most"},
		{BadHeader{Fault: HeaderNUL}, MySQL, "makes no sense"},
	} {
		err := Spec{Listen: "127.0.0.1:0", Protocol: of.protocol, Script: Always(of.b)}.Validate()
		g.Expect(err).To(MatchError(ContainSubstring(of.says)))
	}
}

// A server that hangs does not even greet.
func TestMySQL_SaysNothingWhereItHangs(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: MySQL, Script: Script{{Silent{At: AtAccept}}}})
	c := dial(t, s)
	g.Eventually(func() bool { all := s.Records(); return len(all) == 1 && all[0].Did != "" }, time.Minute).Should(BeTrue())
	g.Expect(s.Close()).To(Succeed())
	got, _ := readAll(t, c)
	g.Expect(got).To(BeEmpty())
}

func TestMySQL_RefusesOtherProtocols(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{
		"\x00\x00\x00\x01", "\xff\xff\xff\x01", "\x05\x00\x00\x01ab", "\x03\x00\x00\x01abc", "GET / HTTP/1.1\r\n\r\n",
		string(mysqlPacket(1, make([]byte, 32))), string(mysqlPacket(1, append(make([]byte, 32), "no end"...))),
	} {
		g := NewWithT(t)
		s := start(t, Spec{Protocol: MySQL})
		c := greeted(t, s)
		send(t, c, sent)
		c.(*net.TCPConn).CloseWrite()
		got, _ := readAll(t, c)
		g.Expect(got).To(HaveSuffix("#HY000Bad handshake"), "%q", sent)
		g.Expect(s.Records()[0].Requests[0].Problem).NotTo(BeEmpty())
	}
}

func FuzzMySQL(f *testing.F) {
	f.Add([]byte(loggedIn() + asked("SELECT 1")))
	f.Add([]byte("\x01\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := start(t, Spec{Protocol: MySQL})
		c := dial(t, s)
		_, _ = c.Write(sent)
		c.(*net.TCPConn).CloseWrite()
		_, _ = readAll(t, c)
	})
}
