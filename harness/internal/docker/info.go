package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
)

// Info is what an engine says of itself, as far as a lab depends on it.
type Info struct {
	Name     string // "Docker", "Podman"
	Version  string
	Host     string // its address
	System   string // the machine's operating system
	Kernel   string // and its kernel
	Storage  string // the storage driver: "overlay2", "overlayfs"
	Cgroup   string // the version of control groups: "1", "2"
	Rootless bool   // it runs without root
	Remapped bool   // its containers' root is another user outside (userns-remap)
	// Whether the engine holds containers to limits on what they use.
	Memory, Pids, CPUs bool
}

// Info asks the engine. It does so once a process.
func (e *Engine) Info(ctx context.Context) (Info, error) {
	return e.info.Get(ctx, e.askInfo)
}

func (e *Engine) askInfo(ctx context.Context) (Info, error) {
	answer, err := e.client.Info(ctx, client.InfoOptions{})
	if err != nil {
		return Info{}, fmt.Errorf("asking the engine what it is: %w", err)
	}
	i := infoOf(answer.Info)
	i.Name, i.Version, i.Host = e.Name(), e.version, e.Host()
	return i, nil
}

// infoOf reads an engine's own account of itself.
func infoOf(a system.Info) Info {
	option := func(name string) bool {
		return slices.ContainsFunc(a.SecurityOptions, func(o string) bool {
			return o == "name="+name || strings.HasPrefix(o, "name="+name+",")
		})
	}
	return Info{
		System: a.OperatingSystem, Kernel: a.KernelVersion, Storage: a.Driver, Cgroup: cmp.Or(a.CgroupVersion, "1"),
		Rootless: option("rootless"), Remapped: option("userns"),
		Memory: a.MemoryLimit, Pids: a.PidsLimit, CPUs: a.CPUCfsPeriod && a.CPUCfsQuota,
	}
}

// Name is the engine's kind, such as Docker or Podman.
func (e *Engine) Name() string { return cmp.Or(e.kind, "Docker") }

// kindOf is the kind of an engine by what it names as its first part.
func kindOf(v client.ServerVersionResult) string {
	for _, c := range v.Components {
		if strings.HasPrefix(c.Name, "Podman") {
			return "Podman"
		}
	}
	return "Docker"
}
