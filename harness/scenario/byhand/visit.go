package byhand

import (
	"bufio"
	"io"
	"net/http"
	"sync"
)

// visit is one connection of a client, and knows whether he waits: he has asked, and has not got the whole answer. Where the
// answer can't be read, as it is no HTTP or encrypted, he waits for the end of the connection.
type visit struct {
	d       *door
	answers *io.PipeWriter

	mu    sync.Mutex
	waits bool
	ended bool
}

func newVisit(d *door) *visit {
	r, w := io.Pipe()
	v := &visit{d: d, answers: w}
	go v.read(r)
	return v
}

// read follows the answers.
func (v *visit) read(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		answer, err := http.ReadResponse(in, nil)
		if err == nil && answer.StatusCode < 200 {
			continue // another one follows
		}
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
		}
		if err != nil {
			_, _ = io.Copy(io.Discard, in)
			return
		}
		v.set(false)
	}
}

func (v *visit) set(waits bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ended || v.waits == waits {
		return
	}
	v.waits = waits
	if !waits {
		v.d.waiting.Add(-1)
		return
	}
	v.d.waiting.Add(1)
	select {
	case v.d.asked <- struct{}{}:
	default:
	}
}

func (v *visit) end() {
	v.set(false)
	v.mu.Lock()
	v.ended = true
	v.mu.Unlock()
	v.answers.Close()
}

// asking sees what the client sends, and answering what he gets.
type (
	asking    struct{ *visit }
	answering struct{ *visit }
)

func (a asking) Write(b []byte) (int, error) {
	a.d.moved.Add(int64(len(b)))
	a.set(true)
	return len(b), nil
}

func (a answering) Write(b []byte) (int, error) {
	a.d.moved.Add(int64(len(b)))
	return a.answers.Write(b)
}
