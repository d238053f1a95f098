package provision

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A Gateway is a place in which nginx can be run: one sandbox of the lab.
type Gateway interface {
	// Put writes files, links and folders, makes the folders above them, and replaces what is there. A file is written in
	// place of a link, not through it.
	Put(ctx context.Context, files ...agentapi.File) error
	// Exec runs a program, jailed, and waits for its end. A program that is not there is an error or a code above 125.
	Exec(ctx context.Context, argv ...string) (agentapi.Executed, error)
	// There says which of these paths are there; Names what a folder holds, nothing when there is no such folder. They need
	// no program of the image's.
	There(ctx context.Context, paths ...string) ([]string, error)
	Names(ctx context.Context, dir string) ([]string, error)
	// ReadTree reads a text file, or those below a folder, by their full paths; none when there is nothing. Links to files
	// are read as the file.
	ReadTree(ctx context.Context, dir string) (map[string]string, error)
}

// Refused is the error for a config that can't be loaded.
type Refused struct{ audit.Refusal }

func (r *Refused) Error() string {
	at := ""
	if r.Place.File != "" {
		at = r.Place.File + ": "
		if r.Place.Line > 0 {
			at = fmt.Sprintf("%s:%d: ", r.Place.File, r.Place.Line)
		}
	}
	text := at + r.Message
	if r.Remedy != "" {
		text += "; " + r.Remedy
	}
	return text
}

func refuse(kind string, at nginxconf.Place, remedy, message string, args ...any) *Refused {
	return &Refused{audit.Refusal{Kind: kind, Place: at, Remedy: remedy, Message: fmt.Sprintf(message, args...)}}
}
