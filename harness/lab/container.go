package lab

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/docker"
)

// labContainer is one container of the lab, with the agent as its init.
type labContainer struct {
	container testcontainers.Container
	client    *agentapi.Client
	hello     agentapi.Hello
	engine    *client.Client
	stderr    *bytes.Buffer // what the agent said before it ended; read only once it has
	limited   bool          // it has a share of the processors only, and waits for them as it is meant to
	guard     *docker.Guard // removes the container, should this process end while it is being made
}

type labContainerSpec struct {
	image     string
	sidecarOf *labContainer // the lab's first container, whose namespaces and volume a backend shares
	memory    int64         // bytes; 0 for no limit
	cpus      float64       // 0 for no limit
	// untrusted bounds all that the container may use, see Options.Untrusted
	untrusted bool
}

// What a container for untrusted configs may use. A catch-all sandbox's own bounds are far lower, so that one that reaches them does not
// take the others with it; see the agent.
const (
	untrustedMemory = 1 << 30
	untrustedPids   = 4096
	untrustedVolume = 512 << 20
)

// agentRights are all capabilities that the agent's own work takes, where it has those alone: they include what its jailed
// processes keep of them.
var agentRights = []string{
	"NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "SYS_CHROOT", "SETPCAP",
	"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID",
}

// bound sets the limits of a container for untrusted configs.
func bound(h *container.HostConfig) {
	pids := int64(untrustedPids)
	h.Memory, h.MemorySwap, h.PidsLimit = untrustedMemory, untrustedMemory, &pids
	h.CapDrop, h.CapAdd = []string{"ALL"}, agentRights
	h.Ulimits = append(h.Ulimits, &container.Ulimit{Name: "core"})
}

// sandboxVolume holds the sandboxes' folders in memory; the options are those of tmpfs(5). It has no name, so the engine removes
// it with the container.
func sandboxVolume(options string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Target: agentapi.Root,
		VolumeOptions: &mount.VolumeOptions{
			Labels: docker.Labels(),
			DriverConfig: &mount.Driver{
				Name: "local", Options: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": options},
			},
		},
	}
}

// processors is a share of the processors as the kernel's scheduler takes it: so many microseconds of each period. Podman
// knows no other form.
func processors(share float64) (period, quota int64) {
	const each = 100_000
	return each, int64(share * each)
}

const agentAt = "/badgateway-agent"

// newContainer makes a container with no network, no port and no host path, and speaks to its agent over its standard
// input. When this process ends, in whatever way, the engine closes that input and the container goes.
func (l *Lab) newContainer(ctx context.Context, spec labContainerSpec) (*labContainer, error) {
	s := &labContainer{engine: l.engine.Client(), stderr: &bytes.Buffer{}, limited: spec.cpus > 0}
	agent, files := agentAt, map[string][]byte{agentAt: l.agent}
	if spec.sidecarOf != nil {
		// It runs there already, and the process namespace is the same: it need not cross the link to the engine again.
		agent, files = fmt.Sprintf("/proc/%d/exe", spec.sidecarOf.hello.PID), map[string][]byte{}
	}
	if !l.options.RealTime {
		lib, err := l.engine.FaketimeFor(ctx, spec.image)
		if err != nil {
			return nil, err
		}
		files[agentapi.FaketimeAt] = lib
	}
	if err := s.make(ctx, l.engine, containerName(spec.image), containerConfig(spec, agent), hostConfig(spec), files); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := s.client.Call(ctx, "", "Hello", agentapi.None{}, &s.hello); err != nil {
		err = fmt.Errorf("the lab's program in the container did not answer: %w %s", err, bytes.TrimSpace(s.stderr.Bytes()))
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// containerName says in a list of containers whose it is and what runs in it: "badgateway-mariadb-1f3a9c07".
func containerName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	program, _, _ := strings.Cut(path.Base(image), ":")
	return fmt.Sprintf("badgateway-%s-%08x", program, rand.Uint32())
}

// containerConfig makes the agent the container's init, with its standard streams for us.
func containerConfig(spec labContainerSpec, agent string) *container.Config {
	return &container.Config{
		Image:      spec.image,
		Labels:     docker.Labels(),
		Entrypoint: []string{agent, "agent"},
		User:       "0:0",
		OpenStdin:  true, StdinOnce: true,
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		StopSignal:  "SIGKILL",
	}
}

// hostConfig says what the container may do and use.
func hostConfig(spec labContainerSpec) *container.HostConfig {
	h := &container.HostConfig{
		AutoRemove: true,
		// A sandbox is a network and a mount namespace of its own.
		CapAdd:      []string{"NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"},
		SecurityOpt: []string{"apparmor=unconfined"},
		NetworkMode: "none",
	}
	if spec.sidecarOf == nil {
		// Open to all, as the folder's owner may be none of the container's users (userns-remap).
		options := "mode=1777"
		if spec.untrusted {
			options += fmt.Sprintf(",size=%d", untrustedVolume)
		}
		h.Mounts = append(h.Mounts, sandboxVolume(options))
	} else {
		id := spec.sidecarOf.container.GetContainerID()
		h.NetworkMode = container.NetworkMode("container:" + id)
		h.PidMode = container.PidMode("container:" + id)
		h.VolumesFrom = []string{id}
	}
	if spec.memory > 0 {
		h.Memory, h.MemorySwap = spec.memory, spec.memory
	}
	if spec.cpus > 0 {
		h.CPUPeriod, h.CPUQuota = processors(spec.cpus)
	}
	if spec.untrusted {
		bound(h)
	}
	return h
}

// openSandbox opens a sandbox. What was opened after all, when ctx ended meanwhile, is closed.
func (s *labContainer) openSandbox(ctx context.Context, spec agentapi.SandboxSpec) (opened agentapi.SandboxOpened, err error) {
	if err = s.client.Call(ctx, "", "Open", spec, &opened); err != nil && ctx.Err() != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		err = errors.Join(err, s.closeSandbox(ctx, spec.ID))
	}
	return opened, unregistered(err)
}

// closeSandbox closes a sandbox. All of them are closed when the lab is gone.
func (s *labContainer) closeSandbox(ctx context.Context, id string) error {
	err := s.client.Call(ctx, id, "Close", agentapi.None{}, &agentapi.None{})
	if errors.Is(err, agentapi.ErrGone) {
		return nil
	}
	return err
}

// make makes and starts the container, with the files in it. It does not obey the caller's end at once: the engine completes
// what it has begun in any case, and only who has waited for it can remove it.
func (s *labContainer) make(ctx context.Context, e *docker.Engine, name string, c *container.Config, h *container.HostConfig, files map[string][]byte) error {
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	s.guard = e.Guard(patient)
	made, err := s.engine.ContainerCreate(patient, client.ContainerCreateOptions{Name: name, Config: c, HostConfig: h})
	if err != nil {
		if patient.Err() == nil {
			s.guard.Gone() // the engine said that it made none
		}
		return fmt.Errorf("making the container: %w", err)
	}
	s.container = containerOf(s.engine, made.ID)
	if err = copyInto(patient, e, made.ID, files); err == nil {
		err = s.attach(patient, s.engine, made.ID)
	}
	if err == nil {
		err = s.container.Start(patient)
	}
	if err == nil {
		s.guard.Made()
		err = context.Cause(ctx)
	}
	if err != nil {
		err = errors.Join(err, s.remove())
	}
	return err
}

// copyInto puts programs into a container that has not started. Testcontainers can do it too, but always packs them with
// gzip. That takes longer than all the rest of the start, and is worth it only where a network is in between.
func copyInto(ctx context.Context, e *docker.Engine, id string, files map[string][]byte) error {
	var archive bytes.Buffer
	var packed io.WriteCloser = plain{&archive}
	if e.Far() {
		packed, _ = gzip.NewWriterLevel(&archive, gzip.BestSpeed) // it knows that level
	}
	w := tar.NewWriter(packed)
	for path, data := range files {
		header := &tar.Header{Name: path, Mode: 0o755, Size: int64(len(data)), Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		return err
	}
	_, err := e.Client().CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: "/", Content: &archive})
	if err != nil {
		return fmt.Errorf("copying the lab's program into the container: %w", err)
	}
	return nil
}

// plain is a writer that packs nothing.
type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// attach connects to the container's standard streams before it starts. The caller's context bounds that only: the connection
// lives as long as the lab.
func (s *labContainer) attach(ctx context.Context, c *client.Client, id string) error {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })
	attached, err := c.ContainerAttach(life, id, client.ContainerAttachOptions{
		Stream: true, Stdin: true, Stdout: true, Stderr: true,
	})
	if !stop() && err != nil {
		return fmt.Errorf("attaching to the container, which the engine did not answer in time: %w", err)
	}
	if err != nil {
		// Of what Podman says to this, only the status comes through. It has begun to start the container, so asked to do just
		// that it says the same again.
		if _, why := c.ContainerStart(ctx, id, client.ContainerStartOptions{}); why != nil {
			err = why
		}
		return fmt.Errorf("attaching to the container: %w", err)
	}
	read, write := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(write, s.stderr, attached.Reader)
		write.CloseWithError(errors.Join(err, io.EOF))
	}()
	s.client, err = agentapi.Dial(&streams{Reader: read, attached: attached.HijackedResponse})
	return err
}

// streams is the container's standard output to read, its standard input to write.
type streams struct {
	io.Reader
	attached client.HijackedResponse
}

func (s *streams) Write(b []byte) (int, error) { return s.attached.Conn.Write(b) }
func (s *streams) Close() error                { s.attached.Close(); return nil }

// close ends the session: the agent ends, the kernel ends all else in the container, the engine removes it.
func (s *labContainer) close() error {
	var err error
	if s.client != nil {
		err = s.client.Close()
	}
	return errors.Join(err, s.remove())
}

// remove makes sure that the container is gone before it returns.
func (s *labContainer) remove() error {
	err := s.terminate()
	if err == nil {
		s.guard.Gone()
	}
	return err
}

func (s *labContainer) terminate() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := s.container.Terminate(ctx, testcontainers.StopTimeout(0))
	switch { // its program ended with the session, so the engine may be at it
	case errdefs.IsConflict(err):
		return s.removed(ctx)
	case errdefs.IsNotFound(err):
		return nil
	}
	return err
}

// removed waits until the engine has removed the container.
func (s *labContainer) removed(ctx context.Context) error {
	gone := s.engine.ContainerWait(ctx, s.container.GetContainerID(), client.ContainerWaitOptions{
		Condition: container.WaitConditionRemoved,
	})
	select {
	case <-gone.Result:
		return nil
	case err := <-gone.Error:
		if errdefs.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("waiting until the container is removed: %w", err)
	}
}
