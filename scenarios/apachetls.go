package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	apacheSSL       = "https://httpd.apache.org/docs/2.4/mod/mod_ssl.html"
	apacheVerify    = apacheSSL + "#sslproxyverify"
	apacheCheckName = apacheSSL + "#sslproxycheckpeername"
)

// apacheByName is Apache that knows the application by name.
func apacheByName(conf string) lab.Gateway {
	g := onApache(conf)
	g.Hosts = appHost
	return g
}

// apacheVerifying is Apache that checks who signed the application's certificate.
func apacheVerifying() lab.Gateway {
	g := apacheByName("https-verify.conf")
	g.Files = append(g.Files, lab.File{Path: "/etc/apache2/ca.crt", Data: authority.Certificate})
	return g
}

// noHandshake is what follows wherever TLS does not come about: the lines are the same, whatever the reason.
var noHandshake = scenario.Expectation{Status: 500, Tries: 1, Log: []scenario.LogLine{
	{Level: "error", Code: "AH01084", Text: "pass request body failed to 10.0.0.5:8443 (app.internal)", Errno: 20014},
	{Level: "error", Code: "AH00898", Text: "Error during SSL Handshake with remote server returned by /"},
	{Level: "error", Code: "AH01097", Text: "pass request body failed to 10.0.0.5:8443 (app.internal)"},
}}

// apacheTLS is what goes wrong with TLS, and with names, behind Apache.
var apacheTLS = []scenario.Scenario{
	{
		ID: "apache-certificate-expired", Row: "certificate-expired",
		Claim: "The application's certificate has expired: Apache answers 500, even without SSLProxyVerify, for it looks at the dates by " +
			"default. The log does not say why.",
		Family: "protocol", Causes: []string{"A5", "J1", "J6"}, Gateway: apacheByName("https.conf"),
		Fault:    "the application's certificate expired in 2001",
		Variants: stagedExpired.variants,
		Expect:   noHandshake,
		Confirm: "openssl s_client -connect app.internal:8443 </dev/null | openssl x509 -noout -enddate; with LogLevel warn ssl:info the log " +
			"says AH02004: Peer certificate is expired.",
		Remedy: "Renew it, and reload the application: renewing alone leaves the old one in its memory.",
		Source: apacheSSL + "#sslproxycheckpeerexpire",
	},
	{
		ID: "apache-certificate-wrong-name", Row: "certificate-wrong-name",
		Claim: "The application's certificate is for another name than stands in ProxyPass: 500, even without SSLProxyVerify, for " +
			"Apache compares the names by default. An address in ProxyPass is such another name, too.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: apacheByName("https.conf"),
		Fault:    "the application's certificate is for another name",
		Variants: stagedWrongName.variants,
		Expect:   noHandshake,
		Confirm: "openssl s_client -connect app.internal:8443 </dev/null | openssl x509 -noout -ext subjectAltName; with LogLevel warn " +
			"ssl:info the log says AH02411: Peer certificate does not match.",
		Remedy: "A certificate with the name in ProxyPass, or a name in ProxyPass that the certificate has.",
		Source: apacheCheckName,
	},
	{
		ID: "apache-certificate-unknown-ca",
		Claim: "SSLProxyVerify is on, and the application's certificate comes from an authority that is not in " +
			"SSLProxyCACertificateFile (after a change of the company's own CA): 500.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: apacheVerifying(),
		Fault:    "the application's certificate comes from another authority",
		Variants: shows(backend.Certificate{Name: tlsName, Authority: &other}, fakeupstream.TLSUnknownIssuer),
		Expect:   noHandshake,
		Confirm: "openssl s_client -connect app.internal:8443 -CAfile /etc/apache2/ca.crt </dev/null ends with Verify return code: 20 or 21; " +
			"with LogLevel warn ssl:info the log says AH02276: Error (20).",
		Remedy: "Put the new authority into the file of SSLProxyCACertificateFile, beside the old one, and apachectl graceful.",
		Source: apacheVerify,
	},
	{
		ID: "apache-https-to-http", Row: "https-to-http",
		Claim:  "The application speaks HTTP and Apache HTTPS: 500 at once, with the lines of a bad certificate.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: apacheByName("https.conf"),
		Fault:    "the application speaks plain HTTP on its port",
		Variants: stagedPlain.variants,
		Expect:   noHandshake,
		Confirm:  "curl -si http://app.internal:8443/ on the gateway answers; openssl s_client -connect app.internal:8443 shows no certificate.",
		Remedy:   "ProxyPass / http://app.internal:8443/ and apachectl graceful.",
		Source:   apacheProxy,
	},
	{
		ID: "apache-name-unknown", Row: "name-gone",
		Claim: "The application's name does not resolve when Apache starts: unlike nginx it starts all the same, and answers 500 to who " +
			"asks for that site; the other sites are well.",
		Family: "dns", Causes: []string{"G1", "G2", "J1", "J6"}, Gateway: apacheByName("proxy-name.conf"),
		Fault:    "app.internal does not resolve when Apache is restarted",
		Variants: withRemedy(bothApps(fault.Hosts{}, fault.Restart{}), fault.Hosts{Addresses: appHost}),
		Expect: scenario.Expectation{Status: 500, Tries: scenario.NoTry, Log: []scenario.LogLine{
			{Level: "error", Code: "AH00898", Text: "DNS lookup failure for: app.internal returned by /", Errno: 670003},
		}},
		Confirm: "getent hosts app.internal on the gateway prints nothing. The log says EAI 3 where no DNS server answers, EAI 2 where one " +
			"says that there is no such name.",
		Remedy: "Bring the name back, or put it into /etc/hosts. Apache asks again at the next request.",
		Source: apacheProxy,
	},
	{
		ID: "apache-address-moved",
		Claim: "The application moved to another address and DNS says so: Apache calls the old one, is refused, looks the name up again " +
			"and calls the new one: 200, with one line in the log. nginx calls the old one until it is reloaded.",
		Family: "dns", Causes: []string{"G3"}, Gateway: apacheByName("proxy-name.conf"),
		Fault: "the application runs on 10.0.0.6, and app.internal resolves to that",
		Variants: []scenario.Variant{
			{Kind: scenario.Real, Upstreams: realPool, Inject: moved},
			{Kind: scenario.Fake, Upstreams: fakePool, Inject: moved},
		},
		Expect:  scenario.Expectation{Status: 200, Tries: 2, Log: refusedByApache.Log[:1]},
		Then:    &scenario.Sequel{Each: []scenario.Expectation{byTheOther}, Why: "Apache knows the new address"},
		Confirm: "AH00957 names an address that getent hosts app.internal does not print, and the visitor has his 200.",
		Remedy:  "None is needed while the old address refuses. Where it is another's now, who answers: apachectl graceful.",
		Source:  apacheProxy,
	},
}
