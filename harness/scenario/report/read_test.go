package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/nasty"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// stored reads a file that run --reports wrote, on Docker with nginx 1.22. Those that failed and the error came of configs that
// were changed with --config; skipped.json has the form of a run on an engine that sets no limits.
func stored(t *testing.T, name string) Stored {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "evidence", name))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Read(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func TestJudgeAll_StoredEvidence(t *testing.T) {
	t.Parallel()
	want := map[string]struct {
		verdict string
		differs []string // what differs in each evidence
	}{
		"passed-status.json":   {scenario.Passed, nil},
		"passed-attempts.json": {scenario.Passed, nil},
		"passed-wait.json":     {scenario.Passed, nil},
		"passed-cut.json":      {scenario.Passed, nil},
		"passed-refused.json":  {scenario.Passed, nil},
		"passed-no-log.json":   {scenario.Passed, nil},
		"failed-status.json":   {scenario.Failed, []string{"status"}},
		"failed-log.json":      {scenario.Failed, []string{"log"}},
		"failed-wait.json":     {scenario.Failed, []string{"waited"}},
		"failed-attempts.json": {scenario.Failed, []string{"status", "tries"}},
		"error.json":           {scenario.Error, nil},
		"skipped.json":         {scenario.Skipped, nil},
	}
	files, err := os.ReadDir(filepath.Join("testdata", "evidence"))
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files of evidence, and %d are known: %v", len(files), len(want), err)
	}
	for name, want := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stored(t, name)
			blank := slices.Clone(s.Evidence)
			for i := range blank {
				blank[i].Verdict, blank[i].Differences = "", nil
			}
			judged := scenario.JudgeAll(blank)
			if !reflect.DeepEqual(judged, s.Evidence) {
				t.Errorf("it is not judged as it was when it was stored:\n%+v\n%+v", judged, s.Evidence)
			}
			if c := s.Contradictions(judged); c != nil {
				t.Errorf("contradictions: %q", c)
			}
			for _, e := range judged {
				var what []string
				for _, d := range e.Differences {
					what = append(what, d.What)
				}
				if e.Verdict != want.verdict || !slices.Equal(what, want.differs) {
					t.Errorf("%s is %s and differs in %q, want %s and %q", name, e.Verdict, what, want.verdict, want.differs)
				}
			}
		})
	}
}

// Each field that a verdict depends on changes it when it is another.
func TestJudgeAll_EachFieldCounts(t *testing.T) {
	t.Parallel()
	type evidence = scenario.Evidence
	always := func(evidence) bool { return true }
	logged := func(e evidence) bool { return len(e.Broken.Log) > 0 }
	slow := func(e evidence) bool { return e.Expected.After > 0 }
	line := func(change func(*gateway.LogRecord)) func(*evidence) {
		return func(e *evidence) {
			e.Broken.Log = slices.Clone(e.Broken.Log)
			change(&e.Broken.Log[0])
		}
	}
	wanted := func(change func(*scenario.LogLine)) func(*evidence) {
		return func(e *evidence) {
			e.Expected.Log = slices.Clone(e.Expected.Log)
			change(&e.Expected.Log[0])
		}
	}
	another := gateway.LogRecord{Level: "warn", Message: "another line"}
	for name, c := range map[string]struct {
		has     func(evidence) bool
		change  func(*evidence)
		verdict string
	}{
		"status before":           {always, func(e *evidence) { e.Healthy.Status = 502 }, scenario.Error},
		"cut before":              {always, func(e *evidence) { e.Healthy.Cut = true }, scenario.Error},
		"log before":              {always, func(e *evidence) { e.Healthy.Log = append(e.Healthy.Log, another) }, scenario.Error},
		"wait before":             {always, func(e *evidence) { e.Healthy.Waited = time.Minute }, scenario.Error},
		"status":                  {always, func(e *evidence) { e.Broken.Status++ }, scenario.Failed},
		"how no answer came":      {always, func(e *evidence) { e.Broken.NoAnswer += "reset" }, scenario.Failed},
		"cut":                     {always, func(e *evidence) { e.Broken.Cut = !e.Broken.Cut }, scenario.Failed},
		"wait too long":           {always, func(e *evidence) { e.Broken.Waited += time.Minute }, scenario.Failed},
		"wait too short":          {slow, func(e *evidence) { e.Broken.Waited /= 2 }, scenario.Failed},
		"wait not proven":         {slow, func(e *evidence) { e.Broken.NotBefore = 0 }, scenario.Failed},
		"wait proven too long":    {slow, func(e *evidence) { e.Broken.NotBefore += time.Minute }, scenario.Failed},
		"an attempt more":         {func(e evidence) bool { return e.Expected.Tries > 0 }, func(e *evidence) { e.Broken.Tries = append(slices.Clip(e.Broken.Tries), lab.Try{}) }, scenario.Failed},
		"an attempt less":         {func(e evidence) bool { return e.Expected.Tries > 0 }, func(e *evidence) { e.Broken.Tries = e.Broken.Tries[1:] }, scenario.Failed},
		"a line more":             {always, func(e *evidence) { e.Broken.Log = append(slices.Clip(e.Broken.Log), another) }, scenario.Failed},
		"a line less":             {logged, func(e *evidence) { e.Broken.Log = e.Broken.Log[1:] }, scenario.Failed},
		"level":                   {logged, line(func(l *gateway.LogRecord) { l.Level = "notice" }), scenario.Failed},
		"message":                 {logged, line(func(l *gateway.LogRecord) { l.Message = "something else" }), scenario.Failed},
		"errno":                   {logged, line(func(l *gateway.LogRecord) { l.Errno++ }), scenario.Failed},
		"phase":                   {logged, line(func(l *gateway.LogRecord) { l.Phase += "x" }), scenario.Failed},
		"upstream's log":          {func(e evidence) bool { return e.Expected.UpstreamLog != "" }, func(e *evidence) { e.Broken.UpstreamLog = nil }, scenario.Failed},
		"status after":            {always, func(e *evidence) { e.Recovered.Status = 502 }, scenario.Failed},
		"cut after":               {always, func(e *evidence) { e.Recovered.Cut = true }, scenario.Failed},
		"log after":               {always, func(e *evidence) { e.Recovered.Log = append(e.Recovered.Log, another) }, scenario.Failed},
		"wait after":              {always, func(e *evidence) { e.Recovered.Waited += 2 * time.Minute }, scenario.Failed},
		"a connection of others":  {func(e evidence) bool { return len(e.UpstreamCalls) > 0 }, func(e *evidence) { e.UpstreamCalls = calls(e.UpstreamCalls, 1) }, scenario.Failed},
		"expected status":         {always, func(e *evidence) { e.Expected.Status++ }, scenario.Failed},
		"expected cut":            {always, func(e *evidence) { e.Expected.Cut = !e.Expected.Cut }, scenario.Failed},
		"expected attempts":       {func(e evidence) bool { return e.Expected.Tries > 0 }, func(e *evidence) { e.Expected.Tries++ }, scenario.Failed},
		"expected wait":           {always, func(e *evidence) { e.Expected.After += time.Minute; e.Expected.Until += time.Minute }, scenario.Failed},
		"expected lines":          {logged, func(e *evidence) { e.Expected.Log = nil }, scenario.Failed},
		"expected level":          {logged, wanted(func(l *scenario.LogLine) { l.Level = "notice" }), scenario.Failed},
		"expected text":           {logged, wanted(func(l *scenario.LogLine) { l.Text = "something else" }), scenario.Failed},
		"code":                    {logged, line(func(l *gateway.LogRecord) { l.Code = "AH01114" }), scenario.Failed},
		"expected code":           {logged, wanted(func(l *scenario.LogLine) { l.Code = "AH01114" }), scenario.Failed},
		"expected errno":          {logged, wanted(func(l *scenario.LogLine) { l.Errno++ }), scenario.Failed},
		"expected phase":          {logged, wanted(func(l *scenario.LogLine) { l.Phase += "x" }), scenario.Failed},
		"expected upstream's log": {always, func(e *evidence) { e.Expected.UpstreamLog = "what nobody logs" }, scenario.Failed},
		"expected wait after":     {always, func(e *evidence) { e.Expected.RemedyTakes += time.Minute }, scenario.Failed},
		"error":                   {always, func(e *evidence) { e.Error = "the lab is gone" }, scenario.Error},
		"skipped":                 {always, func(e *evidence) { e.Skipped = "a limit is missing" }, scenario.Skipped},
		"server of a fake":        {func(e evidence) bool { return e.Variant == scenario.Fake && hasReal[e.Scenario] && logged(e) }, line(func(l *gateway.LogRecord) { l.Server = "other.example" }), scenario.Failed},
		"upstream of a fake":      {func(e evidence) bool { return e.Variant == scenario.Fake && hasReal[e.Scenario] && logged(e) }, line(func(l *gateway.LogRecord) { l.Upstream = "http://10.9.9.9" }), scenario.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tried := 0
			for _, file := range []string{"status", "attempts", "wait", "cut", "refused", "no-log"} {
				s := stored(t, "passed-"+file+".json")
				for i := range s.Evidence {
					if !c.has(s.Evidence[i]) {
						continue
					}
					tried++
					all := Stored{Evidence: slices.Clone(s.Evidence)}
					c.change(&all.Evidence[i])
					judged := scenario.JudgeAll(all.Evidence)
					if got := judged[i].Verdict; got != c.verdict {
						t.Errorf("%s is %s all the same: %+v", nameOf(judged[i]), got, judged[i].Differences)
					}
					if all := strings.Join(all.Contradictions(judged), "\n"); !strings.Contains(all, nameOf(judged[i])+" is told as passed, and its evidence says "+c.verdict) {
						t.Errorf("%s is not named: %q", nameOf(judged[i]), all)
					}
				}
			}
			if tried == 0 {
				t.Error("no stored evidence has it")
			}
		})
	}
}

// hasReal are the scenarios that are stored with both variants.
var hasReal = map[string]bool{"fpm-dead": true, "pool-one-dead": true, "fpm-terminate-timeout": true, "php-segfault-late": true}

func nameOf(e scenario.Evidence) string { return name(e) }

func calls(all []lab.UpstreamCalls, connections int) []lab.UpstreamCalls {
	all = slices.Clone(all)
	all[0].Connections += connections
	return all
}

func TestRead_WhatWasWritten(t *testing.T) {
	t.Parallel()
	s := stored(t, "passed-attempts.json")
	var whole, lines bytes.Buffer
	if err := JSON(&whole, s.Run, s.Evidence); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Evidence {
		if err := Line(&lines, e); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := Read(whole.Bytes()); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("a report: %v, %+v", err, got)
	}
	if got, err := Read(lines.Bytes()); err != nil || !reflect.DeepEqual(got, Stored{Evidence: s.Evidence}) {
		t.Errorf("lines: %v, %+v", err, got)
	}
}

func TestRead_RefusesWithTheReason(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(filepath.Join("testdata", "evidence", "passed-no-log.json"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, now string) string {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("the report has no %s", old)
		}
		return strings.Replace(string(good), old, now, 1)
	}
	for says, text := range map[string]string{
		"it is empty":                      "",
		"it ends in the middle, after 900": string(good[:900]),
		"it is no JSON":                    "result  scenario",
		"this is no report of a run: ":     "[1]",
		"it names no schema":               "{}",
		"its schema is badgateway.run/1, and this badgateway judges version 2": with("badgateway.run/2", "badgateway.run/1"),
		`its schema is "badgateway.check/1"`:                                   with("badgateway.run/2", "badgateway.check/1"),
		"it holds more than one run":                                           string(good) + string(good),
		"scenario 1, maintenance (fake), has the verdict \"fine\"":             with(`"verdict": "passed"`, `"verdict": "fine"`),
		"scenario 1 has no name":                                               with(`"scenario": "maintenance"`, `"scenario": ""`),
		`has the variant "mock": it is real or fake`:                           with(`"variant": "fake"`, `"variant": "mock"`),
		"does not say what was expected":                                       with(`"expected": {`, `"was_expected": {`),
		"is not as it should be: expected.status can't be string":              with(`"expected": {`, `"expected": {"status": "all", "x": 1,`),
		"has 1001 log lines under the fault, and 1000 are read":                with(`"broken": {`, `"broken": {"log": [{}`+strings.Repeat(",{}", 1000)+`],`),
		"expects 51 log lines":                                                 with(`"expected": {`, `"expected": {"log": [{}`+strings.Repeat(",{}", 50)+`],`),
		"a log line with a part of more than 65536 bytes":                      with(`"broken": {`, `"broken": {"log": [{"message": "`+strings.Repeat("x", 65537)+`"}],`),
		"has more than 200000 values":                                          with(`"expected": {`, `"unknown": [0`+strings.Repeat(",0", 200_000)+`], "expected": {`),
		"has 4200385 bytes, and 4194304 are read at most":                      with(`"expected": {`, `"unknown": "`+strings.Repeat("x", 4<<20)+`", "expected": {`),
		"there are more than 2000000 values in it":                             "[0" + strings.Repeat(",0", 2_000_000) + "]",
		"there are 33554433 bytes, and 33554432 are read at most":              strings.Repeat(" ", MaxSize+1),
	} {
		s, err := Read([]byte(text))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
		if len(s.Evidence) > 0 {
			t.Errorf("%s: evidence came of it", says)
		}
	}
}

func TestContradictions_OfCounts(t *testing.T) {
	t.Parallel()
	s := stored(t, "passed-status.json")
	s.Evidence = s.Evidence[:1]
	want := "it counts 2 passed, 0 failed, 0 skipped, and holds 1 passed, 0 failed, 0 skipped"
	if got := s.Contradictions(scenario.JudgeAll(s.Evidence)); len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
}

// FuzzRead holds that no text makes the reading or the judge fall over, and that a refusal is one harmless line.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "evidence", "*.json"))
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Add([]byte(`{"schema":"badgateway.run/2","scenarios":[{"scenario":"\u001b[2J","variant":"fake","verdict":"failed","expected":{"status":-1}}]}`))
	f.Add([]byte(`{"schema":"\u001b[31m\n::error::x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Read(data)
		texts := s.Contradictions(scenario.JudgeAll(s.Evidence))
		if err != nil {
			texts = append(texts, err.Error())
		}
		for _, text := range texts {
			if nasty.Raw(text) != "" || strings.Contains(text, "\n") {
				t.Errorf("it is told with what drives a terminal: %q", text)
			}
		}
		for _, e := range scenario.JudgeAll(s.Evidence) {
			if _, err := json.Marshal(e); err != nil {
				t.Error(err)
			}
		}
	})
}
