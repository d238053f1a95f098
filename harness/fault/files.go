package fault

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// Deploy puts a file in the place of another: a new version of a script.
type Deploy struct {
	Path string
	Was  string // what was there before, for the way back
	Text string
}

// Do writes the new file.
func (f Deploy) Do(ctx context.Context, c *lab.Sandbox) error { return write(ctx, c, f.Path, f.Text) }

// Undo writes the old one.
func (f Deploy) Undo(ctx context.Context, c *lab.Sandbox) error { return write(ctx, c, f.Path, f.Was) }

func (f Deploy) String() string { return f.Path + " is deployed" }

func write(ctx context.Context, c *lab.Sandbox, path, text string) error {
	return c.ChangeFile(ctx, agentapi.FileSpec{File: agentapi.File{Path: path, Data: text}})
}

// Mode changes the permissions of a file, a folder or a socket.
type Mode struct {
	Path     string
	Was, Now uint32 // octal, as chmod(1) takes them
}

// Do sets the new mode.
func (f Mode) Do(ctx context.Context, c *lab.Sandbox) error { return chmod(ctx, c, f.Path, f.Now) }

// Undo sets the old one.
func (f Mode) Undo(ctx context.Context, c *lab.Sandbox) error { return chmod(ctx, c, f.Path, f.Was) }

func (f Mode) String() string { return fmt.Sprintf("%s has mode %04o", f.Path, f.Now) }

func chmod(ctx context.Context, c *lab.Sandbox, path string, mode uint32) error {
	return c.ChangeFile(ctx, agentapi.FileSpec{File: agentapi.File{Path: path, Mode: mode}, Chmod: true})
}

// Name changes what the names of the cell resolve to, as /etc/hosts has it.
type Name struct {
	Hosts map[string]string // name to address; a name that is absent is gone
}

// Do changes the names.
func (f Name) Do(ctx context.Context, c *lab.Sandbox) error { return c.SetHosts(ctx, f.Hosts) }

// Undo brings back the names that the cell was set up with.
func (f Name) Undo(ctx context.Context, c *lab.Sandbox) error { return c.ResetHosts(ctx) }

func (f Name) String() string { return "the names resolve otherwise" }

// DiskFull makes a folder a file system of a few bytes.
type DiskFull struct {
	Path  string
	Bytes int64
}

// Do mounts the small file system.
func (f DiskFull) Do(ctx context.Context, c *lab.Sandbox) error {
	return c.LimitDisk(ctx, f.Path, f.Bytes)
}

// Undo gives the folder back.
func (f DiskFull) Undo(ctx context.Context, c *lab.Sandbox) error {
	return c.LimitDisk(ctx, f.Path, 0)
}

func (f DiskFull) String() string { return f.Path + " is full" }
