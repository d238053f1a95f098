package fakeupstream

import (
	"io"
	"net"
	"testing"
)

// BenchmarkWell measures keep-alive requests per second, over loopback, with clients that
// send one request at a time each. Client and upstream share the processors.
func BenchmarkWell(b *testing.B) {
	b.Run("http", func(b *testing.B) { benchmarkWell(b, HTTP, getRoot, len(okHTTP)) })
	answer := prebuild(&Well{}, FastCGI).whole[keeping]
	b.Run("fastcgi", func(b *testing.B) { benchmarkWell(b, FastCGI, fcgiRequest(true, ""), len(answer)) })
}

func benchmarkWell(b *testing.B, protocol, request string, size int) {
	s := start(b, Spec{Protocol: protocol})
	b.ReportAllocs()
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		out, in := []byte(request), make([]byte, size)
		for pb.Next() {
			if _, err := c.Write(out); err != nil {
				b.Error(err)
				return
			}
			if _, err := io.ReadFull(c, in); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}
