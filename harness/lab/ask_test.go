package lab

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestRequestRaw(t *testing.T) {
	for name, c := range map[string]struct {
		request    Request
		line, want string
	}{
		"nothing said": {Request{}, "GET /", "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"},
		"all said": {
			Request{Method: "POST", Path: "/a?b", Host: "shop.test", Header: http.Header{"X-B": {"2", "3"}, "X-A": {"1"}}, Body: "four"},
			"POST /a?b",
			"POST /a?b HTTP/1.1\r\nHost: shop.test\r\nX-A: 1\r\nX-B: 2\r\nX-B: 3\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfour",
		},
	} {
		if got := c.request.line(); got != c.line {
			t.Errorf("%s: the line is %q, want %q", name, got, c.line)
		}
		if got := string(c.request.head(false)) + c.request.Body; got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestEveryVisitorAsksFromAnAddressOfTheCell(t *testing.T) {
	c := &Sandbox{}
	owned := netip.MustParsePrefix(addresses(Setup{})[1])
	last := ""
	for range 600 {
		spec, err := c.askSpec(t.Context(), Request{}, manner{}, atMost)
		if err != nil {
			t.Fatal(err)
		}
		if !owned.Contains(netip.MustParseAddr(spec.From)) {
			t.Errorf("the sandbox has no address %s", spec.From)
		}
		if spec.From == last {
			t.Errorf("two visitors in a row ask from %s, so that their log lines can't be told apart", last)
		}
		last = spec.From
	}
}

func TestAddressesAreGivenOnce(t *testing.T) {
	got := addresses(Setup{
		Gateway: Gateway{Hosts: map[string]string{"app": "10.0.0.5", "six": "2001:db8::5"}},
		Upstreams: []Upstream{
			{Name: "app", Real: &Backend{Listen: "10.0.0.5:8080"}}, {Name: "admin", Real: &Backend{Listen: "10.0.0.5:9000"}},
			{Name: "six", Real: &Backend{Listen: "[2001:db8::5]:80"}}, {Name: "local", Real: &Backend{Listen: "127.0.0.1:80"}},
			{Name: "all", Real: &Backend{Listen: "[::]:80"}}, {Name: "socket", Real: &Backend{Listen: "unix:/run/a:b.sock"}},
		},
	})
	count := map[string]int{}
	for _, a := range got {
		count[a]++
	}
	for _, a := range []string{GatewayAddress, "10.0.0.5", "2001:db8::5", "198.51.100.1/24"} {
		if count[a] != 1 {
			t.Errorf("%s is given %d times", a, count[a])
		}
	}
	if len(got) != 1+1+2 {
		t.Errorf("the sandbox has the addresses %v", got)
	}
}
