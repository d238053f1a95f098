package lab

import (
	"context"
	"strings"
	"testing"
)

func TestOptions_ThatDoNotGoTogetherAreRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := (&Lab{}).newSandbox(Setup{}, &Program{})
	within := Within(WaitWindow{})
	for _, options := range [][]Option{{within, KeepAlive()}, {OverHTTP2(), within}} {
		if _, err := c.Do(ctx, Request{}, options...); err == nil || !strings.Contains(err.Error(), "leave out KeepAlive and OverHTTP2") {
			t.Errorf("Do: %v", err)
		}
	}
	for _, o := range []Option{within, KeepAlive()} {
		if err := c.StartBackground(ctx, Request{}, Condition{}, o); err == nil || !strings.Contains(err.Error(), "leave out Within and KeepAlive") {
			t.Errorf("StartBackground: %v", err)
		}
	}
}

func TestOptions_SayWhereAndHowTheClientAsks(t *testing.T) {
	t.Parallel()
	c := (&Lab{}).newSandbox(Setup{}, &Program{})
	kept := KeepAlive()
	spec := func(o ...Option) string {
		m, err := mannerOf(o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.askSpec(t.Context(), Request{}, m, atMost)
		if err != nil {
			t.Fatal(err)
		}
		_, host, _ := strings.Cut(string(s.Raw), "Host: ")
		host, _, _ = strings.Cut(host, "\r\n")
		return strings.Join([]string{s.From, s.To, host, s.ServerName}, " ")
	}
	for _, one := range []struct{ got, want string }{
		{spec(), "198.51.100.1 192.0.2.80:80 example.com "},
		{spec(kept), "198.51.100.2 192.0.2.80:80 example.com "},
		{spec(OverTLS("shop.test"), kept), "198.51.100.2 192.0.2.80:443 shop.test shop.test"},
		{spec(At("192.0.2.80:8443"), OverTLS("shop.test"), KeepAlive()), "198.51.100.4 192.0.2.80:8443 shop.test shop.test"},
	} {
		if one.got != one.want {
			t.Errorf("%q, not %q", one.got, one.want)
		}
	}
}
