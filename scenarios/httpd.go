package scenarios

import (
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	httpdBinding = "https://httpd.apache.org/docs/2.4/bind.html"
	httpdMPM     = "https://httpd.apache.org/docs/2.4/mod/mpm_common.html"
)

// onHTTPD is Apache httpd as the application behind nginx.
var onHTTPD = []scenario.Scenario{httpdSyntaxError(), httpdPortTaken(), httpdWrongPort(), httpdOwn503(), httpdBusy(), httpdReadTimeout(), httpdProxyTimeout()}

// httpd is Apache httpd on a host of its own, with a config of the folder httpd.
func httpd(conf string) backend.HTTPD {
	return backend.HTTPD{Name: "app", Listen: appAddress, Conf: text("httpd/" + conf), Files: []lab.File{indexPage("ok\n")}}
}

// httpdWith is httpd with a config of which one piece is another.
func httpdWith(conf, was, is string) backend.HTTPD {
	h := httpd(conf)
	h.Conf = changedIn("httpd/"+conf, was, is)
	return h
}

func httpdSyntaxError() scenario.Scenario {
	misspelt := httpdWith("well.conf", "DocumentRoot", "DocumentRoute")
	return scenario.Scenario{
		ID:     "httpd-syntax-error",
		Claim:  "Apache httpd does not start with its config, so that nothing listens on its port: nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway: onNginx("proxy.conf"),
		Fault:   "Apache httpd is restarted with a directive that it does not know",
		Variants: []scenario.Variant{
			onReal(httpd("well.conf").Upstream(), fault.FailToStart{Upstream: misspelt.Upstream(), Says: "Invalid command 'DocumentRoute'"}),
			onFakeApp(stop),
		},
		Expect:  refused,
		Confirm: "apachectl configtest names the file and the line.",
		Remedy:  "Correct that line, run apachectl configtest until it says Syntax OK, then systemctl start apache2; graceful keeps the old config where a new one is bad.",
		Source:  "https://httpd.apache.org/docs/2.4/programs/apachectl.html",
	}
}

func httpdPortTaken() scenario.Scenario {
	both := httpdWith("well.conf", "Listen 10.0.0.5:8080\n", "Listen 10.0.0.5:8080\nListen 80\n")
	onHTTPD := onReal(httpd("well.conf").Upstream(), fault.FailToStart{
		Upstream: both.Upstream(), Says: "could not bind to address 0.0.0.0:80",
	})
	return scenario.Scenario{
		ID: "httpd-port-taken",
		Claim: "Apache httpd behind an nginx on the same host is told to listen on port 80, too, as Debian's ports.conf says, and nginx has that: it does " +
			"not start at all, not on its other port either, and nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Apache httpd is restarted with a Listen 80 more, and nginx has port 80 there",
		Variants: []scenario.Variant{onHTTPD, onFakeApp(stop)},
		Expect:   refused,
		Confirm:  "journalctl -u apache2 has (98)Address already in use: AH00072; ss -ltnp 'sport = :80' names nginx.",
		Remedy:   "Remove the line Listen 80 from /etc/apache2/ports.conf, then systemctl start apache2.",
		Source:   httpdBinding,
	}
}

func httpdWrongPort() scenario.Scenario {
	moved := httpdWith("well.conf", appAddress, "10.0.0.5:8081")
	moved.Listen = "10.0.0.5:8081"
	called := []fault.Fault{fault.Config{Conf: changed("proxy.conf", appAddress, moved.Listen)}}
	return scenario.Scenario{
		ID:     "httpd-wrong-port",
		Claim:  "Apache httpd listens on 8081 and nginx calls 8080: nothing listens there, and nginx answers 502 at once.",
		Family: "service", Causes: []string{"A2"},
		Gateway: onNginx("proxy.conf"),
		Fault:   "Apache httpd listens on port 8081, nginx calls 8080",
		Variants: withRemedy([]scenario.Variant{
			onReal(httpd("well.conf").Upstream(), fault.Replace{Upstream: moved.Upstream()}),
			onFakeApp(fault.Replace{Upstream: lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: moved.Listen}}}),
		}, called...),
		Expect:  refused,
		Confirm: "ss -ltnp | grep apache2 shows the port that it listens on; the error log's field upstream: shows the one that nginx calls.",
		Remedy:  "proxy_pass http://10.0.0.5:8081; and systemctl reload nginx, or Listen 8080 in ports.conf and in the VirtualHost.",
		Source:  httpdBinding,
	}
}

func httpdOwn503() scenario.Scenario {
	onHTTPD := onReal(httpd("proxy.conf").Upstream(), fault.Stop{Upstream: "api"})
	onHTTPD.Upstreams = append(onHTTPD.Upstreams, api)
	onHTTPD.UpstreamLog = "AH00957: http: attempt to connect to 10.0.0.9:8080"
	const page = "<title>503 Service Unavailable</title>"
	return scenario.Scenario{
		ID: "httpd-own-503",
		Claim: "Apache httpd behind nginx is a proxy itself, and the service behind it is down: Apache answers 503, and nginx passes its page on and " +
			"logs nothing. The page tells who is speaking.",
		Family: "service", Causes: []string{"A1", "J6"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the service behind Apache httpd is stopped",
		Variants: []scenario.Variant{onHTTPD, fakeBecomes(fakeupstream.Well{Status: 503, Body: page})},
		Expect:   scenario.Expectation{Status: 503, Page: page, Tries: 1},
		Confirm:  "The page is Apache's, with its own address line, and Apache's error log has AH00957 and the address that it called.",
		Remedy:   "Start the service that AH00957 names; there is nothing to do at nginx.",
		Source:   apacheProxy,
	}
}

func httpdBusy() scenario.Scenario {
	crowd := fault.ConcurrentRequests{Clients: 1, Request: lab.Request{Path: "/report"}, WaitFor: lab.RequestAt("api")}
	more := httpdWith("workers.conf", "MaxRequestWorkers 1\n", "MaxRequestWorkers 20\n")
	onHTTPD := onReal(httpd("workers.conf").Upstream(), slowAPI(time.Hour), crowd)
	onHTTPD.Upstreams = append(onHTTPD.Upstreams, api)
	onHTTPD.WaitFor = []lab.Condition{lab.ConnectionAt("app")}
	onHTTPD.UpstreamLog = "AH00161: server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting"
	onHTTPD.Remedy = []fault.Fault{fault.Replace{Upstream: more.Upstream()}, crowd}

	onFake := waitingFor(lab.ConnectionAt("app"), fakeBecomes(fakeupstream.Silent{At: fakeupstream.AtAccept}))
	return scenario.Scenario{
		ID: "httpd-busy",
		Claim: "All of Apache's workers are busy (MaxRequestWorkers): the kernel takes the connection and queues it, nobody reads it, and nginx gives " +
			"up after proxy_read_timeout with 504, even for a page that is quick.",
		Family: "overload", Causes: []string{"D4"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "as many visitors as MaxRequestWorkers ask for a page that takes minutes",
		Variants: []scenario.Variant{onHTTPD, onFake},
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm:  "grep 'reached MaxRequestWorkers' /var/log/apache2/error.log; ss -ltn 'sport = :8080' shows a Recv-Q above 0.",
		Remedy: "Raise MaxRequestWorkers as far as memory allows (20; above 256 ServerLimit too), then systemctl restart apache2; and give the slow " +
			"page a limit of time.",
		Source: httpdMPM + "#maxrequestworkers",
	}
}

// stallingUpload is a visitor's upload, and the same by one who stops in the middle of it.
func stallingUpload() (upload, stalls lab.Request) {
	upload = lab.Request{Method: "POST", Body: strings.Repeat("x", 100)}
	stalls = upload
	stalls.Stalls = 10
	return upload, stalls
}

func httpdReadTimeout() scenario.Scenario {
	upload, stalls := stallingUpload()
	reads := httpdWith("proxy.conf", "Listen 10.0.0.5:8080\n", "LoadModule reqtimeout_module /usr/lib/apache2/modules/mod_reqtimeout.so\n\n"+
		"Listen 10.0.0.5:8080\nRequestReadTimeout header=20-40,MinRate=500 body=2,MinRate=500\n")
	reads.Conf = strings.Replace(reads.Conf, "ErrorLog", "LogLevel info\nErrorLog", 1)
	onHTTPD := onReal(reads.Upstream())
	onHTTPD.Upstreams = append(onHTTPD.Upstreams, api)
	onHTTPD.UpstreamLog = "AH01382: Request body read timeout"
	return scenario.Scenario{
		ID: "httpd-read-timeout",
		Claim: "A visitor's upload stalls, and nginx passes it on as it comes: Apache behind it gives up after RequestReadTimeout (body=20 by default, here " +
			"2 s), and nginx passes its 408 on and logs nothing. It is no 502.",
		Family: "time", Causes: []string{"B4", "B6", "J6"},
		Gateway: onNginx("proxy-unbuffered.conf"),
		Ask:     upload, AskInstead: &stalls,
		Fault:    "the visitor stops in the middle of his upload",
		Variants: []scenario.Variant{onHTTPD},
		Alone:    "it is about what Apache's mod_reqtimeout does",
		Expect:   scenario.Expectation{Status: 408, Tries: 1, Until: 30 * time.Second},
		Confirm:  "With LogLevel info, Apache's error log has AH01382: Request body read timeout; the visitors with 408 have slow lines.",
		Remedy: "Leave proxy_request_buffering on, its default: Apache then gets the upload as fast as nginx can send it, and a visitor who stalls is nginx's " +
			"own affair (client_body_timeout, 60s).",
		Source: "https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html#requestreadtimeout",
	}
}

func httpdProxyTimeout() scenario.Scenario {
	const needed = 45 * time.Second
	const page = "<h1>Proxy Error</h1>"
	impatient := httpdWith("proxy.conf", "ProxyPass /", "ProxyTimeout 1\nProxyPass /")
	onHTTPD := onRealWithAPI(httpd("proxy.conf").Upstream(), slowAPI(needed), fault.Replace{Upstream: impatient.Upstream()})
	onHTTPD.UpstreamLog = "(70007)The timeout specified has expired"
	onHTTPD.Remedy, onHTTPD.RemedyTakes = []fault.Fault{fault.Replace{Upstream: httpd("proxy.conf").Upstream()}}, needed

	onFake := fakeBecomes(fakeupstream.Well{Status: 502, Headers: []string{"Content-Type: text/html"}, Body: page})
	onFake.Remedy, onFake.RemedyTakes = []fault.Fault{scripted("app", fakeupstream.Delay{For: needed})}, needed
	return scenario.Scenario{
		ID: "httpd-proxy-timeout",
		Claim: "Apache httpd stands between nginx and the application, and its ProxyTimeout is shorter than the application needs: Apache answers 502, where an " +
			"nginx in its place would say 504, and nginx passes that on with Apache's page, and logs nothing.",
		Family: "chain", Causes: []string{"B4", "B5", "J1", "J2", "J6"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the application takes 45 s; Apache waits for 1 s, nginx for 60 s",
		Variants: []scenario.Variant{onHTTPD, onFake},
		Expect:   scenario.Expectation{Status: 502, Page: page, Tries: 1, Until: 30 * time.Second},
		Confirm: "The page is Apache's (Proxy Error), $upstream_status in nginx's access log is 502, and nginx's error log has no line; Apache's has AH01102 with " +
			"(70007)The timeout specified has expired, and the application's address.",
		Remedy: "ProxyTimeout 50 and apachectl graceful (60 by default): more than the application needs, and below nginx's proxy_read_timeout, 60s.",
		Source: apacheProxy + "#proxytimeout",
	}
}
