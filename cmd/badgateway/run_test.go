package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/scenarios"
)

func TestMeasuredAgain_IsReported(t *testing.T) {
	why := func(e scenario.Evidence) []string { return e.MeasuredAgain }
	once := scenario.Evidence{}
	twice := scenario.Evidence{MeasuredAgain: []string{"the lab waited 3.0 s for a processor"}}
	if said := measuredAgain([]scenario.Evidence{once, once}, why); said != "" {
		t.Errorf("none was: %q", said)
	}
	if said := measuredAgain([]scenario.Evidence{once, twice, twice}, why); said != "; 2 measured again, as the machine had no processor for them" {
		t.Errorf("two were: %q", said)
	}
}

func TestExitCodes(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"well":            {nil, 0},
		"a difference":    {errDiffers, 1},
		"bad input":       {errors.New("no scenario is called that"), 2},
		"a refused conf":  {refusedConfig{"my.conf", "unknown directive"}, 2},
		"a full disk":     {notWritten{errors.New("no space left")}, 1},
		"no lab":          {noLab{errors.New("no engine")}, 3},
		"the lab is gone": {fmt.Errorf("asking: %w", lab.ErrGone), 3},
		"interrupted":     {errInterrupted, 130},
		"in between":      {interruptedAfter{3, 10}, 130},
		"at the start":    {noLab{fmt.Errorf("starting: %w", errInterrupted)}, 130},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestRerunCommand_NamesWhatTheOutcomeDependsOn(t *testing.T) {
	for want, f := range map[string]runFlags{
		"badgateway run fpm-dead":                                                              {all: true, repeat: 7, seed: 3},
		"badgateway run fpm-dead --gateway-image nginx:1.29":                                   {labFlags: labFlags{image: "nginx:1.29"}},
		"badgateway run fpm-dead --backend-image a=b:1 --backend-image php=php:8":              {labFlags: labFlags{backends: map[string]string{"php": "php:8", "a": "b:1"}}},
		"badgateway run fpm-dead --config 'my site.conf' --real-time":                          {labFlags: labFlags{config: "my site.conf", realTime: true}},
		`badgateway run fpm-dead --gateway-image a --config 'it'\''s' --twin real --real-time`: {labFlags: labFlags{image: "a", config: "it's", realTime: true}, variant: "real"},
	} {
		if got := f.rerunCommand("badgateway", "fpm-dead"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTyped_NamesTheProgramAsItWasCalled(t *testing.T) {
	for program, want := range map[string]string{
		"badgateway": "badgateway", "bin/badgateway": "bin/badgateway", "/my tools/badgateway": "'/my tools/badgateway'",
	} {
		if got := typed(program); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRun_LostOutputIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	out := newOutput(full, 0)
	c := root()
	c.SetOut(out)
	c.SetArgs([]string{"list"})
	_ = c.Execute()
	if out.writeError() == nil {
		t.Error("nobody knows that the list was lost")
	}
}

func TestRoot_RefusesUnknownCommands(t *testing.T) {
	for says, words := range map[string][]string{
		`there is no command "nosuch"`:        {"help", "nosuch"},
		`there is no command "run nosuch"`:    {"help", "run", "nosuch"},
		`there is no completion for "nosuch"`: {"completion", "nosuch"},
		"name one scenario":                   {"lab"},
	} {
		c := root()
		c.SetOut(io.Discard)
		c.SetArgs(words)
		if err := c.Execute(); err == nil || !strings.Contains(err.Error(), says) || exitCode(err) != exitBadInput {
			t.Errorf("%v: got %v", words, err)
		}
	}
	for _, words := range [][]string{{"help"}, {"help", "run"}, {"help", "completion", "bash"}, {"completion"}, {"completion", "bash"}} {
		c := root()
		c.SetOut(io.Discard)
		c.SetArgs(words)
		if err := c.Execute(); err != nil {
			t.Errorf("%v: %v", words, err)
		}
	}
}

func TestRun_EmptyShardIsNoError(t *testing.T) {
	var said strings.Builder
	dir := t.TempDir()
	f := runFlags{parallel: 1, labs: 1, repeat: 1, shard: "5/5", reports: dir}
	if err := f.run(context.Background(), nil, &said, []string{"fpm-dead"}); err != nil {
		t.Error(err)
	}
	if said.String() != "this shard is empty: nothing to run\n" {
		t.Errorf("said %q", said.String())
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("reports: %v", left)
	}
}

func TestHeader_SaysRealTime(t *testing.T) {
	one := []scenario.Job{{Scenario: scenario.Scenario{ID: "a"}, Variant: scenario.Variant{Kind: scenario.Real}}}
	for want, begin := range map[string]func(*progress){
		"": func(p *progress) { p.begin(one, lab.Clock{Kind: lab.ClockMoved}, time.Minute) },
		"running a (real) in real time, about 1m0s\n": func(p *progress) {
			p.begin(one, lab.Clock{Kind: lab.ClockReal}, time.Minute)
		},
		"WARNING: this lab is in real time, as nginx is a static program. Every wait takes as long as it says, in all about 60 s.\n" +
			"Take an image whose gateway is a dynamic program for glibc (Debian's, or nginx:1.29) to have its clock moved, or say --real-time if that is meant.\n" +
			"running a (real) in real time, about 1m0s\n": func(p *progress) {
			p.begin(one, lab.Clock{Kind: lab.ClockReal, Why: "nginx is a static program", Unasked: true, Image: "nginx:1.29"}, time.Minute)
		},
	} {
		var said strings.Builder
		begin(newProgress(&said, 1))
		if said.String() != want {
			t.Errorf("said %q, want %q", said.String(), want)
		}
	}
}

func TestAsRefusal_OnlyBeforeTheFault(t *testing.T) {
	config := &lab.ConfigError{Program: "nginx", Lines: []gateway.LogRecord{{Level: "emerg", Message: `unknown directive "lisen" in /etc/nginx/nginx.conf:8`}}}
	for name, c := range map[string]struct {
		err   string
		words string
	}{
		"before the fault": {"the lab is not healthy before the fault: " + config.Error(), config.Lines[0].Message},
		"by the fault":     {"making the fault: " + config.Error(), ""},
		"another error":    {"the lab is not healthy before the fault: status is 500, not 200", ""},
		"none":             {"", ""},
	} {
		words, refused := refusal(scenario.Evidence{Error: c.err})
		if refused != (c.words != "") || refused && words != c.words {
			t.Errorf("%s: %q, %v", name, words, refused)
		}
	}
	mine := labFlags{config: "my.conf"}
	if got := mine.asRefusal(fmt.Errorf("opening: %w", config)); got.Error() != `unknown directive "lisen" in /etc/nginx/nginx.conf:8 (the gateway does not start with my.conf)` {
		t.Errorf("got %v", got)
	}
	if got := (&labFlags{}).asRefusal(config); got != error(config) {
		t.Errorf("without a config of the user's: %v", got)
	}
	if got := mine.asRefusal(nil); got != nil {
		t.Errorf("no error: %v", got)
	}
}

func TestWithConfig_ReplacesTheScenariosConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my.conf")
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	snippets := []lab.File{{Path: "/etc/nginx/snippets/a.conf", Data: "a"}}
	s := scenario.Scenario{Gateway: lab.Gateway{Driver: nginx.Driver, Config: "its own", Files: snippets}}
	f := labFlags{config: path}
	got, err := f.withConfig(s)
	if err != nil {
		t.Fatal(err)
	}
	if g := got.Gateway; g.Config != "mine" || !reflect.DeepEqual(g.Files, snippets) {
		t.Errorf("got %q and %v", g.Config, g.Files)
	}
}

func TestInOrder_OfTheCatalogue(t *testing.T) {
	variants := []scenario.Variant{{Kind: scenario.Real}, {Kind: scenario.Fake}}
	some := []scenario.Scenario{{ID: "a", Variants: variants}, {ID: "b", Variants: variants[1:]}}
	got := inOrder([]scenario.Evidence{
		{Scenario: "b", Variant: scenario.Fake}, {Scenario: "a", Variant: scenario.Fake}, {Scenario: "a", Variant: scenario.Real}, {Scenario: "a", Variant: scenario.Fake},
	}, some)
	var words []string
	for _, e := range got {
		words = append(words, e.Scenario+" "+string(e.Variant))
	}
	if s := strings.Join(words, ", "); s != "a real, a fake, a fake, b fake" {
		t.Errorf("got %s", s)
	}
}

func TestDiffering_CountsAgainstTheFirst(t *testing.T) {
	of := func(verdicts ...string) (all []scenario.Evidence) {
		for _, v := range verdicts {
			all = append(all, scenario.Evidence{Scenario: "a", Variant: scenario.Fake, Verdict: v})
		}
		return append(all, scenario.Evidence{Scenario: "a", Variant: scenario.Real, Verdict: scenario.Error})
	}
	for want, all := range [][]scenario.Evidence{
		of(scenario.Passed, scenario.Passed, scenario.Passed),
		of(scenario.Passed, scenario.Failed, scenario.Passed),
		of(scenario.Failed, scenario.Passed, scenario.Error),
	} {
		if got := differing(all); got != want {
			t.Errorf("%d differ, want %d", got, want)
		}
	}
}

func TestOutcome(t *testing.T) {
	for want, e := range map[string]scenario.Expectation{
		"502":                   {Status: 502},
		"200, cut off":          {Status: 200, Cut: true},
		"504 after 1m0s":        {Status: 504, After: 60e9},
		"no answer (closed)":    {NoAnswer: "closed"},
		"200, cut off after 5s": {Status: 200, Cut: true, After: 5e9},
	} {
		if got := outcome(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCompleteIDs_StartsWithWhatIsTyped(t *testing.T) {
	all, _ := completeIDs(nil, nil, "")
	for _, word := range all {
		if strings.HasPrefix(word, "family:") || strings.HasPrefix(word, "cause:") || strings.HasPrefix(word, "gateway:") {
			t.Errorf("%q hides the ids", word)
		}
	}
	seen := map[string]bool{}
	some, _ := completeIDs(nil, nil, "f")
	for _, word := range some {
		if !strings.HasPrefix(word, "f") || seen[word] {
			t.Errorf("%q is offered", word)
		}
		seen[word] = true
	}
	if len(some) == 0 || len(all) == 0 {
		t.Error("nothing is offered")
	}
}

func TestList_FitsEveryTerminal(t *testing.T) {
	all := scenarios.All()
	for _, width := range []int{80, 100, 129, 130, 160, 400} {
		var b strings.Builder
		printRows(&b, all, false, width)
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("at %d a line takes %d: %s", width, n, line)
			}
		}
		words := strings.Join(strings.Fields(b.String()), " ")
		for _, s := range all {
			for _, l := range logged(s) {
				if width >= 400 && !strings.Contains(words, strings.Join(strings.Fields(l), " ")) {
					t.Errorf("the list has no %q of %s", l, s.ID)
				}
			}
		}
	}
}

func TestList_HasALineForAProgram(t *testing.T) {
	all := scenarios.All()
	lines := strings.Split(strings.TrimSuffix(said(t, "list"), "\n"), "\n")
	if len(lines) != len(all) {
		t.Fatalf("%d lines for %d scenarios", len(lines), len(all))
	}
	found := false
	for i, line := range lines {
		if id, _, _ := strings.Cut(line, " "); id != all[i].ID || strings.Contains(line, "\t") || !strings.Contains(line, all[i].Fault) {
			t.Errorf("the line of %s is %q", all[i].ID, line)
		}
		found = found || all[i].ID == "fpm-dead" && strings.Contains(line, "[error] connect() failed (111: Connection refused) while connecting to upstream")
	}
	if !found {
		t.Error("no line of fpm-dead has what nginx logs, in its words")
	}
}

func TestWithLog_FindsTheWordsOfAnErrno(t *testing.T) {
	ids := func(text string) (all []string) {
		for _, s := range withLog(scenarios.All(), text) {
			all = append(all, s.ID)
		}
		return all
	}
	for _, text := range []string{"connect() failed", "(111)", "111: Connection refused", "CONNECTION REFUSED"} {
		if got := ids(text); !slices.Contains(got, "fpm-dead") || slices.Contains(got, "fpm-read-timeout") {
			t.Errorf("%s: %v", text, got)
		}
	}
	if got := ids("no such line"); got != nil {
		t.Errorf("found %v", got)
	}
}

func TestPrepareReports_RefusesWhatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := prepareReports(dir); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := prepareReports(filepath.Join(os.DevNull, "x")); err == nil || !strings.Contains(err.Error(), "making the folder for the reports") {
		t.Errorf("got %v", err)
	}
}

func TestChoose_SaysWhatIsWrong(t *testing.T) {
	realAlone := ""
	for _, s := range scenarios.All() {
		if kinds(s) == string(scenario.Real) {
			realAlone = s.ID
		}
	}
	if realAlone == "" {
		t.Skip("every scenario has a fake variant")
	}
	for says, f := range map[string]runFlags{
		`--twin is real or fake, not "x"`:                      {variant: "x", parallel: 1, labs: 1, repeat: 1},
		"--backend-image mango: no image is named so; there":   {parallel: 1, labs: 1, repeat: 1, labFlags: labFlags{backends: map[string]string{"mango": "x"}}},
		"--backend-image node= names no image to take":         {parallel: 1, labs: 1, repeat: 1, labFlags: labFlags{backends: map[string]string{"node": ""}}},
		"--backend-image Node: ":                               {parallel: 1, labs: 1, repeat: 1, labFlags: labFlags{backends: map[string]string{"node": "Node"}}},
		"--gateway-image Nginx: ":                              {parallel: 1, labs: 1, repeat: 1, labFlags: labFlags{image: "Nginx"}},
		"--labs is 1 to 32, --repeat is 1 or more, --parallel": {parallel: -1, labs: 1, repeat: 1},
		"none of these scenarios has a variant of the kind ":   {variant: "fake", parallel: 1, labs: 1, repeat: 1},
	} {
		if _, _, err := f.choose([]string{realAlone}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %s", err, says)
		}
	}
	f := runFlags{parallel: 1, labs: 1, repeat: 3, seed: 5}
	some, jobs, err := f.choose([]string{"fpm-dead"})
	if err != nil || len(some) != 1 || len(jobs) != 6 {
		t.Errorf("%d scenarios, %d jobs, %v", len(some), len(jobs), err)
	}
	if err := (&runFlags{parallel: 1, labs: 1, repeat: 1, reports: filepath.Join(os.DevNull, "x")}).run(context.Background(), nil, nil, []string{"fpm-dead"}); err == nil {
		t.Error("a lab was started for reports that cannot be written")
	}
}

func TestChoose_TakesAConfigForOneGateway(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "any.conf")
	if err := os.WriteFile(conf, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		patterns string
		leftOut  int
		gateway  string
	}{
		{"fpm-dead", 0, "nginx"}, {"fpm-dead apache-refused apache-resets", 2, "nginx"}, {"apache-refused apache-resets", 0, "apache"},
	} {
		f := runFlags{parallel: 1, labs: 1, repeat: 1, seed: 1, labFlags: labFlags{config: conf}}
		some, _, err := f.choose(strings.Fields(c.patterns))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range some {
			if gatewayOf(s) != c.gateway || s.Gateway.Config != "text" {
				t.Errorf("%s: %s is of %s, with the config %q", c.patterns, s.ID, gatewayOf(s), s.Gateway.Config)
			}
		}
		if f.leftOut != c.leftOut {
			t.Errorf("%s: %d are left out", c.patterns, f.leftOut)
		}
	}
}

// A scenario whose fault or remedy is a config would run on that and not on the user's: it is refused, or left out beside others.
func TestChoose_TakesNoConfigWhereTheScenarioBringsItsOwn(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "any.conf")
	if err := os.WriteFile(conf, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	chosen := func(patterns string) ([]scenario.Scenario, *runFlags, error) {
		f := &runFlags{parallel: 1, labs: 1, repeat: 1, seed: 1, labFlags: labFlags{config: conf}}
		some, _, err := f.choose(strings.Fields(patterns))
		return some, f, err
	}
	for _, id := range []string{"connections-used-up", "no-resolver", "connections-used-up no-resolver"} {
		if _, _, err := chosen(id); err == nil || !strings.Contains(err.Error(), "takes no --config: its fault or its remedy is another config") {
			t.Errorf("%s: %v", id, err)
		}
	}
	some, f, err := chosen("fpm-dead connections-used-up no-resolver")
	if err != nil || len(some) != 1 || some[0].ID != "fpm-dead" || f.ownConf != 2 {
		t.Errorf("beside others: %v, %v, %d left out", err, some, f.ownConf)
	}
	for _, s := range scenarios.All() {
		if ownConfigs(s) {
			continue
		}
		for _, v := range s.Variants {
			for _, x := range slices.Concat(v.Inject, v.InjectInFlight, v.Remedy) {
				if strings.Contains(fmt.Sprintf("%T", x), "Config") {
					t.Errorf("%s: %T is taken for no config", s.ID, x)
				}
			}
		}
	}
}
