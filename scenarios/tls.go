package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	tlsAddress  = "10.0.0.5:8443"
	tlsName     = "app.internal"
	handshaking = "SSL handshaking to upstream"
	sslVerify   = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify"
)

// authority is whom the gateway trusts, and other is one that it has never heard of.
var (
	authority = fakeupstream.NewAuthority("badgateway")
	other     = fakeupstream.NewAuthority("another company")

	goodCertificate = certificateFiles(backend.Certificate{Name: tlsName, Authority: &authority})
)

// tls is what goes wrong with TLS between gateway and application.
var tls = []scenario.Scenario{
	{
		ID: "certificate-expired", Row: "certificate-expired",
		Claim: "The application's certificate has expired, and proxy_ssl_verify is on: 502. Visitors see the gateway's own " +
			"certificate, which is good.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: verifying,
		Fault:    "the application's certificate expired in 2001",
		Variants: shows(backend.Certificate{Name: tlsName, Authority: &authority, Expired: true}, fakeupstream.TLSExpired),
		Expect:   badGateway("upstream SSL certificate verify error: (10:", 0, handshaking),
		Confirm:  "openssl s_client -connect 10.0.0.5:8443 -servername app.internal </dev/null | openssl x509 -noout -enddate",
		Remedy:   "Renew it, and reload the application: renewing alone leaves the old one in its memory.",
		Source:   sslVerify,
	},
	{
		ID: "certificate-wrong-name", Row: "certificate-wrong-name",
		Claim: "The application's certificate is for another name than proxy_ssl_name (by default the host in proxy_pass), and " +
			"proxy_ssl_verify is on: 502.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: verifying,
		Fault:    "the application's certificate is for another name",
		Variants: shows(backend.Certificate{Name: "wrong.invalid", Authority: &authority}, fakeupstream.TLSWrongName),
		Expect:   badGateway(`upstream SSL certificate does not match "app.internal"`, 0, handshaking),
		Confirm:  "openssl s_client -connect 10.0.0.5:8443 </dev/null | openssl x509 -noout -ext subjectAltName",
		Remedy:   "proxy_ssl_name with a name that the certificate has, or a certificate with the right one.",
		Source:   "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_name",
	},
	{
		ID: "certificate-unknown-issuer",
		Claim: "The application's certificate comes from an authority that is not in proxy_ssl_trusted_certificate (after a " +
			"change of the company's own CA): 502.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: verifying,
		Fault:    "the application's certificate comes from another authority",
		Variants: shows(backend.Certificate{Name: tlsName, Authority: &other}, fakeupstream.TLSUnknownIssuer),
		Expect:   badGateway("upstream SSL certificate verify error: (21:", 0, handshaking),
		Exceptions: []scenario.Exception{{
			TLS: "OpenSSL 1.", Why: "OpenSSL calls it error 20 (the issuer is not found) before 3.0, not 21 (the first certificate can't be verified).",
			Expect: badGateway("upstream SSL certificate verify error: (20:", 0, handshaking),
		}},
		Confirm: "openssl s_client -connect 10.0.0.5:8443 -CAfile /etc/nginx/ca.crt </dev/null ends with Verify return code: 20 or 21.",
		Remedy:  "Put the new authority into the file of proxy_ssl_trusted_certificate, beside the old one, and reload nginx.",
		Source:  "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_trusted_certificate",
	},
	{
		ID:     "certificate-self-signed",
		Claim:  "The application shows a certificate that it signed itself (a fresh install), and proxy_ssl_verify is on: 502.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: verifying,
		Fault:    "the application's certificate is self-signed",
		Variants: shows(backend.Certificate{Name: tlsName}, fakeupstream.TLSSelfSigned),
		Expect:   badGateway("upstream SSL certificate verify error: (18:", 0, handshaking),
		Confirm:  "openssl s_client -connect 10.0.0.5:8443 </dev/null shows the same name as issuer and as subject.",
		Remedy:   "Install the right certificate; or trust this very one: proxy_ssl_trusted_certificate with the certificate itself.",
		Source:   sslVerify,
	},
	{
		ID: "handshake-stalls",
		Claim: "The application accepts and does not answer the TLS handshake: 504 after proxy_connect_timeout, 60 s by default; " +
			"proxy_read_timeout has no part in it.",
		Family: "protocol", Causes: []string{"A5", "B6"}, Gateway: onNginx("https.conf"),
		Fault: "the application hangs in the TLS handshake",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{tlsOrigin("origin-tls.conf", goodCertificate)},
				WaitFor: []lab.Condition{lab.ConnectionAt("app")}, Inject: []fault.Fault{fault.Freeze{Upstream: "app"}},
			},
			waitingFor(lab.ConnectionAt("app"), tlsFake(fakeupstream.TLSStalled)),
		},
		Expect:  gatewayTimeout(time.Minute, handshaking),
		Confirm: "openssl s_client -connect 10.0.0.5:8443 on the gateway prints CONNECTED and nothing more.",
		Remedy:  "Restart the application. proxy_connect_timeout 5s; bounds connection and handshake together.",
		Source:  connectTimeout,
	},
	{
		ID: "sni-missing",
		Claim: "The application serves several names over TLS and refuses clients that send none; nginx sends none by default: " +
			"502, logged as [crit], alert 112.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: onNginx("https.conf"),
		Fault: "the application begins to insist on a server name",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{tlsOrigin("origin-tls.conf", goodCertificate)},
				Inject: []fault.Fault{fault.Replace{Upstream: tlsOrigin("origin-tls-names.conf", goodCertificate)}},
				Remedy: []fault.Fault{fault.Config{Conf: changed("https.conf", "proxy_pass https://10.0.0.5:8443;",
					"proxy_pass https://10.0.0.5:8443;\n            proxy_ssl_server_name on;\n            proxy_ssl_name app.internal;")}},
			},
			tlsFake(fakeupstream.TLSUnrecognizedName),
		},
		Expect: scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{
			{Level: "crit", Text: "unrecognized name:SSL alert number 112", Phase: handshaking},
		}},
		Exceptions: []scenario.Exception{{
			From: "1.29.2", Why: "Newer versions log it as an error: 1.26.3 says crit, 1.30.6 error.",
			Expect: badGateway("unrecognized name:SSL alert number 112", 0, handshaking),
		}},
		Confirm: "openssl s_client -connect 10.0.0.5:8443 -noservername fails, and with -servername app.internal it works.",
		Remedy:  "proxy_ssl_server_name on; proxy_ssl_name app.internal;",
		Source:  "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_server_name",
	},
}

// verifying is the gateway that checks the application's certificate.
var verifying = lab.Gateway{
	Driver: nginx.Driver,
	Config: text("nginx/https-verify.conf"),
	Files:  []lab.File{{Path: "/etc/nginx/ca.crt", Data: authority.Certificate}},
}

// certificateFiles are a certificate where the configs nginx/origin*.conf have it.
func certificateFiles(c backend.Certificate) []lab.File {
	return c.Files("/etc/nginx/app.crt", "/etc/nginx/app.key")
}

// tlsOrigin is a real application server that speaks HTTPS.
func tlsOrigin(conf string, certificate []lab.File) lab.Upstream {
	return backend.Origin{Name: "app", Listen: tlsAddress, Conf: text("nginx/" + conf), Files: certificate}.Upstream()
}

// tlsFake is the variant whose fake application begins to fail at TLS.
func tlsFake(broken fakeupstream.TLSFault) scenario.Variant {
	app := func(broken fakeupstream.TLSFault) lab.Upstream {
		return lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{
			Listen: tlsAddress, TLS: &fakeupstream.TLS{Names: []string{tlsName}, Authority: &authority, Fault: broken},
		}}
	}
	return scenario.Variant{
		Kind: scenario.Fake, Upstreams: []lab.Upstream{app("")},
		Inject: []fault.Fault{fault.Replace{Upstream: app(broken)}},
	}
}

// shows are the variants whose application shows another certificate.
func shows(c backend.Certificate, broken fakeupstream.TLSFault) []scenario.Variant {
	return []scenario.Variant{
		{
			Kind: scenario.Real, Upstreams: []lab.Upstream{tlsOrigin("origin-tls.conf", goodCertificate)},
			Inject: []fault.Fault{fault.Replace{Upstream: tlsOrigin("origin-tls.conf", certificateFiles(c))}},
		},
		tlsFake(broken),
	}
}
