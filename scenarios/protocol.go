package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// protocol is what goes wrong where the gateway calls the wrong port, or speaks another protocol than the application.
var protocol = []scenario.Scenario{
	{
		ID:     "wrong-port",
		Claim:  "The application listens on 8081 and the gateway calls 8080: nothing listens there, 502 at once.",
		Family: "protocol", Causes: []string{"A2"}, Gateway: onNginx("proxy.conf"),
		Fault:    "the application listens on another port",
		Variants: movedTo("10.0.0.5:8081"),
		Expect:   connectFails("error", 111),
		Confirm:  "ss -ltnp on the application's host: the port in proxy_pass is not among those of the application.",
		Remedy:   "proxy_pass http://10.0.0.5:8081; and nginx -s reload, or let the application listen on 8080.",
		Source:   proxyPass,
	},
	{
		ID: "loopback-only",
		Claim: "The application listens on 127.0.0.1 only, and the gateway is another host: refused, 502 at once, though curl " +
			"on the application's host works.",
		Family: "protocol", Causes: []string{"A3"}, Gateway: onNginx("proxy.conf"),
		Fault:    "the application listens on the loopback only",
		Variants: movedTo("127.0.0.1:8080"),
		Expect:   connectFails("error", 111),
		Confirm:  "ss -ltn 'sport = :8080' on the application's host shows 127.0.0.1:8080, not 0.0.0.0:8080 or its address.",
		Remedy:   "Let it listen on its own address (gunicorn -b 10.0.0.5:8080, server.listen(8080, '10.0.0.5')).",
		Source:   "https://manpages.debian.org/bookworm/iproute2/ss.8.en.html",
	},
	{
		ID: "http-to-https",
		Claim: "The application speaks HTTPS now and the gateway still HTTP: the application's own 400 is passed on, and nginx " +
			"logs nothing.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: onNginx("proxy.conf"),
		Fault: "the application speaks HTTPS on its port",
		Variants: appBecomes("origin-https-here.conf", fakeupstream.Well{
			Status: 400, Body: "The plain HTTP request was sent to HTTPS port\n",
		}, goodCertificate...),
		Expect:  scenario.Expectation{Status: 400, Tries: 1},
		Confirm: "curl -sk https://10.0.0.5:8080/ on the gateway works, and the page of the 400 names the HTTPS port.",
		Remedy:  "proxy_pass https://10.0.0.5:8080;",
		Source:  proxyPass,
	},
	{
		ID: "http-to-tls",
		Claim: "The application speaks TLS and answers plain HTTP with a TLS alert (Java, Go without net/http, databases): nginx " +
			"takes the alert for HTTP/0.9 and passes its seven bytes on, with no status.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: onNginx("proxy.conf"),
		Fault:    "the application answers with a TLS alert",
		Variants: []scenario.Variant{fakeBecomes(fakeupstream.WrongProtocol{Speak: fakeupstream.SpeakTLSAlert})},
		Alone:    "what the lab has of real servers answers plain HTTP on a TLS port with 400 (http-to-https), not with an alert",
		Expect: scenario.Expectation{NoAnswer: "garbled", Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Text: "upstream sent no valid HTTP/1.0 header", Phase: readingHeader},
		}},
		Confirm: "openssl s_client -connect 10.0.0.5:8080 shows a certificate.",
		Remedy:  "proxy_pass https://10.0.0.5:8080;",
		Source:  "https://www.rfc-editor.org/rfc/rfc8446#section-6",
	},
	{
		ID: "https-to-http", Row: "https-to-http",
		Claim:  "The application speaks HTTP and the gateway HTTPS: its answer is no TLS (wrong version number), 502 at once.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: onNginx("https.conf"),
		Fault:    "the application speaks plain HTTP on its port",
		Variants: httpAtTLS,
		Expect:   badGateway("wrong version number", 0, handshaking),
		Confirm:  "curl -si http://10.0.0.5:8443/ on the gateway answers; openssl s_client -connect 10.0.0.5:8443 does not.",
		Remedy:   "proxy_pass http://10.0.0.5:8443;",
		Source:   proxyPass,
	},
	{
		ID: "http-to-fastcgi",
		Claim: "proxy_pass points to PHP-FPM, which speaks FastCGI: it closes the connection with the request unread, which " +
			"resets it: 502, with the same line as a crash.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: onNginx("proxy.conf"),
		Fault:    "PHP-FPM listens on the application's port",
		Variants: fastCGIAtApp,
		Expect:   badGateway("recv() failed", 104, readingHeader),
		Confirm:  "ss -ltnp 'sport = :8080' on the application's host names php-fpm.",
		Remedy:   "fastcgi_pass 10.0.0.5:8080; with include fastcgi_params; in place of proxy_pass.",
		Source:   "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
	},
	{
		ID: "fastcgi-to-http",
		Claim: "fastcgi_pass points to an HTTP server: its answer begins with H, which is 72, and nginx takes that for the " +
			"FastCGI version. 502.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: onNginx("php.conf"),
		Fault:    "an HTTP server listens on PHP-FPM's port",
		Variants: httpAtFastCGI,
		Expect:   badGateway("upstream sent unsupported FastCGI protocol version: 72", 0, readingHeader),
		Confirm:  "curl -si http://10.0.0.5:9000/ on the gateway answers: it is HTTP.",
		Remedy:   "proxy_pass http://10.0.0.5:9000; in place of fastcgi_pass, or the port of PHP-FPM.",
		Source:   "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
	},
}

// httpAtTLS are the variants whose application speaks plain HTTP where TLS is expected.
var httpAtTLS = []scenario.Variant{
	{
		Kind: scenario.Real, Upstreams: []lab.Upstream{tlsOrigin("origin-tls.conf", goodCertificate)},
		Inject: []fault.Fault{fault.Replace{Upstream: backend.Origin{
			Name: "app", Listen: tlsAddress, Conf: changed("origin.conf", appAddress, tlsAddress),
		}.Upstream()}},
	},
	tlsFake(fakeupstream.TLSPlain),
}

// fastCGIAtApp are the variants where PHP-FPM listens on the port of an HTTP application.
var fastCGIAtApp = []scenario.Variant{
	{
		Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")},
		Inject: []fault.Fault{fault.Replace{Upstream: backend.PHPFPM{
			Name: "app", Listen: appAddress, Scripts: page("well.php"),
		}.Upstream()}},
	},
	fakeBecomes(fakeupstream.Reset{At: fakeupstream.AtRequest}),
}

// httpAtFastCGI are the variants where an HTTP server listens on the port of PHP-FPM.
var httpAtFastCGI = []scenario.Variant{
	{
		Kind: scenario.Real, Upstreams: []lab.Upstream{fpm.Upstream()},
		Inject: []fault.Fault{fault.Replace{Upstream: backend.Origin{
			Name: "app", Listen: fpmAddress, Conf: changed("origin.conf", appAddress, fpmAddress),
		}.Upstream()}},
	},
	{
		Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeFPM},
		Inject: []fault.Fault{scripted("app", fakeupstream.WrongProtocol{Speak: fakeupstream.SpeakHTTP})},
	},
}

// movedTo are the variants whose application listens elsewhere.
func movedTo(listen string) []scenario.Variant {
	real := backend.Origin{Name: "app", Listen: listen, Conf: changed("origin.conf", appAddress, listen)}.Upstream()
	fake := lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: listen}}
	return []scenario.Variant{
		{
			Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")},
			Inject: []fault.Fault{fault.Replace{Upstream: real}},
		},
		{Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeApp()}, Inject: []fault.Fault{fault.Replace{Upstream: fake}}},
	}
}
