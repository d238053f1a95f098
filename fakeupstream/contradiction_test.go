package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestContradiction(t *testing.T) {
	t.Parallel()
	got, _ := exchangeAll(t, httpWith(t, Contradiction{Declare: 7, Answer: Well{Close: true}}), getRoot)
	NewWithT(t).Expect(got).To(Equal("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Type: text/plain\r\n" +
		"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nok\n\r\n0\r\n\r\n"))
}
