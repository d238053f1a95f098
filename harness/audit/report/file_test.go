package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/internal/junit"
)

func jsonOf(t *testing.T, r *audit.Report) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := JSON(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.schema.json", text); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJSON_FollowsItsSchema(t *testing.T) {
	s := compiledSchema(t)
	for name, r := range map[string]*audit.Report{"sample": sample(), "refused": refusedSample(), "passed": passedSample()} {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(jsonOf(t, r)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		v.(map[string]any)["verdict"] = "maybe"
		if s.Validate(v) == nil {
			t.Errorf("%s: the schema takes an unknown verdict", name)
		}
	}
}

// The schema documents every field that a report can have, and none that it can't.
func TestSchema_DescribesEveryField(t *testing.T) {
	type object struct {
		Properties map[string]struct {
			Description string
			Ref         string `json:"$ref"`
			Items       struct {
				Ref string `json:"$ref"`
			}
		}
		Required []string
		AllOf    []struct {
			Ref string `json:"$ref"`
		}
	}
	var schema struct {
		object
		Title string
		Defs  map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(Schema), &schema); err != nil {
		t.Fatal(err)
	}
	if schema.Title != audit.Schema {
		t.Errorf("the schema is of %q", schema.Title)
	}
	seen := map[reflect.Type]bool{}
	var compare func(kind reflect.Type, o object)
	compare = func(kind reflect.Type, o object) {
		if seen[kind] {
			return
		}
		seen[kind] = true
		var names, required []string
		for i := range kind.NumField() {
			f := kind.Field(i)
			if f.Anonymous { // its fields are those of the other definition
				name := strings.ToLower(f.Name[:1]) + f.Name[1:]
				if len(o.AllOf) != 1 || o.AllOf[0].Ref != "#/$defs/"+name {
					t.Errorf("%s does not say that it has all of %s", kind, name)
				}
				compare(f.Type, schema.Defs[name])
				continue
			}
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			names = append(names, name)
			if !strings.Contains(options, "omit") {
				required = append(required, name)
			}
			p, ok := o.Properties[name]
			if !ok || p.Description == "" {
				t.Errorf("%s.%s is not documented", kind, name)
			}
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[time.Time]() {
				ref := strings.TrimPrefix(p.Ref+p.Items.Ref, "#/$defs/")
				compare(inner, schema.Defs[ref])
			}
		}
		for name := range o.Properties {
			if !slices.Contains(names, name) {
				t.Errorf("the schema has %s.%s, which is not there", kind, name)
			}
		}
		slices.Sort(required)
		slices.Sort(o.Required)
		if !slices.Equal(required, o.Required) {
			t.Errorf("%s always has %v, the schema says %v", kind, required, o.Required)
		}
	}
	compare(reflect.TypeFor[audit.Report](), schema.object)
	if len(seen) != len(schema.Defs)+1 {
		t.Errorf("%d of %d definitions are used", len(seen)-1, len(schema.Defs))
	}
}

func TestJSON_ReadsBack(t *testing.T) {
	var got audit.Report
	if err := json.Unmarshal(jsonOf(t, sample()), &got); err != nil {
		t.Fatal(err)
	}
	if again := jsonOf(t, &got); !bytes.Equal(again, jsonOf(t, sample())) {
		t.Error("read and written again it is another")
	}
	empty := string(jsonOf(t, &audit.Report{Schema: audit.Schema}))
	has(t, empty, `"routes": []`, `"findings": []`, `"supplied": []`, `"faults": []`)
}

func TestJUnit(t *testing.T) {
	read := func(r *audit.Report) (root junit.Root) {
		t.Helper()
		var out bytes.Buffer
		if err := JUnit(&out, r); err != nil {
			t.Fatal(err)
		}
		if err := xml.Unmarshal(out.Bytes(), &root); err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		return root
	}
	root := read(sample())
	if len(root.Suites) != 7 { // config, five measured routes, one that was not reached
		t.Fatalf("%d suites", len(root.Suites))
	}
	config, api := root.Suites[0], root.Suites[1]
	if config.Tests != 2 || config.Failures != 1 || config.Cases[1].Failure.Type != "shows-version" {
		t.Errorf("the config's suite is wrong: %+v", config)
	}
	if api.Name != "shop.example.com/api/" || api.Tests != len(sampleFaults)+1 || api.Errors != 1 || api.Skipped != 3 || api.Failures != 2 {
		t.Errorf("the suite is wrong: %+v", api)
	}
	silent := api.Cases[2]
	if silent.Name != "host off" || silent.Failure == nil || silent.Failure.Type != "policy" ||
		!strings.HasPrefix(silent.Failure.Message, "GET: waited 60 s, 10 s at most allowed; POST: waited") || !strings.Contains(silent.Failure.Message, "high: visitors wait 60 s for a dead upstream (conf.d/shop.conf:21)") ||
		!strings.Contains(silent.Failure.Text, "Connection timed out") || !strings.Contains(silent.Failure.Text, "proxy_connect_timeout 3s;") {
		t.Errorf("the failure is wrong: %+v", silent)
	}
	if early := api.Cases[5]; early.Name != "dies before" || early.Failure != nil || !strings.Contains(early.Out, "prematurely") {
		t.Errorf("a waived finding fails: %+v", early)
	}
	tests, failures, errors, skipped := 0, 0, 0, 0
	for _, s := range root.Suites {
		tests, failures, errors, skipped = tests+len(s.Cases), failures+s.Failures, errors+s.Errors, skipped+s.Skipped
	}
	if root.Tests != tests || root.Failures != failures || root.Errors != errors || *root.Skipped != skipped || root.Time != "3.210" {
		t.Errorf("the sums are wrong: %+v", root)
	}
	refused := read(refusedSample())
	if f := refused.Suites[0].Cases[0].Failure; f == nil || !strings.HasPrefix(f.Text, "nginx: [emerg]") || refused.Failures != 1 {
		t.Errorf("a refused config: %+v", refused)
	}
	r := passedSample()
	r.Routes[0].Breaches = []string{"200, 204 wanted"}
	if passed := read(r); passed.Failures != 1 || passed.Suites[1].Cases[0].Failure.Message != "200, 204 wanted" {
		t.Errorf("a breach when all is well: %+v", passed)
	}
	lenient := sample()
	lenient.FailOn = "high"
	if root := read(lenient); root.Suites[0].Failures != 0 || root.Suites[3].Failures != 2 { // medium and low pass, what takes 60 s does not
		t.Errorf("with high alone: %+v", root.Suites[3])
	}
	read(hostile())
}

// sarifLog is what code hosts read of SARIF.
type sarifLog struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name, Version string
				Rules         []sarifRule
			}
		}
		Results []sarifResult
	}
}

// officialSARIF is the schema of OASIS as it stands at sarifSchema.
//
//go:embed testdata/sarif-schema-2.1.0.json
var officialSARIF string

var compileSARIF = sync.OnceValues(func() (*jsonschema.Schema, error) {
	text, err := jsonschema.UnmarshalJSON(strings.NewReader(officialSARIF))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(sarifSchema, text); err != nil {
		return nil, err
	}
	return c.Compile(sarifSchema)
})

func sarifSchemaOf(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := compileSARIF()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readJSON(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The schema is the one that our logs name, and refuses what it should: else it would prove nothing.
func TestSARIFSchema(t *testing.T) {
	s := sarifSchemaOf(t)
	if !strings.Contains(officialSARIF, `"id": "`+sarifSchema+`"`) {
		t.Errorf("it is not the one of %s", sarifSchema)
	}
	for _, bad := range []string{
		`{}`, `{"version": "2.0.0", "runs": []}`, `{"version": "2.1.0", "runs": [{}]}`,
		`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [{"level": "grave", "message": {"text": "x"}}]}]}`,
		`{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x", "informationUri": "no uri: %"}}}]}`,
	} {
		if s.Validate(readJSON(t, []byte(bad))) == nil {
			t.Errorf("it takes %s", bad)
		}
	}
}

func sarifOf(t *testing.T, r *audit.Report, folder string) sarifLog {
	t.Helper()
	var out bytes.Buffer
	if err := SARIF(&out, r, func(file string) string { return path.Join(folder, file) }); err != nil {
		t.Fatal(err)
	}
	if err := sarifSchemaOf(t).Validate(readJSON(t, out.Bytes())); err != nil {
		t.Errorf("it is not as its schema has it: %v", err)
	}
	var log sarifLog
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	// What a host refuses, or shows nowhere, if it is not so.
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "sarif-schema-2.1.0.json") || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name != "badgateway" {
		t.Fatalf("the head is wrong: %+v", log)
	}
	ids := map[string]bool{}
	for _, rule := range log.Runs[0].Tool.Driver.Rules {
		if ids[rule.ID] {
			t.Errorf("two rules are named %q", rule.ID)
		}
		ids[rule.ID] = true
		if rule.ID == "" || rule.Short.Text == "" || rule.Full.Text == "" || rule.Help.Text == "" || rule.Default.Level == "" {
			t.Errorf("a rule lacks something: %+v", rule)
		}
	}
	marks := map[string]bool{}
	for _, x := range log.Runs[0].Results {
		if rules := log.Runs[0].Tool.Driver.Rules; x.RuleIndex >= len(rules) || rules[x.RuleIndex].ID != x.RuleID {
			t.Errorf("the rule's index is wrong: %+v", x)
		}
		if x.Message.Text == "" || len(x.Locations) != 1 || !slices.Contains([]string{"error", "warning", "note"}, x.Level) {
			t.Errorf("a result lacks something: %+v", x)
		}
		at := x.Locations[0].Physical
		u, err := url.Parse(at.Artifact.URI)
		if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "/") || slices.Contains(strings.Split(u.Path, "/"), "..") || at.Region.StartLine < 1 {
			t.Errorf("a place no host can show: %+v, %v", at, err)
		}
		if mark := x.Fingerprints["badgateway/v1"]; len(mark) != 32 || marks[mark] {
			t.Errorf("the fingerprint is wrong: %+v", x)
		} else {
			marks[mark] = true
		}
	}
	return log
}

func TestSARIF(t *testing.T) {
	run := sarifOf(t, sample(), "deploy/nginx").Runs[0]
	if len(run.Results) != 5 || len(run.Tool.Driver.Rules) != 5 { // four findings, one breach
		t.Fatalf("%d results, %d rules", len(run.Results), len(run.Tool.Driver.Rules))
	}
	first, waived, policy := run.Results[0], run.Results[3], run.Results[4]
	if first.RuleID != "long-wait" || first.Level != "error" || first.Locations[0].Physical.Artifact.URI != "deploy/nginx/conf.d/shop.conf" ||
		first.Locations[0].Physical.Region.StartLine != 21 || !strings.Contains(first.Message.Text, "proxy_connect_timeout 3s;") || first.Suppressions != nil {
		t.Errorf("the first is wrong: %+v", first)
	}
	if run.Results[1].Level != "warning" || run.Results[2].Level != "note" {
		t.Error("the severities are wrong")
	}
	if waived.RuleID != "post-repeated" || len(waived.Suppressions) != 1 || waived.Suppressions[0].Kind != "external" || waived.Suppressions[0].Justification != "the API discards repeats by its idempotency key" {
		t.Errorf("the waived one is wrong: %+v", waived)
	}
	if policy.RuleID != "not-allowed" || policy.Level != "error" || policy.Locations[0].Physical.Region.StartLine != 21 {
		t.Errorf("the breach is wrong: %+v", policy)
	}
	if rule := run.Tool.Driver.Rules[0]; rule.HelpURI == "" || !strings.Contains(rule.Help.Markdown, "[Source](https://nginx.org/") {
		t.Errorf("the rule's help is wrong: %+v", rule)
	}
	if rule := run.Tool.Driver.Rules[0]; rule.Short.Text != "Visitors wait long for a dead upstream" {
		t.Errorf("the rule has the title of one finding: %q", rule.Short.Text)
	}
	if v := run.Tool.Driver.Version; v != "v1.2.3" {
		t.Errorf("the version is %q", v)
	}
	if v := sarifOf(t, passedSample(), "").Runs[0].Tool.Driver.Version; v == "" {
		t.Error("a report without a version leaves it empty")
	}
	refused := sarifOf(t, refusedSample(), "").Runs[0].Results
	if len(refused) != 1 || refused[0].Locations[0].Physical.Artifact.URI != "conf.d/shop.conf" || !strings.HasPrefix(refused[0].Message.Text, "nginx: [emerg]") {
		t.Errorf("a refused config: %+v", refused)
	}
	if passed := sarifOf(t, passedSample(), ""); passed.Runs[0].Results == nil {
		t.Error("no list of results")
	}
	sarifOf(t, hostile(), "a b/ü")
	colon := refusedSample()
	colon.Refused.Place.File = "a:b.conf"
	sarifOf(t, colon, "")
	// Lines that move do not make another result of it.
	moved := sample()
	moved.Findings[1].Place.Line += 7
	if again := sarifOf(t, moved, "deploy/nginx").Runs[0].Results[0]; again.Fingerprints["badgateway/v1"] != first.Fingerprints["badgateway/v1"] {
		t.Error("the fingerprint moves with the line")
	}
	outside := sample()
	outside.Findings[1].Place.File = "../../snippets/proxy.conf"
	sarifOf(t, outside, "nginx")
}

func TestMarkdown(t *testing.T) {
	out := written(t, func(w *strings.Builder) error { return Markdown(w, sample()) })
	has(t, out, "## deploy/nginx (nginx.conf) on nginx/1.26.3\n\nfindings: 1 high", "### high: visitors wait 60 s for a dead upstream\n", "`conf.d/shop.conf:21` (`long-wait`)",
		"```nginx\nproxy_connect_timeout 3s;\nproxy_read_timeout 15s;\n```\n", "| host off | **504 60s** | - | **504 60s** | **500 60s** | closed 60s |\n", "200\\~",
		"- `shop.example.com/api/`: waited 60 s", "### Waived\n", "`shop.example.com ~ \\.php$`", "<details><summary>What visitors get</summary>\n\n| fault |")
	table := 0
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "|") {
			table++
			if n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); n != 7 {
				t.Errorf("a row of %d bars: %s", n, line)
			}
		}
	}
	if table != 2+len(sampleFaults) {
		t.Errorf("%d rows", table)
	}
	has(t, written(t, func(w *strings.Builder) error { return Markdown(w, refusedSample()) }), "```\nnginx: [emerg] invalid", "(`conf.d/shop.conf:3`)")
	if bad := written(t, func(w *strings.Builder) error { return Markdown(w, hostile()) }); regexpHTML.MatchString(outsideCode(bad)) {
		t.Errorf("what the report holds becomes HTML:\n%s", bad)
	}
}

var (
	regexpHTML = regexp.MustCompile(`<(script|img)`)
	fences     = regexp.MustCompile("(?s)```.*?```")
	spans      = regexp.MustCompile("``? .*? ``?|`[^`\n]*`")
)

// outsideCode is Markdown without its code.
func outsideCode(s string) string { return spans.ReplaceAllString(fences.ReplaceAllString(s, ""), "") }
