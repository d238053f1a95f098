package knowledge

import "github.com/badgateway/badgateway/harness/diagnose"

// Where browsers' errors can be read.
const (
	chromeErrors  = "https://chromium.googlesource.com/chromium/src/+/main/net/base/net_error_list.h"
	firefoxErrors = "https://support.mozilla.org/en-US/kb/server-not-found-connection-problem"
)

// browsers are what a browser says that got no answer at all: it tells of its own connection, which is the one to the gateway in front.
var browsers = []diagnose.Cause{
	{Slug: "visitor-refused", Side: diagnose.Gateway, Source: chromeErrors,
		Says:    "Nothing listens where the browser called: the gateway does not run, or has another address or port.",
		Proves:  "The host answered with a reset, or a firewall in its place. No upstream has a part in it.",
		Confirm: "ss -ltnp on the host that the site's name leads to: is there a listener on that port?",
		Remedy:  "Start the gateway: its own log (nginx -t, systemctl status) says why it ended. Or publish the port that it has.",
		Match:   []string{"firefox kann keine verbindung zu dem server & aufbauen & %82", "firefox ne peut établir de connexion avec le serveur & %82", "firefox no puede establecer una conexión con el servidor & %82", "can't establish a connection to the server at & %82", "can’t establish a connection to the server at & %82", "err_connection_refused & %88", "ns_error_connection_refused & %88", "refused to connect. & %82"}},
	{Slug: "visitor-timeout", Side: diagnose.Network, Source: chromeErrors,
		Says:    "The browser's SYN is not answered: a firewall drops it, the address is wrong, or the host is off.",
		Confirm: "nc -vz SITE 443 from outside, and tcpdump on the host: do SYNs come?",
		Remedy:  "Open the port in the firewall (security group), or correct the site's address in DNS.",
		Match:   []string{"the connection has timed out & %82", "is taking too long to respond. & %82", "err_connection_timed_out & %88", "err_address_unreachable & %82", "ns_error_net_timeout & %82"}},
	{Slug: "visitor-dns", Side: diagnose.DNS, Source: chromeErrors,
		Says:    "The browser finds no address for the site's name.",
		Proves:  "No request was sent. Whether the name is not there, or the visitor's DNS server does not answer, dig tells.",
		Confirm: "dig SITE, and dig SITE @1.1.1.1: the same?",
		Remedy:  "Correct the record of the site's name, or its domain's name servers.",
		Match:   []string{"because safari can't find the server & %88", "because safari can’t find the server & %88", "having trouble finding that site & %85", "err_name_not_resolved & %88", "dns_probe_finished_nxdomain & %90", "dns_probe_ & %85", "err_name_resolution_failed & %85", "server ip address could not be found & %88", "dns_not_found & %80", "ns_error_unknown_host & %88"}},
	{Slug: "visitor-cut", Side: diagnose.Gateway, Source: chromeErrors,
		Says:     "Whoever the browser is connected to ended it before the answer was whole: the gateway, mostly.",
		Proves:   "The connection stood. Why it was ended is not in the browser's words.",
		Confirm:  "The gateway's error log at that second: badgateway diagnose error.log. curl -v the same address says how far the answer came.",
		Remedy:   "That log decides: an upstream that closed in mid answer, a buffer's folder that may not be written, return 444, a worker that crashed.",
		Confused: "A firewall, a proxy or a virus scanner on the visitor's side: then other visitors do not have it.",
		Match:    []string{"the connection to the server was reset while the page was loading & %76", "the server unexpectedly dropped the connection & %76", "err_empty_response & %76", "err_connection_reset & %74", "err_connection_closed & %74", "err_http2_protocol_error & %72", "err_quic_protocol_error & %66", "err_incomplete_chunked_encoding & %76", "err_content_length_mismatch & %76", "pr_connect_reset_error & %74", "pr_end_of_file_error & %72", "ns_error_net_reset & %74", "ns_error_net_interrupt & %72", "ns_error_net_partial_transfer & %76", "didn’t send any data & %74", "didn't send any data & %74"}},
	{Slug: "visitor-tls-to-plain", Side: diagnose.Config, Source: "https://nginx.org/en/docs/http/configuring_https_servers.html",
		Says:    "The browser speaks TLS to a port where the gateway speaks plain HTTP.",
		Confirm: "curl -v http://SITE:PORT/ answers, and https:// does not.",
		Remedy:  "listen PORT ssl; with a certificate, or call the site by http://. Behind a load balancer that ends TLS, its target port is that of plain HTTP.",
		Match:   []string{"ssl_error_rx_record_too_long & %88", "ssl received a record that exceeded the maximum permissible length & %90", "err_ssl_protocol_error & %55"}},
	{Slug: "visitor-certificate", Side: diagnose.Config, Source: firefoxErrors,
		Says:    "The browser refuses the site's own certificate: expired, of another name, or of an unknown issuer.",
		Proves:  "The gateway in front answered with it. No upstream has a part in it.",
		Confirm: "openssl s_client -connect SITE:443 -servername SITE | openssl x509 -noout -dates -issuer -ext subjectAltName.",
		Remedy:  "Renew it, with its chain and all names; then reload the gateway, which keeps the old one until then.",
		Match:   []string{"err_cert_ & %90", "sec_error_expired_certificate & %92", "sec_error_unknown_issuer & %92", "ssl_error_bad_cert_domain & %92", "mozilla_pkix_error_ & %88"}},
}
