//go:build linux

package agent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// calls connects as the gateway would.
func calls(c *sandbox, network, address string) (conn net.Conn, err error) {
	if network == "unix" {
		err = c.inside(c.life, func() error { conn, err = net.Dial(network, address); return err })
		return conn, err
	}
	err = c.online(func() error { conn, err = net.Dial(network, address); return err })
	return conn, err
}

// asks asks an upstream as the gateway would, and gives the body of the answer.
func asks(t *testing.T, c *sandbox, network, address string) string {
	t.Helper()
	conn, err := calls(c, network, address)
	if err != nil {
		t.Errorf("calling %s: %v", address, err)
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n"); err != nil {
		t.Errorf("asking %s: %v", address, err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Errorf("the answer of %s: %v", address, err)
		return ""
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("the answer of %s: %v", address, err)
	}
	return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(body)))
}

func TestWorld_UpstreamsAnswerAndBehaveAsTheyAreTold(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{Addresses: hosts, CatchAll: &agentapi.CatchAllSpec{Sockets: []string{"/run/app/app.sock"}}})
	if got := asks(t, c, "tcp", "203.0.113.9:8080"); got != "200 badgateway: 203.0.113.9:8080 answers" {
		t.Errorf("any address answers %q", got)
	}
	if got := asks(t, c, "unix", "/run/app/app.sock"); got != "200 badgateway: unix:/run/app/app.sock answers" {
		t.Errorf("a socket answers %q", got)
	}
	var news agentapi.Events
	l.do(c.id, "DrainEvents", agentapi.None{}, &news)
	var called []string
	for _, call := range news.Calls {
		called = append(called, fmt.Sprint(call.At, " ", len(call.Record.Requests)))
	}
	if want := []string{"203.0.113.9:8080 1", "unix:/run/app/app.sock 1"}; !slices.Equal(called, want) {
		t.Errorf("the news tell of %q", called)
	}
	if l.do(c.id, "DrainEvents", agentapi.None{}, &news); len(news.Calls) != 0 {
		t.Errorf("they tell of it again: %+v", news.Calls)
	}

	l.do(c.id, "SetBehaviour", agentapi.BehaviourSpec{Upstreams: []agentapi.UpstreamBehaviour{
		{At: "203.0.113.9:8080", Down: "refused"}, {At: "unix:/run/app/app.sock", Down: "refused"},
		{At: "[2001:db8::9]:80", Down: "refused"},
		{At: "app:8080", Script: fakeupstream.Always(fakeupstream.Well{Status: 418, Body: "scripted"})},
	}}, nil)
	for network, address := range map[string]string{"tcp": "203.0.113.9:8080", "unix": "/run/app/app.sock", "tcp6": "[2001:db8::9]:80"} {
		if conn, err := calls(c, network, address); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("%s is to refuse, and it is %v, %v", address, conn, err)
		}
	}
	if l.do(c.id, "DrainEvents", agentapi.None{}, &news); !slices.Equal(news.DownCalls, []string{"203.0.113.9:8080", "[2001:db8::9]:80"}) {
		t.Errorf("of what is down the news tell %q", news.DownCalls)
	}
	if l.do(c.id, "DrainEvents", agentapi.None{}, &news); len(news.DownCalls) != 0 {
		t.Errorf("they tell of it again: %q", news.DownCalls)
	}
	if got := asks(t, c, "tcp", net.JoinHostPort(c.catchAll.names.base("app").String(), "8080")); got != "418 scripted" {
		t.Errorf("by its name it answers %q", got)
	}
	if got := asks(t, c, "tcp", "203.0.113.9:8081"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("another port answers %q", got)
	}
	l.do(c.id, "SetBehaviour", agentapi.BehaviourSpec{}, nil)
	if got := asks(t, c, "tcp", "203.0.113.9:8080") + asks(t, c, "unix", "/run/app/app.sock"); strings.Count(got, "200 ") != 2 {
		t.Errorf("what is well again answers %q", got)
	}
	if err := l.Call(t.Context(), c.id, "SetBehaviour", agentapi.BehaviourSpec{Upstreams: []agentapi.UpstreamBehaviour{{At: "nowhere", Down: "off"}}}, &agentapi.None{}); err == nil {
		t.Error("an address that is none can be off")
	}
}

func TestWorld_AnswersForNamesAndDatagrams(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{Addresses: hosts, CatchAll: &agentapi.CatchAllSpec{}})
	exchange := func(address string, datagram []byte) []byte {
		t.Helper()
		conn, err := calls(c, "udp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Write(datagram); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 512)
		n, err := conn.Read(got)
		if err != nil {
			t.Errorf("%s: %v", address, err)
		}
		return got[:n]
	}
	name := dnsmessage.MustNewName("app.internal.")
	question, err := (&dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	var answer dnsmessage.Message
	if err := answer.Unpack(exchange("10.9.8.7:53", question)); err != nil || answer.ID != 7 || len(answer.Answers) != 1 {
		t.Errorf("any name server answers %+v, %v", answer, err)
	}
	if got := string(exchange("10.9.8.7:8125", []byte("hits:1|c"))); got != "hits:1|c" {
		t.Errorf("a datagram comes back as %q", got)
	}
	conn, err := calls(c, "udp", "10.9.8.7:514")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("<13>a line")); err != nil {
		t.Fatal(err)
	}
	var all agentapi.Events
	if err := poll(t.Context(), 10*time.Second, func() (bool, error) {
		news := c.catchAll.drain()
		all.Calls, all.DNSQueries, all.Syslog = append(all.Calls, news.Calls...), append(all.DNSQueries, news.DNSQueries...), append(all.Syslog, news.Syslog...)
		return len(all.Syslog) > 0, nil
	}); err != nil {
		t.Errorf("the line of a log: %v", err)
	}
	if len(all.DNSQueries) != 1 || all.DNSQueries[0].Name != "app.internal" || all.DNSQueries[0].Got == "" {
		t.Errorf("it tells of the questions %+v", all.DNSQueries)
	}
	if len(all.Calls) != 1 || all.Calls[0].At != "10.9.8.7:8125" || !all.Calls[0].UDP {
		t.Errorf("it tells of the datagrams %+v", all.Calls)
	}
	if !slices.Equal(all.Syslog, []string{"<13>a line"}) {
		t.Errorf("it tells of the lines %q", all.Syslog)
	}
}

// What the gateway calls of its own is its own, and no upstream's, unless it does so without end.
func TestWorld_LetsTheGatewayCallItself(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{Addresses: hosts, CatchAll: &agentapi.CatchAllSpec{}})
	l.answers(c, func(conn net.Conn) { conn.Write([]byte("HTTP/1.1 204 itself\r\nContent-Length: 0\r\n\r\n")) })
	if got := asks(t, c, "tcp", gatewayAt); got != "204 " {
		t.Errorf("it answers itself %q", got)
	}
	if news := c.catchAll.drain(); len(news.Calls) != 1 || !news.Calls[0].Self || news.Loop {
		t.Errorf("it tells of %+v", news)
	}
	for range selfLimit {
		asks(t, c, "tcp", gatewayAt)
	}
	conn, err := calls(c, "tcp", gatewayAt)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("one call too many gets %d bytes", n)
	}
	if news := c.catchAll.drain(); !news.Loop {
		t.Error("a call without end is not told of")
	}
}

func TestWorld_KeepsItsFilesToItself(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{Addresses: hosts, CatchAll: &agentapi.CatchAllSpec{}})
	l.do(c.id, "Put", agentapi.PutSpec{Files: []agentapi.File{
		{Path: "/srv/site", Dir: true, Mode: 0o750, User: "7:8"}, {Path: "/srv/site/a.conf", Data: "a"},
		{Path: "/srv/site/b.conf", Link: "a.conf"}, {Path: "/var/cache/x/1", Data: "1"},
		{Path: "/tmp/t", Data: "t", Mode: 0o600}, {Path: "/etc/hostname", Gone: true},
	}}, nil)
	var ran agentapi.Executed
	l.do(c.id, "Exec", agentapi.ExecSpec{Argv: []string{"stat", "-c", "%a %u:%g", "/srv/site"}}, &ran)
	if ran.Output != "750 7:8" {
		t.Errorf("the folder is %q", ran.Output)
	}
	var found []string
	l.do(c.id, "Look", agentapi.LookSpec{Paths: []string{"/srv/site/a.conf", "/etc/hostname", "/srv/none"}}, &found)
	if !slices.Equal(found, []string{"/srv/site/a.conf"}) {
		t.Errorf("there are %q", found)
	}
	var names []string
	if l.do(c.id, "Names", agentapi.NameRef{Name: "/srv/site"}, &names); !slices.Equal(names, []string{"a.conf", "b.conf"}) {
		t.Errorf("the folder holds %q", names)
	}
	if l.do(c.id, "Names", agentapi.NameRef{Name: "/srv/none"}, &names); len(names) != 0 {
		t.Errorf("a folder that is not there holds %q", names)
	}
	tree := agentapi.Tree{}
	if l.do(c.id, "ReadTree", agentapi.NameRef{Name: "/srv"}, &tree); tree["/srv/site/a.conf"] != "a" {
		t.Errorf("the tree has %q", tree)
	}
	var written []agentapi.File
	l.do(c.id, "Written", agentapi.None{}, &written)
	paths := map[string]agentapi.File{}
	for _, f := range written {
		paths[f.Path] = f
	}
	if f := paths["/srv/site"]; !f.Dir || f.Mode != 0o750 || f.User != "7:8" {
		t.Errorf("a folder that was written is %+v", f)
	}
	if f := paths["/tmp/t"]; f.Data != "t" || f.Mode != 0o600 {
		t.Errorf("a file that was written is %+v", f)
	}
	if paths["/srv/site/b.conf"].Link != "a.conf" {
		t.Errorf("a link that was written is %+v", paths["/srv/site/b.conf"])
	}
	// What one has written can be put into another.
	other := l.open(agentapi.SandboxSpec{Addresses: hosts, CatchAll: &agentapi.CatchAllSpec{}})
	l.do(other.id, "Put", agentapi.PutSpec{Files: written}, nil)
	l.do(c.id, "Wipe", agentapi.WipeSpec{Folders: []string{"/var/cache/x", "/srv/none"}}, nil)
	var read agentapi.FileText
	if l.do(c.id, "Read", agentapi.NameRef{Name: "/var/cache/x/1"}, &read); !read.Missing {
		t.Errorf("what was emptied has %+v", read)
	}
	if l.do(other.id, "Read", agentapi.NameRef{Name: "/var/cache/x/1"}, &read); read.Text != "1" {
		t.Errorf("the other sandbox has %+v", read)
	}
	if err := l.Call(t.Context(), c.id, "Put", agentapi.PutSpec{Files: []agentapi.File{{Path: "/big", Data: strings.Repeat("x", catchAllBytes)}}}, &agentapi.None{}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("more than a sandbox holds ends with %v", err)
	}
}

func TestWorld_PassesTime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c, _ := l.worldOf(sleeps, true)
	for range 2 {
		before := c.clock.ahead()
		l.do(c.id, "Pass", agentapi.MoveSpec{Offset: time.Minute}, nil)
		if passed := c.clock.ahead() - before; passed != time.Minute {
			t.Errorf("a minute passes in %v", passed)
		}
	}
	var text agentapi.FileText
	if l.do(c.id, "Read", agentapi.NameRef{Name: faketimerc}, &text); text.Text != c.clockText(2*time.Minute) {
		t.Errorf("its programs find %q", text.Text)
	}
}
