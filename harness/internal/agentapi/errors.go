package agentapi

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/badgateway/badgateway/fakeupstream"
)

// What calls fail with. [errors.Is] finds each in the error of a call, whatever else that says.
var (
	// ErrGone says that the lab ended while it was being used: its engine stopped, or its container was removed.
	ErrGone = errors.New("the lab is gone: its container or the container engine has ended")
	// ErrNoSandbox is for a call in a sandbox that is not there, or was closed meanwhile.
	ErrNoSandbox = errors.New("there is no such sandbox")
	// ErrNoUser is for a catch-all sandbox whose [CatchAllSpec] names a user whom the image does not have.
	ErrNoUser = errors.New("the image has no such user")
	// ErrNotUp is for a gateway whose start had no end within [UpLimit].
	ErrNotUp = errors.New("the gateway does not come to rest after its start")
	// ErrMultiplied and ErrOutOfMemory say why the agent has ended what ran in a catch-all sandbox.
	ErrMultiplied  = errors.New("the config's processes multiplied without end")
	ErrOutOfMemory = errors.New("the config's processes used up the lab's memory")
)

// Overrun is ErrMultiplied or ErrOutOfMemory, if a call failed because a catch-all sandbox used up what it may; else nil.
func Overrun(err error) error {
	for _, over := range []error{ErrMultiplied, ErrOutOfMemory} {
		if errors.Is(err, over) {
			return over
		}
	}
	return nil
}

// An Error is what a call failed with, as the agent tells it. It wraps what its code stands for, so that [errors.Is] and
// [errors.As] find that as if it had never been on a wire.
type Error struct {
	Code    string `json:"code,omitempty"` // the errno's name, or one of ours; empty where nobody has to know
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// Unwrap is what the code stands for; nil for nothing.
func (e *Error) Unwrap() error {
	for _, c := range codes {
		if c.name == e.Code {
			return c.err
		}
	}
	return nil
}

// Errorf is an error of one of the kinds above, in other words.
func Errorf(kind error, format string, a ...any) *Error {
	return &Error{ErrorOf(kind).Code, fmt.Sprintf(format, a...)}
}

// ErrorOf makes of an error what can be told; nil of nil.
func ErrorOf(err error) *Error {
	if err == nil {
		return nil
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return &Error{c.name, err.Error()}
		}
	}
	return &Error{Message: err.Error()}
}

// codes are the names of all errors that have to be known by the other end. Of an error that is several of them the first is
// told. The numbers of errnos differ between systems, and their names do not.
var codes = []struct {
	name string
	err  error
}{
	{"multiplied", ErrMultiplied},
	{"out of memory", ErrOutOfMemory},
	{"not up", ErrNotUp},
	{"no such user", ErrNoUser},
	{"no such sandbox", ErrNoSandbox},
	{"no such behaviour", fakeupstream.ErrNoBehaviour},
	{"deadline exceeded", context.DeadlineExceeded},
	{"canceled", context.Canceled},

	{"E2BIG", syscall.E2BIG},
	{"EACCES", syscall.EACCES},
	{"EADDRINUSE", syscall.EADDRINUSE},
	{"EADDRNOTAVAIL", syscall.EADDRNOTAVAIL},
	{"EAGAIN", syscall.EAGAIN},
	{"EBUSY", syscall.EBUSY},
	{"ECONNREFUSED", syscall.ECONNREFUSED},
	{"ECONNRESET", syscall.ECONNRESET},
	{"EEXIST", syscall.EEXIST},
	{"EFBIG", syscall.EFBIG},
	{"EHOSTUNREACH", syscall.EHOSTUNREACH},
	{"EINVAL", syscall.EINVAL},
	{"EIO", syscall.EIO},
	{"EISDIR", syscall.EISDIR},
	{"ELOOP", syscall.ELOOP},
	{"EMFILE", syscall.EMFILE},
	{"ENAMETOOLONG", syscall.ENAMETOOLONG},
	{"ENETUNREACH", syscall.ENETUNREACH},
	{"ENFILE", syscall.ENFILE},
	{"ENOENT", syscall.ENOENT},
	{"ENOEXEC", syscall.ENOEXEC},
	{"ENOMEM", syscall.ENOMEM},
	{"ENOSPC", syscall.ENOSPC},
	{"ENOSYS", syscall.ENOSYS},
	{"ENOTDIR", syscall.ENOTDIR},
	{"ENOTEMPTY", syscall.ENOTEMPTY},
	{"EPERM", syscall.EPERM},
	{"EPIPE", syscall.EPIPE},
	{"EROFS", syscall.EROFS},
	{"ESRCH", syscall.ESRCH},
	{"ETIMEDOUT", syscall.ETIMEDOUT},
}
