package agentapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"

	"github.com/hashicorp/yamux"
)

// request begins a call; its arguments follow.
type request struct {
	Call    string        `json:"call"`
	Sandbox string        `json:"sandbox,omitempty"`
	Within  time.Duration `json:"within,omitempty"` // how long the caller waits; for ever when 0
}

// answer ends it; what was asked for follows, unless there is an error.
type answer struct {
	Error *Error `json:"error,omitempty"`
}

// A Handler reads the arguments of a call in a sandbox, and gives what does its work.
type Handler func(sandbox string, in *json.Decoder) (work, error)

type work func(context.Context) (any, error)

// Handle is the handler of a function that needs no sandbox. The context of that ends when the caller's does.
func Handle[A, R any](do func(context.Context, A) (R, error)) Handler {
	return HandleIn(func(ctx context.Context, _ string, args A) (R, error) { return do(ctx, args) })
}

// HandleIn is the handler of a function that is called with the sandbox's id.
func HandleIn[A, R any](do func(ctx context.Context, sandbox string, args A) (R, error)) Handler {
	return func(sandbox string, in *json.Decoder) (work, error) {
		var args A
		if err := in.Decode(&args); err != nil {
			return nil, err
		}
		return func(ctx context.Context) (any, error) { return do(ctx, sandbox, args) }, nil
	}
}

// A Server is the agent's end of sessions.
type Server struct {
	Calls map[string]Handler
	// Dial opens a connection to an address in a sandbox, for a tunnel.
	Dial func(ctx context.Context, sandbox, address string) (net.Conn, error)
}

// Serve answers a session on a connection until the driving program is gone. What calls it has under way is told so, and not
// waited for.
func (s *Server) Serve(conn io.ReadWriteCloser) error {
	addCoverage(s.Calls)
	session, err := yamux.Server(newGather(conn), mux())
	if err != nil {
		return fmt.Errorf("beginning the session: %w", err)
	}
	defer session.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(ErrGone)
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return nil
		}
		go s.take(ctx, stream)
	}
}

func (s *Server) take(ctx context.Context, stream net.Conn) {
	kind := make([]byte, 1)
	if _, err := io.ReadFull(stream, kind); err != nil {
		stream.Close()
		return
	}
	switch kind[0] {
	case StreamCalls:
		s.answerAll(ctx, stream)
	case StreamTunnel:
		s.tunnel(ctx, stream)
	default:
		stream.Close()
	}
}

// errLeft is why a call ends whose caller no longer waits.
var errLeft = fmt.Errorf("the caller has left: %w", context.Canceled)

// answerAll answers the calls on a line. A caller waits for each answer; that something else comes meanwhile, which is the end
// of the line, is how the agent knows that he does not.
func (s *Server) answerAll(ctx context.Context, line net.Conn) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(errLeft)
	defer line.Close() // which also ends the writing of an answer that nobody reads
	in := json.NewDecoder(line)
	calls := make(chan func(), 1)
	defer close(calls)
	go func() { // one for all, since a new one's stack would have to grow for each call
		for call := range calls {
			call()
		}
	}()
	for {
		var r request
		if in.Decode(&r) != nil {
			return
		}
		do, err := s.read(r, in)
		calls <- func() { _, _ = line.Write(s.answer(ctx, r, do, err)) }
	}
}

// read reads the arguments of a call.
func (s *Server) read(r request, in *json.Decoder) (work, error) {
	handler, known := s.Calls[r.Call]
	if !known {
		var args json.RawMessage
		return nil, errors.Join(fmt.Errorf("the lab's program knows no call %q", r.Call), in.Decode(&args))
	}
	do, err := handler(r.Sandbox, in)
	if err != nil {
		return nil, fmt.Errorf("reading what %s is to do: %w", r.Call, err)
	}
	return do, nil
}

// answer does the work of a call, and is its answer.
func (s *Server) answer(ctx context.Context, r request, do work, err error) []byte {
	if r.Within != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Within)
		defer cancel()
	}
	var reply any
	if err == nil {
		reply, err = safely(ctx, do)
	}
	if err == nil {
		var out []byte
		if out, err = encode(answer{}, reply); err == nil {
			return out
		}
	}
	out, _ := encode(answer{ErrorOf(err)}) // a struct of strings
	return out
}

// safely does the work of a call. A bug that shows in one does not end the others.
func safely(ctx context.Context, do work) (reply any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a bug in the lab's program: %v\n%s", r, debug.Stack())
		}
	}()
	return do(ctx)
}
