package suites

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// eachWay is how long bytes are on their way to the engine, and back, over the slow link of these tests.
const eachWay = 20 * time.Millisecond

// slowLink is a connection to the container engine that takes its time. Its bandwidth is that of this machine.
type slowLink struct {
	net.Listener
	socket string       // of the engine
	sent   atomic.Int64 // bytes to the engine
	// turns is how often something was sent to the engine after it had answered: where nothing is sent beside the rest, the
	// number of waits for an answer.
	turns atomic.Int64
}

// newSlowLink opens a slow link to the engine at an address of this machine.
func newSlowLink(host string) (*slowLink, error) {
	socket, local := strings.CutPrefix(host, "unix://")
	if !local {
		return nil, errors.New("the engine is not at a socket of this machine")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &slowLink{Listener: listener, socket: socket}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go l.serve(c.(*net.TCPConn))
		}
	}()
	return l, nil
}

// host is the link's address, as DOCKER_HOST has it.
func (l *slowLink) host() string { return "tcp://" + l.Addr().String() }

func (l *slowLink) serve(near *net.TCPConn) {
	defer near.Close()
	c, err := net.Dial("unix", l.socket)
	if err != nil {
		return
	}
	far := c.(*net.UnixConn)
	defer far.Close()
	opened := time.Now().Add(2 * eachWay) // the handshake goes to and fro as well
	var asked atomic.Bool
	var both sync.WaitGroup
	both.Go(func() {
		slowly(far, near, opened, func(n int) {
			l.sent.Add(int64(n))
			if !asked.Swap(true) {
				l.turns.Add(1)
			}
		})
	})
	both.Go(func() { slowly(near, far, opened, func(int) { asked.Store(false) }) })
	both.Wait()
}

// slowly passes bytes on after they were on their way, and then the end.
func slowly(to, from interface {
	io.ReadWriter
	CloseWrite() error
}, opened time.Time, passing func(n int)) {
	type part struct {
		due   time.Time
		bytes []byte
	}
	under := make(chan part, 1<<12)
	go func() {
		defer close(under)
		for {
			b := make([]byte, 64<<10)
			n, err := from.Read(b)
			if n > 0 {
				passing(n)
			}
			due := time.Now()
			if due.Before(opened) {
				due = opened
			}
			under <- part{due.Add(eachWay), b[:n]}
			if err != nil {
				return
			}
		}
	}()
	broken := false
	for p := range under {
		time.Sleep(time.Until(p.due))
		if !broken {
			_, err := to.Write(p.bytes)
			broken = err != nil
		}
	}
	_ = to.CloseWrite()
}

var _ = Describe("over a slow link to the engine", func() {
	// run runs the command over a new link, to its end.
	run := func(words ...any) *slowLink {
		GinkgoHelper()
		link, err := newSlowLink(shared.Engine().Host())
		if err != nil {
			Skip(err.Error())
		}
		DeferCleanup(link.Close)
		Expect(badgateway(append([]any{"run", env("DOCKER_HOST", link.host())}, words...)...).ended()).To(gexec.Exit(0))
		return link
	}

	It("a scenario waits for few answers, one after the other", func() {
		one := run("fpm-dead", "--twin", "fake", "--parallel", "1")
		more := run("fpm-dead", "--twin", "fake", "--parallel", "1", "--repeat", "11")
		// The sandbox, the gateway, three requests, the fault, the remedy, the look at all calls, the end of the sandbox.
		Expect((more.turns.Load()-one.turns.Load())/10).To(BeNumerically("<=", 9), "waits in each of ten scenarios")
	})

	It("the lab's program goes over the link once a run, and packed", func() {
		// These take a container beside the gateway's, and one each of their own.
		some := run("fpm-dead", "php-oom-worker", "php-cpu-quota", "--twin", "real")
		file, err := os.Stat(program())
		Expect(err).NotTo(HaveOccurred())
		Expect(some.sent.Load()).To(BeNumerically("<", file.Size()*2/3), "bytes to the engine")
	})
})
