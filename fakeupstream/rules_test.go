package fakeupstream

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

// get is the request of a client that does not keep its connection.
func get(target string, lines ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + strings.Join(append(lines, "", ""), "\r\n")
}

// status is what the upstream answers to a request on a connection of its own: "200", or nothing.
func status(t *testing.T, s *Server, request string) string {
	t.Helper()
	got, _ := exchangeAll(t, s, request)
	got, _, _ = strings.Cut(strings.TrimPrefix(got, "HTTP/1.1 "), " ")
	return got
}

func TestRules_CountOverAllConnections(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{
		Script: FailFirstThen(1, Well{Status: 201}, Well{Status: 202}),
		Rules:  []Rule{{Nth: 3, Then: Well{Status: 503}}, {First: 4, Method: "POST", Then: Well{Status: 504}}},
	})
	post := strings.Replace(get("/"), "GET", "POST", 1)
	var got []string
	for _, request := range []string{get("/"), post, post, get("/"), post, post, post} {
		got = append(got, status(t, s, request))
	}
	g.Expect(got).To(Equal([]string{"201", "504", "503", "202", "504", "504", "202"}), "the third request counts as a POST too")
	var rules []int
	for _, c := range s.Records() {
		rules = append(rules, c.Requests[0].Rule)
	}
	g.Expect(rules).To(Equal([]int{0, 2, 1, 0, 2, 2, 0}))
	g.Expect(s.Records()[2].Requests[0].Did).To(Equal("answer 503"))

	s.Reset()
	g.Expect(s.Spec().Rules).To(BeEmpty())
	for range 3 {
		g.Expect(status(t, s, post)).To(Equal("200"))
	}
}

// Exactly one of many requests at once is the Nth.
func TestRules_OneRequestIsTheNth(t *testing.T) {
	t.Parallel()
	s := start(t, Spec{Rules: []Rule{{Nth: 20, Then: Well{Status: 503}}}})
	var all sync.Map
	var done sync.WaitGroup
	for i := range 40 {
		done.Go(func() { all.Store(i, status(t, s, get("/"))) })
	}
	done.Wait()
	failed := 0
	all.Range(func(_, code any) bool {
		if code == "503" {
			failed++
		}
		return true
	})
	NewWithT(t).Expect(failed).To(Equal(1))
}

func TestRules_FitByMethodPathAndHeader(t *testing.T) {
	t.Parallel()
	target := func(method, uri string) RequestRecord { return RequestRecord{Method: method, URI: uri} }
	with := func(fields ...Field) RequestRecord { return RequestRecord{Method: "GET", URI: "/", Headers: fields} }
	params := func(fields ...Field) RequestRecord { return RequestRecord{Method: "GET", URI: "/", Params: fields} }
	for i, c := range []struct {
		rule Rule
		q    RequestRecord
		fits bool
	}{
		{Rule{}, target("", ""), true},
		{Rule{Method: "POST"}, target("POST", "/"), true},
		{Rule{Method: "POST"}, target("GET", "/"), false},
		{Rule{Path: "/pay"}, target("GET", "/pay"), true},
		{Rule{Path: "/pay"}, target("GET", "/pay?for=it"), true},
		{Rule{Path: "/pay"}, target("GET", "http://shop.test:81/pay?for=it"), true},
		{Rule{Path: "/"}, target("GET", "http://shop.test"), true},
		{Rule{Path: "/a://b"}, target("GET", "/a://b"), true},
		{Rule{Path: "/pay"}, target("GET", "/pay/"), false},
		{Rule{Path: "/pay"}, target("GET", "/"), false},
		{Rule{Path: "/pay/*"}, target("GET", "/pay/a/b"), true},
		{Rule{Path: "/pay*"}, target("GET", "/payment"), true},
		{Rule{Path: "/pay/*"}, target("GET", "/pay"), false},
		{Rule{Path: "*"}, target("OPTIONS", "*"), true},
		{Rule{Method: "GET", Path: "/pay"}, target("POST", "/pay"), false},
		{Rule{Headers: []string{"X-Debug: 1"}}, with(Field{"x-debug", "1"}), true},
		{Rule{Headers: []string{"X-Debug:1"}}, with(Field{"X-Debug", "0"}, Field{"X-Debug", "1"}), true},
		{Rule{Headers: []string{"X-Debug: 1"}}, with(Field{"X-Debug", "10"}), false},
		{Rule{Headers: []string{"X-Debug"}}, with(Field{"X-Debug", "10"}), true},
		{Rule{Headers: []string{"X-Debug:"}}, with(Field{"X-Debug", "10"}), false},
		{Rule{Headers: []string{"X-Debug"}}, with(Field{"X-Debugger", "1"}), false},
		{Rule{Headers: []string{"A", "B: b"}}, with(Field{"A", "a"}, Field{"B", "b"}), true},
		{Rule{Headers: []string{"A", "B: b"}}, with(Field{"A", "a"}), false},
		{Rule{Headers: []string{"Host: shop.test"}}, with(Field{":authority", "shop.test"}), true},
		{Rule{Headers: []string{"X-Debug: 1"}}, params(Field{"HTTP_X_DEBUG", "1"}), true},
		{Rule{Headers: []string{"Content-Type: text/plain"}}, params(Field{"CONTENT_TYPE", "text/plain"}), true},
		{Rule{Headers: []string{"X-Debug"}}, params(Field{"X_DEBUG", "1"}), false},
	} {
		if got := c.rule.fits(&c.q); got != c.fits {
			t.Errorf("%d: %+v and %+v: %v", i, c.rule, c.q, got)
		}
	}
}

func TestRules_GoBeforeTheScriptOnceTheHeadIsRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script Script
		then   Behaviour
		want   string
		rule   int
	}{
		"what the script answers":         {Always(Garbage{}), Well{Close: true}, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n", 1},
		"what it sends at accept":         {Script{{Raw{At: AtAccept, Text: "hello\n", End: EndKeep}, Garbage{}}}, Raw{Text: "taken"}, "hello\ntaken", 1},
		"an early answer":                 {Always(EarlyAnswer{}), Raw{Text: "taken"}, "taken", 1},
		"a delay that would follow":       {Always(Delay{For: 1e18, At: AtBody}), Well{Close: true}, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n", 1},
		"a drip that would be slow":       {Always(Drip{Every: 1e18}), Raw{Text: "taken"}, "taken", 1},
		"what the script does at accept":  {Always(Close{At: AtAccept}), Raw{Text: "taken"}, "", 0},
		"a rule that answers early":       {nil, EarlyAnswer{Answer: Well{NoBody: true}}, "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 1},
		"a rule that waits and then acts": {Always(Garbage{}), Delay{For: 1, Then: Raw{Text: "taken"}}, "taken", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			s := start(t, Spec{Script: c.script, Rules: []Rule{{Path: "/up", Then: c.then}}})
			got, how := exchangeAll(t, s, "POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi")
			g.Expect(got).To(Equal(c.want))
			g.Expect(how).To(Equal(fin))
			if c.rule > 0 {
				g.Expect(s.Records()[0].Requests).To(ConsistOf(And(HaveField("Rule", c.rule), HaveField("Did", c.then.String()))))
			}
		})
	}
}

// A request that a rule takes is one of its connection all the same.
func TestRules_LeaveTheScriptItsPlace(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{
		Script: Script{{Well{Body: "1"}, Well{Body: "2"}, Well{Body: "3"}, Close{}}},
		Rules:  []Rule{{Nth: 2, Then: Well{Body: "rule"}}},
	})
	got, _ := exchangeAll(t, s, strings.Repeat(getRoot, 4))
	g.Expect(strings.Split(got, "\r\n\r\n")).To(HaveExactElements(Not(BeEmpty()), HavePrefix("1"), HavePrefix("rule"), Equal("3")))
}

func TestRules_TakeWhatOtherProtocolsHave(t *testing.T) {
	t.Parallel()
	fcgi := start(t, Spec{Protocol: FastCGI, Rules: []Rule{{Path: "/index.php", Headers: []string{"X-Debug: 1"}, Then: FastCGIEnd{}}}})
	memcached := start(t, Spec{Protocol: Memcached, Rules: []Rule{{Path: "key", Then: Raw{Text: "taken"}}}})
	stream := start(t, Spec{Protocol: Stream, Rules: []Rule{{Nth: 1, Then: Raw{Text: "taken"}}}})
	for _, c := range []struct {
		s       *Server
		request string
		rule    int
	}{
		{fcgi, fcgiRequest(false, "", "HTTP_X_DEBUG", "1"), 1},
		{fcgi, fcgiRequest(false, ""), 0},
		{memcached, "get key\r\n", 1},
		{stream, "anything", 1},
	} {
		exchangeAll(t, c.s, c.request)
		all := c.s.Records()
		NewWithT(t).Expect(all[len(all)-1].Requests).To(ConsistOf(HaveField("Rule", c.rule)), c.request)
	}
}

func TestRules_TakeRequestsOfHTTP2(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: GRPC, Script: Always(Well{Status: 204}), Rules: []Rule{
		{Method: "POST", Path: "/shop.Cart/*", Headers: []string{"Host: shop.test", "X-Debug: 1"}, Nth: 2, Then: Well{Status: 503}},
	}})
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &protocols}}
	defer client.CloseIdleConnections()
	var got []int
	for _, path := range []string{"/shop.Cart/Add", "/shop.Till/Pay", "/shop.Cart/Add", "/shop.Cart/Add"} {
		r, err := http.NewRequest("POST", fmt.Sprintf("http://%s%s", s.Addr(), path), nil)
		g.Expect(err).NotTo(HaveOccurred())
		r.Host = "shop.test"
		r.Header.Set("X-Debug", "1")
		answer, err := client.Do(r)
		g.Expect(err).NotTo(HaveOccurred())
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		got = append(got, answer.StatusCode)
	}
	g.Expect(got).To(Equal([]int{204, 204, 503, 204}))
	g.Expect(s.Records()).To(HaveLen(1))
	g.Expect(s.Records()[0].Requests[2].Rule).To(Equal(1))
}

// A unix socket that a rule may reset is read in another manner from its first byte on.
func TestRules_ResetAUnixSocket(t *testing.T) {
	t.Parallel()
	s := start(t, Spec{Listen: "unix:" + filepath.Join(t.TempDir(), "s"), Rules: []Rule{{Then: Reset{}}}})
	_, how := exchangeAll(t, s, getRoot)
	NewWithT(t).Expect(how).To(Equal(rst))
}

func TestRules_JSONRoundTrip(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	text := `{"listen":"127.0.0.1:0","rules":[
		{"method":"POST","path":"/pay","headers":["X-Debug: 1"],"nth":5,"then":{"do":"reset","at":"header"}},
		{"first":2,"then":{"do":"delay","for":"1s"}}]}`
	specs, err := ParseSpecs([]byte(text))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(specs[0].Rules).To(Equal([]Rule{
		{Method: "POST", Path: "/pay", Headers: []string{"X-Debug: 1"}, Nth: 5, Then: Reset{At: AtHeader}},
		{First: 2, Then: Delay{For: 1e9}},
	}))
	written, err := json.Marshal(specs)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(written)).To(MatchJSON("[" + text + "]"))
}

func TestRules_ErrorsNameTheRemedy(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`"rules":[{"pth":"/"}]`:            `rules[0].pth: rules[0] has no field "pth"; did you mean "path"?`,
		`"rules":{}`:                       `rules: want a list, got {}`,
		`"rules":[{"nth":"2"}]`:            `rules[0].nth: want a whole number, got "2"`,
		`"rules":[{"then":{"do":"rest"}}]`: `rules[0].then.do: no behaviour is called "rest"; did you mean "reset"?`,
		`"rules":[{"nth":2}]`:              `rules[0]: then: missing; say what the request meets`,
		`"rules":[{"then":{"do":"well"}},{"path":"pay","then":{"do":"well"}}]`:              `rules[1]: path: "pay" does not begin with a slash; write "/pay"`,
		`"rules":[{"path":"/a?b","then":{"do":"well"}}]`:                                    `rules[0]: path: "/a?b" has a query, which is not looked at`,
		`"rules":[{"nth":1,"first":1,"then":{"do":"well"}}]`:                                `rules[0]: nth: give one of nth and first`,
		`"rules":[{"nth":-1,"then":{"do":"well"}}]`:                                         `rules[0]: nth: -1 is negative`,
		`"rules":[{"headers":[": 1"],"then":{"do":"well"}}]`:                                `rules[0]: headers[0]: ": 1" is not a header line`,
		`"rules":[{"then":{"do":"refuse"}}]`:                                                `rules[0]: then: refuse is a state of the whole listener`,
		`"rules":[{"then":{"do":"reset","at":"accept"}}]`:                                   `rules[0]: then (reset): at: accept comes before the head of the request`,
		`"rules":[{"then":{"do":"delay","for":"1s","then":{"do":"silent","at":"accept"}}}]`: `rules[0]: then (delay): then: at: accept comes before`,
		`"script":[{"do":"refuse"}],"rules":[{"then":{"do":"well"}}]`:                       `script: refuse is a state of the whole listener`,
		`"protocol":"stream","rules":[{"path":"/","then":{"do":"close"}}]`:                  `rules[0]: a stream has no method, path or header; give nth or first alone`,
		`"protocol":"memcached","rules":[{"headers":["A"],"then":{"do":"close"}}]`:          `rules[0]: headers: memcached has no header`,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, err := ParseSpecs([]byte(`{"listen":"127.0.0.1:0",` + doc + `}`))
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(want)))
		})
	}
	_, err := New(Spec{Listen: "127.0.0.1:0", Rules: []Rule{{Then: &Reset{}}}}, Options{})
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("rules[0]: then: *fakeupstream.Reset is not a registered behaviour")))
}
