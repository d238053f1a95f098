package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"reflect"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/junit"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// hostile is an evidence in which every text tries to break out of the report.
func hostile() scenario.Evidence {
	const bad = "</pre></style><script>alert(1)</script>\"'><img src=x onerror=alert(2)> ]]> & \x1b[31m\a\x00\u009b\u202e \xff {{.}}\r\n2"
	all := []lab.Event{{Actor: bad, Text: bad}}
	x := lab.Exchange{
		Visitor: bad, Request: bad, NoAnswer: bad, Header: map[string][]string{bad: {bad}}, Body: "<title>" + bad + "</title>",
		Tries: []lab.Try{{Addr: bad, Kept: true}}, Access: bad, UpstreamLog: []string{bad},
		Log: []gateway.LogRecord{{Level: bad, Message: bad, Errno: 1, ErrnoText: bad, Phase: bad, Raw: bad}},
	}
	return scenario.Evidence{
		Scenario: bad, Variant: bad, Family: bad, Causes: []string{bad}, Claim: bad, Said: bad, Fault: bad, Confirm: bad, Remedy: bad,
		Source: "javascript:alert(3)//" + bad, Gateway: bad, Config: bad, Clock: bad, Healthy: x, Broken: x, Recovered: x,
		Verdict: scenario.Failed, Differences: []scenario.Difference{{What: bad, Want: bad, Got: bad}}, Error: bad, Transcript: all, Again: bad,
	}
}

func TestJUnit(t *testing.T) {
	var out bytes.Buffer
	if err := JUnit(&out, sampleRun, append(samples(), hostile())); err != nil {
		t.Fatal(err)
	}
	var root junit.Root
	if err := xml.Unmarshal(out.Bytes(), &root); err != nil {
		t.Fatalf("not well-formed: %v", err)
	}
	if root.Tests != 13 || root.Failures != 2 || root.Errors != 1 || len(root.Suites) != 6 || root.Time != "4.210" {
		t.Errorf("the sums are wrong: %+v", root)
	}
	memory := root.Suites[4]
	if memory.Name != "badgateway.memory" || memory.Tests != 2 || memory.Time != "0.042" || memory.Timestamp != "2026-01-02T15:04:05" {
		t.Errorf("the suite is wrong: %+v", memory)
	}
	if want := (junit.Property{Name: "image", Value: "nginx:1.22"}); memory.Properties.All[1] != want {
		t.Errorf("properties: %+v", memory.Properties)
	}
	failed, lab := memory.Cases[0], memory.Cases[1]
	if failed.Name != "too-many-files (fake)" || failed.Class != "badgateway.memory" || failed.Time != "0.021" || failed.Error != nil ||
		!strings.HasPrefix(failed.Failure.Message, "status: expected 500, came 502") || !strings.Contains(failed.Failure.Text, "Run it again") {
		t.Errorf("the failure is wrong: %+v", failed)
	}
	if lab.Failure != nil || !strings.Contains(lab.Error.Message, "no space left") {
		t.Errorf("the error is wrong: %+v", lab)
	}
	if passed := root.Suites[0].Cases[0]; passed.Failure != nil || passed.Error != nil || !strings.Contains(passed.Out, "log: 2026/01/02 15:04:05 [error]") {
		t.Errorf("the passed case is wrong: %+v", passed)
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := JSON(&out, sampleRun, samples()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema         string
		Run            Run
		Passed, Failed int
		Scenarios      []scenario.Evidence
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != RunSchema || got.Run != sampleRun || got.Passed != 10 || got.Failed != 2 {
		t.Errorf("the head is wrong: %+v", got)
	}
	if !reflect.DeepEqual(got.Scenarios, samples()) {
		t.Error("the evidence is not what it was")
	}
	out.Reset()
	if err := JSON(&out, Run{}, nil); err != nil || !strings.Contains(out.String(), `"scenarios": []`) {
		t.Errorf("an empty run: %v, %s", err, out.String())
	}
}

func TestLine(t *testing.T) {
	var out bytes.Buffer
	if err := Line(&out, samples()[6]); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), `{"schema":"badgateway.scenario/2","scenario":"php-fatal-error",`) || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("got %s", out.String())
	}
	var got scenario.Evidence
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || !reflect.DeepEqual(got, samples()[6]) {
		t.Errorf("read again: %v, %+v", err, got)
	}
}
