package docker

import (
	"testing"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	. "github.com/onsi/gomega"
)

func TestWhatAnEngineSaysOfItselfIsRead(t *testing.T) {
	g := NewWithT(t)
	g.Expect(infoOf(system.Info{
		OperatingSystem: "Debian", KernelVersion: "6.12", Driver: "overlay2", CgroupVersion: "2",
		SecurityOptions: []string{"name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"},
		MemoryLimit:     true, PidsLimit: true, CPUCfsPeriod: true,
	})).To(Equal(Info{
		System: "Debian", Kernel: "6.12", Storage: "overlay2", Cgroup: "2", Rootless: true, Memory: true, Pids: true,
	}))
	g.Expect(infoOf(system.Info{SecurityOptions: []string{"name=userns"}})).To(Equal(Info{Cgroup: "1", Remapped: true}))
}

func TestPodmanIsToldFromDocker(t *testing.T) {
	g := NewWithT(t)
	of := func(name string) client.ServerVersionResult {
		return client.ServerVersionResult{Components: []system.ComponentVersion{{Name: name}}}
	}
	g.Expect(kindOf(of("Podman Engine"))).To(Equal("Podman"))
	g.Expect(kindOf(of("Engine"))).To(Equal("Docker"))
}
