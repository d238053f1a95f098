package measure

import (
	"context"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/lab"
)

// maxFlagsMeasured bounds the flag files whose other state is looked at: each takes a gateway of its own.
const maxFlagsMeasured = 4

// noteFlags tells of the files by which the config is switched, and what visitors get once one is there.
func (s *session) noteFlags(ctx context.Context, routes []*route) error {
	for i, f := range s.tree.Flags {
		note := fmt.Sprintf("the config looks for the file %s (%s): it is not there in the lab, as while all is well", f.File, f.Place)
		if r := routeOf(routes, f); r != nil && i < maxFlagsMeasured {
			page := lab.File{Path: f.File, Data: "<!doctype html><title>A flag</title><p>a file of the lab's\n"}
			with, err := s.answersWith(ctx, r, func(*lab.ProbeSpec) {}, page)
			if err != nil {
				return err
			}
			note += "; with it " + with
		}
		s.report.Notes = append(s.report.Notes, note)
	}
	return nil
}

// routeOf is the first route that was reached of the server that looks for a file.
func routeOf(routes []*route, f provision.Flag) *route {
	for _, r := range routes {
		if !r.Reached || r.conf.Stream {
			continue
		}
		for b := r.conf.Location; b != nil; b = b.Parent {
			if f.Server == nil || b.Name == "server" && b.Place == f.Server.Place {
				return r
			}
		}
	}
	return nil
}

// answersWith is what a route's visitors get of a gateway of its own, in words: with further files there, or from another client.
func (s *session) answersWith(ctx context.Context, r *route, change func(*lab.ProbeSpec), files ...lab.File) (string, error) {
	sb, err := s.open(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = sb.Close() }() // the lab ends it at the latest
	names := s.knownNames()
	if err := sb.Put(ctx, files...); err != nil {
		return "", err
	}
	if err := s.start(ctx, sb, names); err != nil {
		return "", fmt.Errorf("starting the gateway for %s: %w", r.ID, err)
	}
	if err := sb.SetBehaviour(ctx, r.otherBehaviours, nil); err != nil {
		return "", err
	}
	var all []string
	for _, method := range methods(r, audit.Fault{}) {
		spec := r.request.spec(method, s.steps, s.waitLimit())
		change(&spec)
		answer, _, err := s.probe(ctx, sb, r, spec, names)
		if err != nil {
			return "", err
		}
		if answer.Killed != nil {
			return "", answer.Killed
		}
		o := r.outcome(answer, names)
		all = append(all, fmt.Sprintf("%s %s %s%s", method, r.request.shown(method).URL, answered(o), pageInWords(o)))
	}
	return strings.Join(all, ", "), nil
}

// pageInWords says whose page comes with an answer.
func pageInWords(o audit.Outcome) string {
	switch o.Page {
	case "nginx":
		return " with nginx's own page"
	case "config":
		return " with the config's page"
	case "upstream":
		return " by the upstream"
	}
	return ""
}
