package review

import (
	"slices"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
)

// plainHTTP are the protocols in which an answer has HTTP's own framing.
var plainHTTP = []string{"http", "https"}

// paged are those whose answers are pages.
var paged = append(slices.Clone(plainHTTP), "fastcgi", "uwsgi", "suwsgi", "scgi")

// applications are the faults, and the ways of answering, that some applications have and others not: each names real servers that
// do it, and where that is told.
func applications() []audit.Fault {
	return []audit.Fault{
		needing(audit.NeedsHTTP11, behaves(done("te-twice", "TE twice", "the application sends Transfer-Encoding: chunked twice", "E5")(
			"https://github.com/kubernetes/ingress-nginx/issues/11162", "Spring Boot on Tomcat, where the code sets it too", "JPro"),
			fakeupstream.DuplicateHeader{Name: "Transfer-Encoding", Values: []string{"chunked"}, Answer: fakeupstream.Well{Chunked: true}}, plainHTTP)),
		needing(audit.NeedsHTTP11, behaves(done("both-lengths", "both lengths", "the application sends Content-Length beside Transfer-Encoding: chunked", "E5")(
			"https://github.com/openwrt/luci/issues/7655", "uhttpd of OpenWrt", "applications that pass the header of another's answer on"),
			fakeupstream.Contradiction{}, plainHTTP)),
		needing(audit.NeedsHTTP11, behaves(done("early-hints", "early hints", "the application sends 103 Early Hints before its answer", "E5")(
			"https://github.com/puma/puma/issues/1570", "Puma with Rails", "Node.js (response.writeEarlyHints)"),
			fakeupstream.Interim{Headers: []string{"Link: </app.css>; rel=preload; as=style"}}, plainHTTP)),
		needing(audit.NeedsHTTP10, behaves(done("no-http10", "no HTTP/1.0", "the upstream refuses HTTP/1.0, with 426", "A5")(
			"https://github.com/SigNoz/charts/issues/53", "Envoy, and Istio's sidecars"),
			fakeupstream.Well{Status: 426, Headers: []string{"Upgrade: HTTP/1.1", "Connection: close"}}, plainHTTP)),
		needing(audit.NeedsContent, posted(says(413, done("early-answer", "early answer", "the application answers before it has read the request's body, and resets", "J6")(
			"https://github.com/vimalloc/flask-jwt-extended/issues/253", "uWSGI", "Gunicorn"),
			fakeupstream.EarlyAnswer{End: fakeupstream.EndReset, Answer: fakeupstream.Well{Body: "badgateway: the upstream says 413\n"}}))),
		needing(audit.NeedsAuth, unread(posted(behaves(done("awaits-body", "awaits body", "the auth service waits for the body that the request to it announces", "B6")(
			"https://github.com/bitly/oauth2_proxy/issues/442", "OAuth2 Proxy", "Express with a body parser"),
			fakeupstream.Well{Body: "badgateway: the upstream has read it\n"}, paged)))),
		needing(audit.NeedsOddHost, behaves(done("host-refused", "Host refused", "the application refuses the Host that it is sent, with 400", "J6")(
			"https://github.com/spring-projects/spring-boot/issues/15369", "Tomcat, of an underscore", "Django, of what ALLOWED_HOSTS lacks"),
			fakeupstream.Well{Status: 400}, plainHTTP)),
		needing(audit.NeedsContent, says(401, done("401", "401", "the application asks who the visitor is, and answers 401", "J6")(
			"https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2", "any application with a login", "Docker's registry", "Nextcloud (WebDAV)"),
			fakeupstream.Well{Headers: []string{`WWW-Authenticate: Basic realm="app"`}})),
		needing(audit.NeedsContent, says(404, done("404", "404", "the application does not know the page, and answers 404", "J6")(
			"https://www.rfc-editor.org/rfc/rfc9110#section-15.5.5", "any application"), fakeupstream.Well{})),
		needing(audit.NeedsContent, says(301, done("301", "301", "the application sends the visitor elsewhere on the host that it was asked for", "J6")(
			"https://docs.djangoproject.com/en/stable/ref/middleware/#module-django.middleware.common", "any application", "Django (APPEND_SLASH)", "Tomcat", "Apache httpd (mod_dir)"),
			fakeupstream.Redirect{Answer: fakeupstream.Well{Body: "badgateway: the upstream says 301\n"}})),
		needing(audit.NeedsAuth, says(401, done("auth-401", "auth 401", "the auth service does not know the visitor, and answers 401", "J6")(
			"https://nginx.org/en/docs/http/ngx_http_auth_request_module.html", "OAuth2 Proxy", "Authelia", "Vouch"), fakeupstream.Well{})),
		needing(audit.NeedsAuth, says(403, done("auth-403", "auth 403", "the auth service does not let the visitor in, and answers 403", "J6")(
			"https://nginx.org/en/docs/http/ngx_http_auth_request_module.html", "OAuth2 Proxy", "Authelia"), fakeupstream.Well{})),
	}
}

// says is an answer that is no failure.
func says(status int, f audit.FaultInfo, does fakeupstream.Behaviour) audit.Fault {
	f.Says = status
	if w, ok := does.(fakeupstream.Well); ok {
		w.Status = status
		does = w
	}
	return behaves(f, does, paged)
}

// done is a fault that not every upstream has, of which is said where to read of the servers that do.
func done(id, title, claim string, causes ...string) func(source string, servers ...string) audit.FaultInfo {
	return func(source string, servers ...string) audit.FaultInfo {
		f := info(id, title, claim, "", causes...)
		f.Source, f.Servers = source, servers
		return f
	}
}

// unread is a fault of an upstream that reads what others leave unread: these answer as soon as they have the request's head.
func unread(f audit.Fault) audit.Fault {
	f.Well = fakeupstream.EarlyAnswer{Answer: fakeupstream.Well{Status: 200, Body: "badgateway: the upstream answers\n"}}
	return f
}

func needing(what audit.Need, f audit.Fault) audit.Fault {
	f.Needs = what
	return f
}
