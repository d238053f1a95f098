package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestDuplicateHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		b    DuplicateHeader
		want string
	}{
		{DuplicateHeader{}, "Content-Length: 3\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n"},
		{DuplicateHeader{Values: []string{"3", "4"}}, "Content-Length: 3\r\nContent-Length: 4\r\nContent-Type: text/plain\r\n"},
		{DuplicateHeader{Name: "X-A"}, "X-A: one\r\nX-A: two\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"},
	} {
		c.b.Answer.Close = true
		got, _ := exchangeAll(t, httpWith(t, c.b), getRoot)
		NewWithT(t).Expect(got).To(Equal("HTTP/1.1 200 OK\r\n" + c.want + "Connection: close\r\n\r\nok\n"))
	}
}

func TestDuplicateHeaderFastCGI(t *testing.T) {
	t.Parallel()
	got, _ := exchangeAll(t, fcgiWith(t, DuplicateHeader{}), fcgiRequest(false, ""))
	out, _, _ := fcgiStreams(got)
	NewWithT(t).Expect(out).To(Equal("Status: 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nok\n"))
}
