package fakeupstream

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

// screen is an output that can be read while it is written.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// launch runs the program for the length of the test, and waits for its control API.
func launch(t *testing.T, args ...string) (api string, out *screen) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out = &screen{}
	code := make(chan int, 1)
	go func() { code <- run(ctx, append(args, "--control", "127.0.0.1:0"), out, out) }()
	t.Cleanup(func() {
		cancel()
		if c := <-code; c != exitOK {
			t.Errorf("exit code %d: %s", c, out)
		}
	})
	found := regexp.MustCompile(`control on (http://[^/]*)/`)
	NewWithT(t).Eventually(out.String, testTimeout).Should(MatchRegexp(found.String()))
	return found.FindStringSubmatch(out.String())[1], out
}

func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(b)
}

func TestControl(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	api, out := launch(t)
	status, text := call(t, "GET", api+"/", "")
	g.Expect(status).To(Equal(200))
	g.Expect(text).To(ContainSubstring("POST   /upstreams"))
	_, text = call(t, "GET", api+"/behaviours", "")
	g.Expect(text).To(ContainSubstring("fastcgi-stderr"))

	status, text = call(t, "POST", api+"/upstreams", `{"name":"app","listen":"127.0.0.1:0","script":[{"do":"well","status":404}]}`)
	g.Expect(status).To(Equal(201))
	var app view
	g.Expect(json.Unmarshal([]byte(text), &app)).To(Succeed())
	status, _ = call(t, "GET", "http://"+app.Address+"/x", "")
	g.Expect(status).To(Equal(404))
	// The line is written when the client has its answer already.
	g.Eventually(out.String).Should(MatchRegexp(`\d\d:\d\d:\d\d\.\d\d\d app connection 1 from 127\.0\.0\.1:\d+: GET /x -> answer 404\n`))
	_, text = call(t, "GET", api+"/upstreams/app/records", "")
	var records []ConnectionRecord
	g.Expect(json.Unmarshal([]byte(text), &records)).To(Succeed())
	g.Expect(records[0].Requests[0].URI).To(Equal("/x"))

	status, text = call(t, "PUT", api+"/upstreams/app", `{"script":[{"do":"well","status":500}]}`)
	g.Expect(status).To(Equal(200), text)
	status, _ = call(t, "GET", "http://"+app.Address+"/", "")
	g.Expect(status).To(Equal(500))

	status, _ = call(t, "POST", api+"/reset", "")
	g.Expect(status).To(Equal(204))
	status, _ = call(t, "GET", "http://"+app.Address+"/", "")
	g.Expect(status).To(Equal(200))
	_, text = call(t, "GET", api+"/upstreams", "")
	g.Expect(text).To(ContainSubstring(`"requests": 1`))

	status, text = call(t, "POST", api+"/upstreams", `{"name":"app","listen":"127.0.0.1:0"}`)
	g.Expect(status).To(Equal(409), text)
	status, text = call(t, "POST", api+"/upstreams", `{"name":"b","listen":"`+app.Address+`"}`)
	g.Expect(status).To(Equal(409), text)
	status, text = call(t, "POST", api+"/upstreams", `{"listen":"127.0.0.1:0","script":[{"do":"rest"}]}`)
	g.Expect(status).To(Equal(400))
	g.Expect(text).To(ContainSubstring(`did you mean \"reset\"?`))
	status, text = call(t, "GET", api+"/upstreams/ap", "")
	g.Expect(status).To(Equal(404))
	g.Expect(text).To(ContainSubstring(`did you mean \"app\"?`))

	status, _ = call(t, "DELETE", api+"/upstreams/app", "")
	g.Expect(status).To(Equal(204))
	status, _ = call(t, "DELETE", api+"/upstreams/app", "")
	g.Expect(status).To(Equal(404))
}

func TestMain_WithFlags(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	api, _ := launch(t, "--listen", "127.0.0.1:0", "--name", "app", "--do", "drip", "--set", "every=100ms", "--set", "bytes=3",
		"--first", "1", "--status", "418", "--header", "X-A: b", "--tls-fault", "expired", "--tls-name", "app.test", "--ca-file", ca)
	_, text := call(t, "GET", api+"/upstreams/app", "")
	var app view
	g.Expect(json.Unmarshal([]byte(text), &app)).To(Succeed())
	g.Expect(app.Spec.Script).To(Equal(FailFirst(1, Drip{Bytes: 3, Every: 100e6, Answer: Well{Status: 418, Headers: []string{"X-A: b"}}})))
	g.Expect(app.Spec.TLS).To(Equal(&TLS{Names: []string{"app.test"}, Fault: TLSExpired}))
	g.Expect(os.ReadFile(ca)).To(BeEquivalentTo(app.CA))
}

func TestMain_WithAny(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	api, _ := launch(t, "--listen", "127.0.0.1:0", "--name", "app", "--protocol", "any", "--ca-file", ca)
	_, text := call(t, "GET", api+"/upstreams/app", "")
	var app view
	g.Expect(json.Unmarshal([]byte(text), &app)).To(Succeed())
	g.Expect(app.Spec.Protocol).To(Equal(Any))
	g.Expect(os.ReadFile(ca)).To(BeEquivalentTo(app.CA), "it speaks TLS without being told to")
	c, err := net.Dial("tcp", app.Address)
	g.Expect(err).NotTo(HaveOccurred())
	defer c.Close()
	send(t, c, proxied4+"get key\r\n")
	g.Expect(read(t, c, len(okMemcached))).To(Equal(okMemcached))
	_, text = call(t, "GET", api+"/upstreams/app/records", "")
	g.Expect(text).To(ContainSubstring(`"protocol": "memcached"`))
	g.Expect(text).To(ContainSubstring(`"proxied": "10.1.2.3:5555"`))
	g.Expect(text).To(ContainSubstring(`"keep": true`))
}

func TestMain_WithFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "spec.json")
	if err := os.WriteFile(file, []byte(`[{"name":"a","listen":"127.0.0.1:0"},{"name":"b","listen":"127.0.0.1:0","protocol":"fastcgi"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	api, _ := launch(t, "--spec", file)
	_, text := call(t, "GET", api+"/upstreams/b", "")
	NewWithT(t).Expect(text).To(ContainSubstring("fastcgi"))
}

func TestMain_BadInput(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(file, []byte("[\n{\"listen\":\":0\"},\n{oops}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty, stray := filepath.Join(t.TempDir(), "empty.json"), filepath.Join(t.TempDir(), "stray")
	if err := os.WriteFile(empty, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"--first: -2 is negative":                  {"--listen", ":0", "--first", "-2"},
		`--status: want a whole number`:            {"--listen", ":0", "--status", "x"},
		`--tls: want true or false`:                {"--listen", ":0", "--tls=x"},
		"for: -1s is negative":                     {"--listen", ":0", "--do", "delay", "--for", "-1s"},
		"empty.json: nothing to do":                {"--spec", empty},
		"--ca-file: " + stray + "/ca.pem: ":        {"--listen", ":0", "--tls", "--ca-file", stray + "/ca.pem"},
		"Try badgateway fake --help.":              {"--no-such-flag"},
		"nothing to do; give --listen":             {},
		"unexpected argument":                      {"8080"},
		"unknown flag: --lisen":                    {"--lisen", "x"},
		`--do: behaviour.do: no behaviour is call`: {"--listen", ":0", "--do", "rest"},
		`behaviour.at: well has no field "at"`:     {"--listen", ":0", "--at", "body"},
		`listen: "8080" is not host:port`:          {"--listen", "8080"},
		`--set: "x" is not name=value`:             {"--listen", ":0", "--set", "x"},
		"is not a loopback address":                {"--control", "0.0.0.0:1"},
		"bad.json: line 3: not JSON":               {"--spec", file},
		"no such file":                             {"--spec", file + "x"},
		"--listen and --spec do not go together":   {"--spec", file, "--listen", ":0"},
	} {
		t.Run(want, func(t *testing.T) {
			var out, errs bytes.Buffer
			NewWithT(t).Expect(Main(t.Context(), args, &out, &errs)).To(Equal(exitUsage))
			NewWithT(t).Expect(errs.String()).To(ContainSubstring(want))
		})
	}
}

func TestMain_HelpAndList(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	var out, errs bytes.Buffer
	g.Expect(Main(t.Context(), []string{"--help"}, &out, &errs)).To(Equal(exitOK))
	g.Expect(out.String()).To(ContainSubstring("Examples:"))
	g.Expect(out.String()).To(ContainSubstring("--tls-fault"))
	g.Expect(out.String()).NotTo(MatchRegexp(`(?m)^ +fake `), "a line to copy names the whole command")
	out.Reset()
	g.Expect(Main(t.Context(), []string{"--list"}, &out, &errs)).To(Equal(exitOK))
	g.Expect(out.String()).To(ContainSubstring("early-answer"))
	g.Expect(errs.String()).To(BeEmpty())
}

func TestMain_AddressInUse(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t)
	var out, errs bytes.Buffer
	g.Expect(Main(t.Context(), []string{"--listen", s.Addr().String()}, &out, &errs)).To(Equal(exitFailed))
	g.Expect(errs.String()).To(ContainSubstring("in use"))
}

func TestWriteCA_TakesTheNameAndFollowsNoLink(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	dir := t.TempDir()
	file, other := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "other")
	g.Expect(os.WriteFile(other, []byte("kept"), 0o600)).To(Succeed())
	g.Expect(os.Symlink(other, file)).To(Succeed())
	g.Expect(os.Symlink(other, filepath.Join(dir, ".ca.pem.new"))).To(Succeed(), "as somebody may have put there")
	g.Expect(writeCA(file, []byte("certificate"))).To(Succeed())
	g.Expect(os.ReadFile(file)).To(BeEquivalentTo("certificate"))
	g.Expect(os.ReadFile(other)).To(BeEquivalentTo("kept"))
	g.Expect(filepath.Glob(filepath.Join(dir, ".*"))).To(BeEmpty())

	g.Expect(os.Mkdir(file+".d", 0o700)).To(Succeed())
	g.Expect(os.WriteFile(filepath.Join(file+".d", "x"), nil, 0o600)).To(Succeed())
	g.Expect(writeCA(file+".d", nil)).To(MatchError(HavePrefix(file + ".d: ")))
	g.Expect(filepath.Glob(filepath.Join(dir, ".*"))).To(BeEmpty(), "what fails leaves nothing")
}

func TestMain_FileInPlaceOfTheSocket(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	stray := filepath.Join(t.TempDir(), "app.sock")
	if err := os.WriteFile(stray, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	g.Expect(Main(t.Context(), []string{"--listen", "unix:" + stray}, &out, &errs)).To(Equal(exitFailed))
	g.Expect(errs.String()).To(ContainSubstring("exists and is no socket"))
	g.Expect(os.ReadFile(stray)).To(BeEquivalentTo("kept"))
}

// What another site's page can make a browser send must not reach the API.
func TestControl_RefusesOtherOrigins(t *testing.T) {
	t.Parallel()
	f := &fleet{}
	defer f.close()
	api := control(f)
	const spec = `{"listen":"127.0.0.1:0"}`
	const kind, origin, fetch = "Content-Type", "Origin", "Sec-Fetch-Site"
	for _, c := range []struct {
		method, path, body string
		header             []string
		want               int
	}{
		{"POST", "/upstreams", spec, []string{kind, "application/json"}, 201},
		{"POST", "/upstreams", `{"name":"b",` + spec[1:], []string{kind, "application/json; charset=utf-8", origin, "http://127.0.0.1:9900", fetch, "same-origin"}, 201},
		{"POST", "/upstreams", spec, nil, 415},
		{"POST", "/upstreams", spec, []string{kind, "text/plain"}, 415},
		{"POST", "/upstreams", spec, []string{kind, "application/x-www-form-urlencoded"}, 415},
		{"POST", "/upstreams", spec, []string{kind, "text/plain; application/json"}, 415},
		{"PUT", "/upstreams/b", `{"script":[]}`, []string{kind, "text/plain"}, 415},
		{"POST", "/upstreams", spec, []string{kind, "application/json", origin, "https://other.example"}, 403},
		{"POST", "/upstreams", spec, []string{kind, "application/json", origin, "null"}, 403},
		{"POST", "/upstreams", spec, []string{kind, "application/json", origin, "http://127.0.0.1:3000"}, 403},
		{"POST", "/upstreams", spec, []string{kind, "application/json", fetch, "cross-site"}, 403},
		{"POST", "/reset", "", []string{origin, "http://localhost"}, 403},
		{"POST", "/reset", "", []string{fetch, "same-site"}, 403},
		{"DELETE", "/upstreams/b", "", []string{origin, "http://evil.test"}, 403},
		{"GET", "/upstreams/b/records", "", []string{origin, "http://evil.test"}, 403},
		{"GET", "/upstreams/b/records", "", nil, 200},
		{"POST", "/reset", "", nil, 204},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Host = "127.0.0.1:9900"
		for i := 0; i < len(c.header); i += 2 {
			r.Header.Set(c.header[i], c.header[i+1])
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		NewWithT(t).Expect(w.Code).To(Equal(c.want), "%+v: %s", c, w.Body)
	}
	NewWithT(t).Expect(f.all()).To(HaveLen(2))
}

// Who can reach the API can't open this machine to others by it.
func TestControl_ListensOnLoopback(t *testing.T) {
	t.Parallel()
	ask := func(f *fleet, method, path, listen string) (int, string) {
		r := httptest.NewRequest(method, path, strings.NewReader(`{"name":"a","listen":"`+listen+`"}`))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		control(f).ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	g, f := NewWithT(t), &fleet{}
	defer f.close()
	for _, listen := range []string{"0.0.0.0:0", "[::]:0", "10.0.0.5:0"} {
		code, says := ask(f, "POST", "/upstreams", listen)
		g.Expect(code).To(Equal(403), listen)
		g.Expect(says).To(ContainSubstring("--open"))
	}
	code, says := ask(f, "POST", "/upstreams", ":0")
	g.Expect(code).To(Equal(201))
	g.Expect(says).To(ContainSubstring(`"address": "127.0.0.1:`))
	code, _ = ask(f, "PUT", "/upstreams/a", "0.0.0.0:0")
	g.Expect(code).To(Equal(403))
	code, _ = ask(f, "PUT", "/upstreams/a", ":0")
	g.Expect(code).To(Equal(200))

	wide := &fleet{open: true}
	defer wide.close()
	code, _ = ask(wide, "POST", "/upstreams", "0.0.0.0:0")
	g.Expect(code).To(Equal(201))
}

// A web page whose name was made to resolve to this machine must not reach the API.
func TestControl_RefusesOtherHosts(t *testing.T) {
	t.Parallel()
	api := control(&fleet{})
	for host, want := range map[string]int{
		"localhost:9900": 200, "127.0.0.1": 200, "127.0.0.2:1": 200, "[::1]:9900": 200, "[::1]": 200,
		"evil.test:9900": 403, "localhost.evil.test": 403, "10.0.0.5": 403, "": 403,
	} {
		r := httptest.NewRequest("GET", "/upstreams", nil)
		r.Host = host
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		NewWithT(t).Expect(w.Code).To(Equal(want), host)
	}
}
