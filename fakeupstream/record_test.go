package fakeupstream

import (
	"runtime"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// Whatever heads its clients send, an upstream keeps a bounded part of each. Not parallel: it measures the memory of the process.
func TestRecord_HeadIsBounded(t *testing.T) {
	const requests = 60
	long, many := strings.Repeat("x", 900<<10), strings.Repeat("a:\r\n", 200<<10)
	for name, ask := range map[string]string{
		"http value":  "GET / HTTP/1.1\r\nA: " + long + "\r\n\r\n",
		"http lines":  "GET / HTTP/1.1\r\n" + many + "\r\n",
		"http uri":    "GET /" + long + " HTTP/1.1\r\n\r\n",
		"http no end": "GET /" + long + long,
		"http kept":   "GET / HTTP/1.1\r\nA: " + long + "\r\n\r\n",
		"fastcgi":     fcgiRequest(false, "", "A", long),
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := httpWith(t, Well{Close: true})
			if name == "fastcgi" {
				s = fcgiWith(t)
			}
			if name == "http kept" { // its connections stay open, with nothing on them
				s = httpWith(t)
			}
			before := memory()
			for range requests {
				if name == "http kept" {
					c := dial(t, s)
					send(t, c, ask)
					read(t, c, 1)
					continue
				}
				exchangeAll(t, s, ask)
			}
			g.Expect(s.Records()).To(HaveLen(requests))
			if name != "http no end" { // which nobody could read
				g.Expect(s.Records()[0].Requests[0].HeadCut).To(BeTrue())
			}
			g.Expect(memory()-before).To(BeNumerically("<", requests*2*keepHead+(4<<20)), "bytes that are kept")
			runtime.KeepAlive(s)
		})
	}
}

// memory is how much is in use.
func memory() int64 {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
