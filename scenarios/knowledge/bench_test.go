package knowledge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/diagnose"
)

func BenchmarkErrorLog(b *testing.B) {
	book := book(b)
	var log strings.Builder
	for i := 0; log.Len() < 8<<20; i++ {
		fmt.Fprintf(&log, "2026/01/02 15:%02d:%02d [error] 12#12: *%d upstream timed out (110: Connection timed out) while reading response header from upstream, client: 10.0.0.7, "+
			"server: site.example, request: \"GET /%d HTTP/1.1\", upstream: \"http://10.0.0.%d:8080/\", host: \"site.example\"\n", i/60%60, i%60, i, i%50, i%9)
	}
	b.SetBytes(int64(log.Len()))
	for b.Loop() {
		r := book.NewReport(diagnose.Filter{})
		if err := r.Read(strings.NewReader(log.String()), "error.log"); err != nil {
			b.Fatal(err)
		}
		r.Finish()
	}
}

// BenchmarkCount is what grep -c does over the same bytes, for a ratio.
func BenchmarkCount(b *testing.B) {
	line := "2026/01/02 15:04:05 [error] 12#12: *3 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 10.0.0.7\n"
	log := strings.Repeat(line, 8<<20/len(line))
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		n := 0
		for l := range strings.Lines(log) {
			if strings.Contains(l, "timed out") {
				n++
			}
		}
	}
}
