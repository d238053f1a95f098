package lab

import (
	"context"
	"errors"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/docker"
	"github.com/badgateway/badgateway/harness/internal/images"
)

// What a lab's container is told and tells, under the names that users of this package know it by.
type (
	// A File is written into a sandbox.
	File = agentapi.File
	// A Folder of a sandbox is private to it.
	Folder = agentapi.Folder
	// CatchAll says what a sandbox is like in which everything answers; see [Setup].
	CatchAll = agentapi.CatchAllSpec
	// An UpstreamBehaviour is how one upstream of such a sandbox behaves, or all.
	UpstreamBehaviour = agentapi.UpstreamBehaviour
	// A NameBehaviour is how a name resolves in it.
	NameBehaviour = agentapi.NameBehaviour
	// A BehaviourSpec is how the upstreams and names of such a sandbox behave from one moment on.
	BehaviourSpec = agentapi.BehaviourSpec
	// An UpstreamCall is one connection of the gateway to an upstream.
	UpstreamCall = agentapi.UpstreamCall
	// A DNSQuery is one question of the gateway to the DNS.
	DNSQuery = agentapi.DNSQuery
	// A ProbeSpec is one request to its gateway.
	ProbeSpec = agentapi.ProbeSpec
	// A ProbeAnswer is what came of it.
	ProbeAnswer = agentapi.ProbeAnswer
	// Executed is how a program ended.
	Executed = agentapi.Executed
	// Events are what the upstreams and names of a sandbox with a CatchAll saw.
	Events = agentapi.Events
	// A WakeSignal makes a program look at the clock after it was moved.
	WakeSignal = agentapi.WakeSignal
	// Limits are what the kernel holds a container to.
	Limits = agentapi.Limits
	// A ProductionStart is how an image is started in production.
	ProductionStart = docker.Start
	// An AgentError is what the agent in the lab's container says of a call that failed.
	AgentError = agentapi.Error
	// A Lack is something that a container has no right to, or that its kernel does not have.
	Lack = agentapi.Lack
	// A NoEngineError says that there is no container engine, and what helps.
	NoEngineError = docker.NoEngineError
	// A NoImageError says that an image can't be had, and what helps.
	NoImageError = docker.NoImageError
	// A NoNginxError says that there is no image of that version of nginx.
	NoNginxError = docker.NoNginxError
	// An Engine is the container engine that labs run on.
	Engine = docker.Engine
)

// What a lab is told of by errors, as [errors.Is] finds them.
var (
	// ErrBusy says that an exchange is under way in the sandbox.
	ErrBusy = errors.New("an exchange is under way in this sandbox: start others with StartBackground")
	// ErrGone says that the lab has ended.
	ErrGone = agentapi.ErrGone
	// ErrMultiplied says that an untrusted config's processes multiplied without end.
	ErrMultiplied = agentapi.ErrMultiplied
	// ErrNotUp says that a gateway's start had no end within [UpLimit].
	ErrNotUp = agentapi.ErrNotUp
	// ErrNoUser says that the image has no user of the name that a [CatchAll] gives.
	ErrNoUser = agentapi.ErrNoUser
	// ErrOutOfMemory says that an untrusted config's processes used up the lab's memory.
	ErrOutOfMemory = agentapi.ErrOutOfMemory
)

// What a scenario takes of an engine; see [Lack].
const (
	NeedFilters = agentapi.NeedFilters
	NeedMemory  = agentapi.NeedMemory
	NeedCPUs    = agentapi.NeedCPUs
)

// How a client's exchange ended where he himself, or what comes before HTTP, had a part in it; see [ProbeAnswer].
const (
	Left    = agentapi.Left
	NotKept = agentapi.NotKept
	NoTLS   = agentapi.NoTLS
)

// UpLimit is how long a gateway may take to come up; see [ErrNotUp].
const UpLimit = agentapi.UpLimit

// FaketimeAt is where a lab puts libfaketime in a container.
const FaketimeAt = agentapi.FaketimeAt

// Label is the label of all that labs make on an engine. Its value names the process that made it.
const Label = docker.Label

// Overrun reports whether a call failed because an untrusted config used up what it may: it is [ErrMultiplied],
// [ErrOutOfMemory] or nil.
func Overrun(err error) error { return agentapi.Overrun(err) }

// FindEngine finds the container engine that [Start] would take.
func FindEngine(ctx context.Context, o Options) (*Engine, error) {
	return docker.Find(ctx, docker.Options{Install: o.Install, Logger: o.Logger})
}

// Images are the names of the project's own images, as [Backend].Image and [Engine.Image] take them, in alphabetical order.
func Images() []string { return images.Names() }

// UsualImages are those that are worth making in advance: all but the large ones.
func UsualImages() []string { return images.InAdvance() }

// NginxVersions are the versions of nginx that [Options].Nginx may name, the oldest first.
func NginxVersions() []string {
	var all []string
	for _, v := range docker.NginxVersions() {
		all = append(all, v.Version)
	}
	return all
}
