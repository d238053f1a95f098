package byhand

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// Scenario keeps a variant of a scenario broken.
func Scenario(ctx context.Context, lab *lab.Lab, s scenario.Scenario, t scenario.Variant, o Options) error {
	o.Fast = o.Fast && hurries(s)
	stage, err := scenario.SetStage(ctx, lab, s, t, o.Fast)
	if err != nil {
		return err
	}
	defer func() { _ = stage.Close() }() // the lab ends it at the latest
	s = stage.Scenario()
	o.Gone = lab.Gone()
	w := Texts{
		Broken: func(address string) string {
			return Claim{
				Broken: s.Fault, InFlight: len(t.InjectInFlight) > 0, Command: command(address, s), Expect: s.Expect, Then: s.Then,
				Reason: stage.Exception(), Refusal: stage.Refusal(), Clocked: stage.Clocked(), Fast: o.Fast,
			}.String()
		},
	}
	w.Remedied = func(address string) string {
		again := ""
		if s.AskInstead != nil {
			again = Curl(address, s.Ask)
		}
		return RemediedText(s.Remedy, again, scenario.Expectation{Status: 200, After: t.RemedyTakes}, nil)
	}
	if takes := stage.RemedyTakes(); takes > 0 && !o.Fast {
		w.Remedying = "The remedy has to wait, " + seconds(takes) + ".\n"
	}
	return Try(ctx, stage, o, w)
}

// hurries reports whether the clock may run ahead while a client waits. He who leaves can't do so before an answer that comes at once; and where
// an application goes by the machine's clock, the gateway would run out of patience before it.
func hurries(s scenario.Scenario) bool {
	ownTime := s.Expect.After == 0 && s.Expect.Until > 0
	return !s.Leaves && !ownTime
}

// command asks as the client does under the fault.
func command(address string, s scenario.Scenario) string {
	asks := s.Ask
	if s.AskInstead != nil {
		asks = *s.AskInstead
	}
	c := Curl(address, asks)
	if s.Leaves {
		c = strings.Replace(c, "curl -i", fmt.Sprintf("curl -i -m %g", max(s.Expect.After, time.Second).Seconds()), 1)
	}
	return c
}

// Curl is the command that asks as the scenario's client does.
func Curl(address string, r lab.Request) string {
	var b strings.Builder
	b.WriteString("curl -i")
	switch r.Method {
	case "", "GET":
	case "HEAD":
		b.WriteString(" --head")
	default:
		b.WriteString(" -X " + r.Method)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			fmt.Fprintf(&b, " -H '%s: %s'", name, value)
		}
	}
	if r.Host != "" {
		fmt.Fprintf(&b, " -H 'Host: %s'", r.Host)
	}
	data := ""
	switch size := len(r.Body) * max(r.BodyTimes, 1); {
	case r.Stalls > 0:
		data = fmt.Sprintf("(head -c %d /dev/zero; sleep 10) | ", r.Stalls)
		b.WriteString(" -H 'Expect:' -T -")
	case size > 100:
		data = fmt.Sprintf("head -c %d /dev/zero | ", size)
		b.WriteString(" --data-binary @-")
	case size > 0:
		fmt.Fprintf(&b, " -d '%s'", r.Body)
	}
	path := r.Path
	if path == "" {
		path = "/"
	}
	fmt.Fprintf(&b, " http://%s%s", address, path)
	return data + b.String()
}
