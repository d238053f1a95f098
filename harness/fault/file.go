package fault

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness/lab"
)

// Deploy puts a file in the place of another: a new version of a script.
type Deploy struct {
	Path string
	Text string
}

// Inject writes the new file.
func (f Deploy) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.WriteFile(ctx, lab.File{Path: f.Path, Data: f.Text}))
}

func (f Deploy) String() string { return f.Path + " is deployed" }

// Chmod changes the mode of a file, a folder or a socket.
type Chmod struct {
	Path string
	Mode uint32 // 0o660, as chmod(1) takes it
}

// Inject sets the mode.
func (f Chmod) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.Chmod(ctx, f.Path, f.Mode))
}

func (f Chmod) String() string { return fmt.Sprintf("%s has mode %04o", f.Path, f.Mode) }

// Hosts changes what names resolve to, as /etc/hosts has it.
type Hosts struct {
	Addresses map[string]string // by name; a name that is absent does not resolve
}

// Inject changes the names.
func (f Hosts) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.SetHosts(ctx, f.Addresses))
}

func (f Hosts) String() string { return "the names resolve otherwise" }

// DiskFull makes a folder a file system of a few bytes.
type DiskFull struct {
	// Upstream is the real upstream whose folder it is; empty for the gateway. What runs already keeps the files that it has open.
	Upstream string
	Path     string
	Bytes    int64
}

// Inject mounts the small file system.
func (f DiskFull) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.LimitDisk(ctx, f.Upstream, f.Path, f.Bytes))
}

func (f DiskFull) String() string { return f.Path + " is full" }
