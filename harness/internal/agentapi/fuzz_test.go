package agentapi

import (
	"context"
	"io"
	"net"
	"testing"
)

// heard is a connection whose other end says what it has to say, and is gone.
type heard struct {
	io.Reader
	net.Conn
}

func (h heard) Read(b []byte) (int, error) { return h.Reader.Read(b) }

// FuzzClient holds that whatever comes out of a container, the driving program gets an error and does not wait.
func FuzzClient(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("nsenter: no such program\r\n"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))                                                 // data
	f.Add([]byte("\x00\x01\x00\x02\x00\x00\x00\x01\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x30" + // a window, then an answer
		`{"id":0,"result":{"PID":1},"error":null}        `))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"))
	f.Fuzz(func(t *testing.T, said []byte) {
		mine, theirs := net.Pipe()
		defer theirs.Close()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		pr, pw := io.Pipe()
		go func() {
			_, _ = pw.Write(said)
			pw.Close()
		}()
		client, err := Dial(heard{pr, mine})
		if err != nil {
			return
		}
		defer client.Close()
		var hello Hello
		_ = client.Call(context.Background(), "", "Hello", struct{}{}, &hello) // it comes back
		<-client.Gone()
	})
}
