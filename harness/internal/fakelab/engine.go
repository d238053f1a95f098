package fakelab

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/system"
)

// An Engine speaks as much of Docker's API as a lab takes.
type Engine struct {
	// Host is its address, for DOCKER_HOST.
	Host string
	// Info is what it says of itself.
	Info system.Info
	// Podman makes it one.
	Podman bool
	// Refuse is asked before a request is done: another status than 0 is the answer to it. Nil refuses none.
	Refuse func(method, path string) (status int, message string)

	server *httptest.Server

	mu         sync.Mutex
	images     map[string]image
	containers map[string]*Container
	made       int
}

type image struct {
	agent, beside *Agent
	config        map[string]any
}

// A Container is one that an engine has made, and not removed.
type Container struct {
	ID, Image string
	Host      container.HostConfig
	Files     []string // those that were copied into it
	Runs      bool

	agent, beside *Agent
	conn          net.Conn // its standard streams
}

// NewEngine starts an engine that has all images of the project's own, with an agent that does nothing of note. Close ends it.
func NewEngine() *Engine {
	e := &Engine{
		Info:   system.Info{OperatingSystem: "Test", KernelVersion: "6.1.0", Driver: "overlay2", CgroupVersion: "2", MemoryLimit: true, PidsLimit: true, CPUCfsPeriod: true, CPUCfsQuota: true},
		images: map[string]image{}, containers: map[string]*Container{},
	}
	e.server = httptest.NewServer(http.HandlerFunc(e.serve))
	e.Host = "tcp://" + e.server.Listener.Addr().String()
	return e
}

// Close ends the engine and what runs on it.
func (e *Engine) Close() {
	for _, c := range e.Containers() {
		e.remove(c.ID)
	}
	e.server.Close()
}

// Has gives the engine an image. Beside are the agents of containers that join those of the image; nil for ones of no note. Start
// is what the image says of how it is started, as the API has it: "User", "Entrypoint".
func (e *Engine) Has(name string, agent, beside *Agent, start map[string]any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.images[name] = image{agent, beside, start}
}

// Containers are those that there are, by their IDs.
func (e *Engine) Containers() (all []Container) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Container) int { return strings.Compare(a.ID, b.ID) })
	return all
}

var versioned = regexp.MustCompile(`^/v1\.\d+`)

func (e *Engine) serve(w http.ResponseWriter, r *http.Request) {
	path := versioned.ReplaceAllString(r.URL.Path, "")
	if e.Refuse != nil {
		if status, message := e.Refuse(r.Method, path); status != 0 {
			reply(w, status, map[string]string{"message": message})
			return
		}
	}
	w.Header().Set("Api-Version", "1.47")
	w.Header().Set("Ostype", "linux")
	kind, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case kind == "_ping":
		reply(w, http.StatusOK, nil)
	case kind == "version":
		component := "Engine"
		if e.Podman {
			component = "Podman Engine"
		}
		reply(w, http.StatusOK, map[string]any{
			"Version": "1.0", "ApiVersion": "1.47", "MinAPIVersion": "1.24", "Os": "linux", "Arch": runtime.GOARCH,
			"Components": []map[string]string{{"Name": component, "Version": "1.0"}},
		})
	case kind == "info":
		reply(w, http.StatusOK, e.Info)
	case rest == "json" || kind == "volumes": // a list of what is left of others
		if kind == "volumes" {
			reply(w, http.StatusOK, map[string]any{})
			return
		}
		reply(w, http.StatusOK, []any{})
	case kind == "images":
		e.inspectImage(w, strings.TrimSuffix(rest, "/json"))
	case path == "/containers/create":
		e.create(w, r)
	case kind == "containers":
		e.container(w, r, rest)
	default:
		reply(w, http.StatusNotImplemented, map[string]string{"message": "a test's engine knows no " + path})
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func notFound(w http.ResponseWriter, what string) {
	reply(w, http.StatusNotFound, map[string]string{"message": "no such " + what})
}

// image is one that the engine has. Of its own the agents do nothing of note.
func (e *Engine) image(name string) (i image, there bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, there = e.images[name]
	if !there && strings.HasPrefix(name, "badgateway/") {
		return image{agent: NewAgent()}, true
	}
	return i, there
}

func (e *Engine) inspectImage(w http.ResponseWriter, name string) {
	i, there := e.image(name)
	if !there {
		notFound(w, "image")
		return
	}
	reply(w, http.StatusOK, map[string]any{"Id": "sha256:" + name, "Config": i.config})
}

func (e *Engine) create(w http.ResponseWriter, r *http.Request) {
	var spec struct {
		Image      string
		HostConfig container.HostConfig
	}
	if err := json.NewDecoder(r.Body).Decode(&spec); err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
		return
	}
	i, there := e.image(spec.Image)
	if !there {
		notFound(w, "image")
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.made++
	c := &Container{ID: fmt.Sprintf("container-%d", e.made), Image: spec.Image, Host: spec.HostConfig, agent: i.agent, beside: i.beside}
	if joined := e.containers[strings.TrimPrefix(string(c.Host.NetworkMode), "container:")]; joined != nil && joined.beside != nil {
		c.agent = joined.beside
	}
	e.containers[c.ID] = c
	reply(w, http.StatusCreated, map[string]any{"Id": c.ID})
}

func (e *Engine) container(w http.ResponseWriter, r *http.Request, rest string) {
	id, what, _ := strings.Cut(rest, "/")
	e.mu.Lock()
	c := e.containers[id]
	e.mu.Unlock()
	if c == nil {
		notFound(w, "container")
		return
	}
	switch r.Method + " " + what {
	case "PUT archive":
		e.copyIn(w, r, c)
	case "GET archive":
		copyOut(w)
	case "POST attach":
		e.attach(w, c)
	case "POST start":
		e.start(c)
		reply(w, http.StatusNoContent, nil)
	case "POST stop":
		reply(w, http.StatusNoContent, nil)
	case "POST update":
		var to container.Resources
		if err := json.NewDecoder(r.Body).Decode(&to); err == nil {
			e.mu.Lock()
			c.Host.CPUPeriod, c.Host.CPUQuota = to.CPUPeriod, to.CPUQuota
			e.mu.Unlock()
		}
		reply(w, http.StatusOK, map[string]any{})
	case "POST wait":
		reply(w, http.StatusOK, map[string]any{"StatusCode": 0})
	case "GET stats":
		reply(w, http.StatusOK, map[string]any{"memory_stats": map[string]any{"usage": 1 << 20}})
	case "DELETE ":
		e.remove(id)
		reply(w, http.StatusNoContent, nil)
	default:
		reply(w, http.StatusNotImplemented, map[string]string{"message": "a test's engine knows no " + r.Method + " " + what})
	}
}

func (e *Engine) copyIn(w http.ResponseWriter, r *http.Request, c *Container) {
	archive, err := unpacked(r.Body)
	for err == nil {
		var h *tar.Header
		if h, err = archive.Next(); err == nil {
			e.mu.Lock()
			c.Files = append(c.Files, h.Name)
			e.mu.Unlock()
		}
	}
	if err != io.EOF {
		reply(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
		return
	}
	reply(w, http.StatusOK, nil)
}

// unpacked reads an archive that may be packed with gzip.
func unpacked(r io.Reader) (*tar.Reader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); string(magic) != "\x1f\x8b" {
		return tar.NewReader(b), nil
	}
	z, err := gzip.NewReader(b)
	return tar.NewReader(z), err
}

// copyOut answers a file of a container: all have this one alone.
func copyOut(w http.ResponseWriter) {
	const text = "a file of the image"
	var archive bytes.Buffer
	t := tar.NewWriter(&archive)
	_ = t.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg})
	_, _ = io.WriteString(t, text)
	_ = t.Close()
	w.Header().Set("X-Docker-Container-Path-Stat", "e30=") // {} in base64
	w.Header().Set("Content-Type", "application/x-tar")
	_, _ = w.Write(archive.Bytes())
}

func (e *Engine) attach(w http.ResponseWriter, c *Container) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"message": err.Error()})
		return
	}
	e.mu.Lock()
	c.conn = conn // before the lab knows, which starts it then
	e.mu.Unlock()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
}

// start has the container's agent serve. When its session ends, the engine removes the container.
func (e *Engine) start(c *Container) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.Runs = true
	if c.conn == nil || c.agent == nil {
		return
	}
	go func() {
		_ = c.agent.server().Serve(stdio{c.conn})
		e.remove(c.ID)
	}()
}

func (e *Engine) remove(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.containers[id]; c != nil && c.conn != nil {
		c.conn.Close()
	}
	delete(e.containers, id)
}

// stdio writes as the engine passes on what a container prints: in frames, each of one of its streams.
type stdio struct{ net.Conn }

func (s stdio) Write(b []byte) (int, error) {
	frame := append([]byte{1, 0, 0, 0}, binary.BigEndian.AppendUint32(nil, uint32(len(b)))...)
	if _, err := s.Conn.Write(append(frame, b...)); err != nil {
		return 0, err
	}
	return len(b), nil
}
