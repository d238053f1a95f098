package review

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/gateway"
)

// bare is nginx's own page.
func bare(fault string, status int, log ...string) audit.Measurement {
	c := audit.Measurement{Fault: fault, Outcome: audit.Outcome{Status: status, Page: "nginx"}}
	for _, l := range log {
		c.Log = append(c.Log, gateway.LogRecord{Level: "error", Raw: l})
	}
	return c
}

func TestErrorPage_CallsTheDeadUpstream(t *testing.T) {
	g := NewWithT(t)
	f := firing(t, "error-page").measured(0, bare("refused", 502)).finding("error-page")
	g.Expect(f.Severity).To(Equal("medium"))
	g.Expect(f.Title).To(Equal("the error page /sorry.html is asked of the same upstream"))
	g.Expect(f.Place.Line).To(Equal(7))
	g.Expect(f.In).To(Equal("server at nginx.conf:5, in place of line 7"))
	g.Expect(f.Patch).To(HavePrefix("error_page 502 504 /gateway-error.html;\n# and in server at nginx.conf:5:\nlocation = /gateway-error.html {"))

	own := bare("refused", 502)
	own.Page = "config"
	notFiring(t, "error-page").measured(0, own).noFinding("error-page")
	// An application's own 500 is not what this page is for.
	raw := bare("500", 500)
	raw.Page = "upstream"
	firing(t, "error-page").measured(0, raw).noFinding("error-page")
	// The page is for other statuses than that which the client got.
	text, _ := Examples("error-page")
	newRuleTest(t, swap(text, "error_page 502 504", "error_page 404")).measured(0, bare("refused", 502)).noFinding("error-page")
}

func TestErrorPage_LoopsOrIsAbsent(t *testing.T) {
	g := NewWithT(t)
	f := firing(t, "error-page").measured(0, bare("refused", 500, "rewrite or internal redirection cycle while internally redirecting to \"/sorry.html\"")).finding("error-page")
	g.Expect(f.Title).To(HaveSuffix("loops"))
	g.Expect(f.Severity).To(Equal("high"))

	_, text := Examples("error-page")
	absentFile := bare("refused", 404, `open() "/srv/sorry.html" failed (2: No such file or directory)`)
	f = newRuleTest(t, text).measured(0, absentFile).finding("error-page")
	g.Expect(f.Title).To(HaveSuffix("is not there"))
	g.Expect(f.Severity).To(Equal("low"), "it may be the lab that lacks it")
	newRuleTest(t, text).measured(0, bare("refused", 404)).noFinding("error-page")
}

func TestErrorPage_OfANamedLocation(t *testing.T) {
	g := NewWithT(t)
	conf := "events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://app;\nerror_page 502 = @again;\n}\nlocation @again {\nproxy_pass http://%s;\n}\n}\n}"
	f := newRuleTest(t, replace(conf, "app")).measured(0, bare("refused", 502)).finding("error-page")
	g.Expect(f.Place.Line).To(Equal(7))
	newRuleTest(t, replace(conf, "other")).measured(0, bare("refused", 502)).noFinding("error-page")
}

func TestVersionShown(t *testing.T) {
	g := NewWithT(t)
	c := bare("refused", 502)
	c.Version = true
	c.Header = map[string][]string{"Server": {"nginx/1.22.1"}}
	f := firing(t, "version-shown").allMeasured(c).finding("version-shown")
	g.Expect(f.Severity).To(Equal("low"))
	g.Expect(f.In).To(Equal("http at nginx.conf:4"))
	g.Expect(f.Lacks).To(Equal("server_tokens"))
	g.Expect(f.Saw).To(ContainSubstring("Server: nginx/1.22.1"))
	notFiring(t, "version-shown").allMeasured(bare("refused", 502)).noFinding("version-shown")
	text, _ := Examples("version-shown")
	f = newRuleTest(t, swap(text, "listen 80;", "listen 80;\nserver_tokens on;")).allMeasured(c).finding("version-shown")
	g.Expect(f.Place.Line).To(Equal(7))
	g.Expect(f.Lacks).To(BeEmpty())
}

func TestRawError(t *testing.T) {
	g := NewWithT(t)
	raw := audit.Measurement{Fault: "500", Outcome: audit.Outcome{Status: 500, Page: "upstream"}}
	f := firing(t, "raw-error").measured(0, raw).finding("raw-error")
	g.Expect(f.Severity).To(Equal("medium"), "the config has a page for it")
	g.Expect(f.Lacks).To(Equal("proxy_intercept_errors"))
	g.Expect(f.Patch).To(Equal("proxy_intercept_errors on;"))

	text, _ := Examples("raw-error")
	plain := swap(text, "error_page 500 502 503 504 /sorry.html;", "")
	f = newRuleTest(t, plain).measured(0, raw).finding("raw-error")
	g.Expect(f.Severity).To(Equal("low"))
	g.Expect(f.Patch).To(ContainSubstring("error_page 500 502 503 504 /gateway-error.html;"))
	g.Expect(f.Edits).To(BeEmpty(), "an API's clients read what the application says")

	// What the application says of a 4xx stays: the pages for 5xx alone stand again, in the block that inherits all or in each location.
	f = newRuleTest(t, swap(plain, "server {", "error_page 404 422 /404.html; error_page 500 502 =503 /sorry.html;\nserver {")).measured(0, raw).finding("raw-error")
	g.Expect(f.Patch).To(Equal("proxy_intercept_errors on;\nerror_page 500 502 =503 /sorry.html;"))
	f = newRuleTest(t, swap(swap(plain, "listen 80;", "listen 80; error_page 404 500 502 /sorry.html;"), "location / {", "location /b/ { proxy_pass http://b; }\nlocation / {")).
		allMeasured(raw).finding("raw-error")
	guarded := swap(swap(plain, "server {", "error_page 401 404 /login.html; error_page 500 502 /sorry.html;\nserver {"), "listen 80;", "listen 80; auth_basic x;")
	g.Expect(newRuleTest(t, guarded).measured(0, raw).finding("raw-error").Patch).To(Equal("proxy_intercept_errors on;"), "nginx's own 401 needs its page")
	g.Expect(f.Edits).To(HaveLen(2))
	for _, e := range f.Edits {
		g.Expect(e.Block.Name).To(Equal("location"))
		g.Expect(e.Lines).To(Equal([]string{"proxy_intercept_errors on;", "error_page 500 502 /sorry.html;"}))
	}

	own := raw
	own.Page = "config"
	notFiring(t, "raw-error").measured(0, own).noFinding("raw-error")
	refused := bare("refused", 502)
	firing(t, "raw-error").measured(0, refused).noFinding("raw-error")
	post := raw
	post.Method = "POST"
	firing(t, "raw-error").measured(0, post).noFinding("raw-error")
	grpc := "events {}\nhttp {\nserver {\nlisten 80 http2;\nlocation / {\ngrpc_pass grpc://app:9000;\n}\n}\n}"
	newRuleTest(t, grpc).allMeasured(raw).noFinding("raw-error")
}

// A POST that the error page refuses is found once, under all the faults that lead to it.
func TestErrorPagePost_IsFoundOnce(t *testing.T) {
	g := NewWithT(t)
	s := firing(t, "error-page-post")
	for _, fault := range []string{"refused", "died"} {
		s.allMeasured(audit.Measurement{Fault: fault, Method: "POST", Masked: true, Outcome: audit.Outcome{Status: 405, Page: "nginx"}})
	}
	s.noFinding("masked-error")
	g.Expect(s.finding("error-page-post").Faults).To(Equal([]string{"refused", "died"}))
	s.allMeasured(audit.Measurement{Fault: "refused", Masked: true, Outcome: audit.Outcome{Status: 404, Page: "nginx"}})
	g.Expect(s.finding("masked-error").Title).To(HaveSuffix("404"))
}
