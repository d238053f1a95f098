package knowledge

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/diagnose"
)

// logSize is how large a log is measured; what is reported is for 1 GB.
const logSize, gigabyte = 256 << 20, 1 << 30

var happened = []string{
	"upstream timed out (110: Connection timed out) while reading response header from upstream",
	"connect() failed (111: Connection refused) while connecting to upstream",
	"upstream prematurely closed connection while reading response header from upstream",
	"recv() failed (104: Connection reset by peer) while reading response header from upstream",
	"no live upstreams while connecting to upstream",
}

// writeLog writes an error log of nginx as a bad hour makes one: five things happen, to many visitors, on many routes.
func writeLog(b *testing.B, file string) {
	b.Helper()
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for i, n := 0, 0; n < logSize; i++ {
		written, _ := fmt.Fprintf(w, "2026/01/02 %02d:%02d:%02d [error] %d#%d: *%d %s, client: 10.0.%d.%d, server: site.example, "+
			"request: \"GET /shop/item/%d?page=%d HTTP/1.1\", upstream: \"http://10.0.0.%d:8080/shop/item/%d\", host: \"site.example\"\n",
			i/720000%24, i/12000%60, i/200%60, 12+i%4, 12+i%4, i, happened[i%7%len(happened)], i%7, i%250, i%4999, i, i%9, i%4999)
		n += written
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkErrorLog diagnoses an error log, and says how many times as long as grep -c over the same file it takes.
func BenchmarkErrorLog(b *testing.B) {
	book := book(b)
	file := filepath.Join(b.TempDir(), "error.log")
	writeLog(b, file)
	grep, err := exec.LookPath("grep")
	if err != nil {
		b.Skip("there is no grep to compare with")
	}
	var counting, diagnosing time.Duration
	b.SetBytes(logSize)
	n := 0
	for b.Loop() {
		begin := time.Now()
		if _, err := exec.Command(grep, "-c", "timed out", file).Output(); err != nil { // into nothing, it would end at the first
			b.Fatal(err)
		}
		counting += time.Since(begin)

		begin = time.Now()
		f, err := os.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		r := book.NewReport(diagnose.Filter{})
		if err := r.Read(f, file); err != nil {
			b.Fatal(err)
		}
		r.Finish()
		f.Close()
		diagnosing += time.Since(begin)
		if len(r.Causes) != len(happened) {
			b.Fatalf("want %d causes, got %d", len(happened), len(r.Causes))
		}
		n++
	}
	perGB := float64(gigabyte) / logSize / float64(n)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(diagnosing.Seconds()*perGB, "s/GB")
	b.ReportMetric(counting.Seconds()*perGB, "grep-s/GB")
	b.ReportMetric(diagnosing.Seconds()/counting.Seconds(), "x-grep")
	b.ReportMetric(float64(m.Sys)/(1<<20), "MB")
}
