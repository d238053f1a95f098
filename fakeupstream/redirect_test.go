package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestRedirect_NamesTheHostOfTheRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		b       Redirect
		request string
		want    string
	}{
		{Redirect{}, "GET / HTTP/1.1\r\nHost: shop.test:81\r\nConnection: close\r\n\r\n", "HTTP/1.1 301 Moved Permanently\r\nLocation: http://shop.test:81/moved\r\n"},
		{Redirect{Status: 302, Path: "/login?next=%2F"}, "GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: http://app/login?next=%2F\r\n"},
		{Redirect{}, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 301 Moved Permanently\r\nLocation: /moved\r\n"},
	} {
		got, _ := exchangeAll(t, httpWith(t, c.b), c.request)
		NewWithT(t).Expect(got).To(HavePrefix(c.want))
	}
}

func TestRedirect_TakesTheHostOfFastCGIsParameters(t *testing.T) {
	t.Parallel()
	got, _ := exchangeAll(t, fcgiWith(t, Redirect{}), fcgiRequest(false, ""))
	out, _, _ := fcgiStreams(got)
	NewWithT(t).Expect(out).To(HavePrefix("Status: 301 Moved Permanently\r\nLocation: "))
}

func TestRedirect_SaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	for want, b := range map[string]Redirect{"status": {Status: 200}, "path": {Path: "moved"}} {
		NewWithT(t).Expect(b.Check(Endpoint{Protocol: HTTP})).To(MatchError(HavePrefix(want)), want)
	}
	NewWithT(t).Expect(Redirect{}.Check(Endpoint{Protocol: Memcached})).NotTo(Succeed())
}
