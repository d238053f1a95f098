package harness

import (
	"context"

	"github.com/badgateway/badgateway/harness/engine"
	"github.com/badgateway/badgateway/harness/wire"
)

// What a lab's container is told and tells, under the names that users of this package know it by.
type (
	// A File is written into a sandbox.
	File = wire.File
	// A Folder of a sandbox is private to it.
	Folder = wire.Folder
	// A FileSpec changes a file of a sandbox.
	FileSpec = wire.FileSpec
	// A NetSpec is one thing broken in a sandbox's network.
	NetSpec = wire.NetSpec
	// A WorldSpec is what an untrusted config runs in.
	WorldSpec = wire.WorldSpec
	// A Conduct is how one upstream behaves, or all.
	Conduct = wire.Conduct
	// A NameConduct is how a name resolves.
	NameConduct = wire.NameConduct
	// A WorldAskSpec is one request to the gateway of an untrusted config.
	WorldAskSpec = wire.WorldAskSpec
	// A WorldAnswer is what came of it.
	WorldAnswer = wire.WorldAnswer
	// Executed is how a program ended.
	Executed = wire.Executed
	// A Lack is something that a container has no right to, or that its kernel does not have.
	Lack = wire.Lack
	// A NoEngineError says that there is no container engine, and what helps.
	NoEngineError = engine.NoEngineError
	// A NoImageError says that an image can't be had, and what helps.
	NoImageError = engine.NoImageError
	// A NoNginxError says that there is no image of that version of nginx.
	NoNginxError = engine.NoNginxError
	// An Engine is the container engine that labs run on.
	Engine = engine.Engine
)

// What a lab is told of by errors, as [errors.Is] finds them.
var (
	// ErrGone says that the lab has ended.
	ErrGone = wire.ErrGone
	// ErrMultiplied says that an untrusted config's processes multiplied without end.
	ErrMultiplied = wire.ErrMultiplied
	// ErrOutOfMemory says that an untrusted config's processes used up the lab's memory.
	ErrOutOfMemory = wire.ErrOutOfMemory
)

// What a scenario takes of an engine; see [Lack].
const (
	NeedFilters = wire.NeedFilters
	NeedMemory  = wire.NeedMemory
	NeedCPUs    = wire.NeedCPUs
)

// FaketimeAt is where a lab puts libfaketime in a container.
const FaketimeAt = wire.FaketimeAt

// Label is the label of all that labs make on an engine. Its value names the process that made it.
const Label = engine.Label

// Overrun reports whether a call failed because an untrusted config used up what it may: it is [ErrMultiplied],
// [ErrOutOfMemory] or nil.
func Overrun(err error) error { return wire.Overrun(err) }

// FindEngine finds the container engine that [Start] would take.
func FindEngine(ctx context.Context, o Options) (*Engine, error) {
	return engine.Find(ctx, engine.Options{Install: o.Install, Say: o.Say})
}

// NginxVersions are the versions of nginx that [Options].Nginx may name, the oldest first.
func NginxVersions() []string {
	var all []string
	for _, v := range engine.NginxVersions() {
		all = append(all, v.Version)
	}
	return all
}
