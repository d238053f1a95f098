package measure

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
)

// What is printed is copied into a shell: a config's names must not be commands there.
func TestKept_AskIsOneCommand(t *testing.T) {
	const evil = "';touch owned;'$(touch owned)`touch owned`\"\\ &|>x"
	k := &Kept{m: &measurement{route: &route{Route: audit.Route{Ask: audit.ClientRequest{
		Method: "GET" + evil, URL: "https://shop.example.com" + evil + ":8443/a" + evil, Header: map[string]string{"B": evil, "A" + evil: "x"},
	}}}}}
	command := k.Ask("127.0.0.1:5")
	out, err := exec.Command("sh", "-c", `curl() { for word; do printf '<%s>' "$word"; done; }; `+command).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, command)
	}
	want := "<-i><-k><-X><GET" + evil + "><--connect-to><shop.example.com" + evil + ":8443:127.0.0.1:5><-H><A" + evil + ": x><-H><B: " + evil + "><https://shop.example.com" + evil + ":8443/a" + evil + ">"
	if string(out) != want {
		t.Errorf("a shell reads %s\nas    %s\nnot as %s", command, out, want)
	}
	k.m.route.Ask = audit.ClientRequest{Method: "GET", URL: "http://shop.example.com/a?b=1"}
	if got := k.Ask("127.0.0.1:5"); !strings.HasSuffix(got, " 'http://shop.example.com/a?b=1'") {
		t.Errorf("printed: %s", got)
	}
}
