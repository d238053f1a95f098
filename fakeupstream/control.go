package fakeupstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"
)

const controlHelp = `Fake upstreams: control API

A body is JSON and says so (curl --json does). Upstreams listen on this machine's loopback unless the
program was started with --open.

GET    /                        this text
GET    /behaviours              the behaviours there are
GET    /upstreams               the upstreams, with their specs and counts
POST   /upstreams               start one; the body is a spec, such as
                                {"name":"app","listen":"127.0.0.1:0","script":[{"do":"reset"}]}
GET    /upstreams/NAME          one of them
PUT    /upstreams/NAME          close it and start another in its place, on the same
                                address unless "listen" is given
DELETE /upstreams/NAME          close it
GET    /upstreams/NAME/records  the connections and requests it saw
POST   /reset                   everything well: scripts dropped, connections closed,
                                records cleared
`

// maxSpec is the most bytes of a spec that the control API reads.
const maxSpec = 16 << 20

// control is the HTTP API of a fleet.
func control(f *fleet) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, controlHelp) })
	mux.HandleFunc("GET /behaviours", func(w http.ResponseWriter, _ *http.Request) {
		type behaviour struct {
			Do      string `json:"do"`
			Summary string `json:"summary"`
		}
		var list []behaviour
		for _, e := range Behaviours() {
			list = append(list, behaviour{e.Name, e.Summary})
		}
		reply(w, http.StatusOK, list)
	})
	mux.HandleFunc("GET /upstreams", func(w http.ResponseWriter, _ *http.Request) {
		list := []view{}
		for _, s := range f.all() {
			list = append(list, viewOf(s))
		}
		reply(w, http.StatusOK, list)
	})
	mux.HandleFunc("POST /upstreams", func(w http.ResponseWriter, r *http.Request) {
		spec, err := readSpec(w, r)
		if err == nil {
			err = f.allows(spec)
		}
		if err != nil {
			fail(w, err)
			return
		}
		s, err := f.add(spec)
		if err != nil {
			fail(w, err)
			return
		}
		reply(w, http.StatusCreated, viewOf(s))
	})
	mux.HandleFunc("PUT /upstreams/{name}", func(w http.ResponseWriter, r *http.Request) {
		spec, err := readSpec(w, r)
		if err == nil && spec.Listen != "" {
			err = f.allows(spec)
		}
		if err != nil {
			fail(w, err)
			return
		}
		s, err := f.replace(r.PathValue("name"), spec)
		if err != nil {
			fail(w, err)
			return
		}
		if s == nil {
			missing(w, f, r)
			return
		}
		reply(w, http.StatusOK, viewOf(s))
	})
	mux.HandleFunc("DELETE /upstreams/{name}", func(w http.ResponseWriter, r *http.Request) {
		found, err := f.remove(r.PathValue("name"))
		switch {
		case !found:
			missing(w, f, r)
		case err != nil:
			fail(w, err)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("GET /upstreams/{name}", one(f, func(s *Server) any { return viewOf(s) }))
	mux.HandleFunc("GET /upstreams/{name}/records", one(f, func(s *Server) any { return s.Records() }))
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		if err := f.reset(); err != nil {
			fail(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	foreign := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A web page can have its own name resolve to this machine; its browser then sends that name.
		why := ""
		if !isLoopback(hostOf(r.Host)) {
			why = fmt.Sprintf("the Host %q is not localhost and not a loopback address", r.Host)
		} else if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
			why = fmt.Sprintf("the Origin %q is another site's", origin)
		} else if err := foreign.Check(r); err != nil {
			why = err.Error()
		}
		if why != "" {
			reply(w, http.StatusForbidden, map[string]string{"error": why})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// serveControl serves the API until it is closed.
func serveControl(f *fleet, ln net.Listener) *http.Server {
	api := &http.Server{Handler: control(f), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	go func() { _ = api.Serve(ln) }() // it returns when it is closed
	return api
}

// hostOf is a Host field without its port.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// isLoopback reports whether a host can only mean this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// one is a handler that shows something of one upstream.
func one(f *fleet, show func(*Server) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s := f.get(r.PathValue("name")); s != nil {
			reply(w, http.StatusOK, show(s))
			return
		}
		missing(w, f, r)
	}
}

// errNoJSON refuses what a form on another site's page can send.
var errNoJSON = errors.New(`the body is JSON: say so with "Content-Type: application/json" (curl --json does)`)

func readSpec(w http.ResponseWriter, r *http.Request) (spec Spec, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return spec, errNoJSON
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSpec))
	if err != nil {
		return spec, fmt.Errorf("the body: %w", err)
	}
	if err := json.Unmarshal(body, &spec); err != nil {
		return spec, err
	}
	return spec, nil
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // who asked may be gone
}

// fail tells what was wrong: 409 when something is in the way, and 400 for the rest.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var op *net.OpError
	switch {
	case errors.Is(err, errNoJSON):
		status = http.StatusUnsupportedMediaType
	case errors.Is(err, errOpen):
		status = http.StatusForbidden
	case errors.Is(err, errTaken), errors.As(err, &op):
		status = http.StatusConflict
	}
	reply(w, status, map[string]string{"error": err.Error()})
}

func missing(w http.ResponseWriter, f *fleet, r *http.Request) {
	var names []string
	for _, s := range f.all() {
		names = append(names, s.Name())
	}
	name := r.PathValue("name")
	reply(w, http.StatusNotFound, map[string]string{
		"error": fmt.Sprintf("no upstream is called %q; %s", name, suggest(name, names)),
	})
}

// loopback is the check of the address of the control API, which anyone who can reach it
// can use.
func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf(`--control: %q is not host:port; write "127.0.0.1:9900"`, address)
	}
	if !isLoopback(host) {
		return fmt.Errorf(`--control: %q is not a loopback address, and the API has no password; write "127.0.0.1:9900"`, address)
	}
	return nil
}
