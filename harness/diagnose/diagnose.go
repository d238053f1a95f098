// Package diagnose names the cause of a failure from what an operator has of it: a line of a log, a page, an answer, or
// several logs together. It knows how to read, match, rank and join; what the lines mean is data that its caller brings ([Cause]).
package diagnose

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// A Side is who is guilty of a cause.
type Side string

// The sides.
const (
	Client   Side = "client"
	Gateway  Side = "gateway"
	Network  Side = "network"
	Upstream Side = "upstream"
	Kernel   Side = "kernel"
	DNS      Side = "dns"
	Config   Side = "config"
	Service  Side = "service" // a database, cache or other helper of the upstream
	Nobody   Side = "nobody"  // nothing is wrong
	Unknown  Side = "unknown" // this alone can't tell
)

// Sides are all sides, in the order in which they are listed.
var Sides = []Side{Client, Gateway, Network, Upstream, Kernel, DNS, Config, Service, Nobody, Unknown}

// A Cause is something that a text can be evidence of: pure data.
type Cause struct {
	// Slug names it for good: lower case, words joined by hyphens.
	Slug string
	Side Side
	// Says is the cause in a sentence, the guilty side first.
	Says string
	// Proves is what the evidence proves, and what it does not; empty where there is nothing to add.
	Proves string
	// Confirm is the one check that proves it on a live server; Remedy is what helps. Both may hold {address}, {host}, {port}, {socket}, {name},
	// {unit}, {pid} and {client}, which are filled from the line, and {proxy}, which is the prefix of the directives for the upstream's protocol
	// (proxy, fastcgi, uwsgi, ...). {ask FLAGS} is the command that asks the upstream itself, by curl with these flags or by a client of the protocol
	// that it speaks; {ask https FLAGS} asks by HTTPS, whatever the line says is spoken. {capture} is the command that
	// shows what goes over the connection.
	Confirm, Remedy string
	// Remedies are those of other gateways than nginx, by name ("apache").
	Remedies map[string]string
	// Confused is what else it is taken for, and how to tell.
	Confused string
	// Source is where it can be read.
	Source string
	// Status is what nginx's visitor commonly gets; 0 where that differs. Of other gateways the scenarios tell it (see [Cause.StatusFor]).
	Status int
	// Effects are the slugs of what it brings about in other logs: where both come together, this one is the root.
	Effects []string
	// Match are the patterns of the texts that it is recognised by (see [Pattern]).
	Match []string
	// Speaker tells only who made a page or an answer. Where the text has a reason, too, the reason comes first.
	Speaker bool
	// Scheme is the protocol by which gateways call what this is of; empty where that is not known. What failed by another has another reason.
	Scheme string
	// Directives are those of nginx's config that decide it, the first first; "{proxy}_read_timeout" is that of the upstream's protocol.
	Directives []string
	// Shown are the scenarios that show it.
	Shown []Shown
}

// Shown is a scenario that shows a cause.
type Shown struct {
	ID      string
	Gateway string // "nginx"
	Scheme  string // the protocol spoken to the upstream: "http", "fastcgi", ...
	Socket  bool   // the upstream is at a unix socket
	Status  int    // what the visitor gets, where this cause is the first that the scenario's evidence is diagnosed with; 0 otherwise
}

// Healthy reports whether nothing is wrong.
func (c *Cause) Healthy() bool { return c.Side == Nobody }

// Confidence is how sure a diagnosis is.
type Confidence string

// The degrees of confidence. High means that the text can hardly mean anything else.
const (
	High   Confidence = "high"
	Medium Confidence = "medium"
	Low    Confidence = "low"
)

func confidence(sure int) Confidence {
	switch {
	case sure >= 80:
		return High
	case sure >= 50:
		return Medium
	default:
		return Low
	}
}

// A Candidate is a cause that a text can have.
type Candidate struct {
	Cause *Cause
	// Sure is how sure it is, 1 to 99.
	Sure int
	// By is the text that it was recognised by.
	By string
}

// Confidence is the degree of Sure.
func (c Candidate) Confidence() Confidence { return confidence(c.Sure) }

// Evidence is where a cause was seen.
type Evidence struct {
	File string    `json:"file"`
	Line int       `json:"line"` // from 1 on; 0 where it is not known
	Text string    `json:"text"` // unwrapped, without secrets, 500 bytes at the most
	Time time.Time `json:"time,omitzero"`
}

// Place is the file's own name, without its folder, and the line where it is known: "error.log:12".
func (e Evidence) Place() string {
	if e.Line == 0 {
		return filepath.Base(e.File)
	}
	return fmt.Sprintf("%s:%d", filepath.Base(e.File), e.Line)
}

// isReason reports whether it says surely what went wrong, and not only who tells of it.
func (c Candidate) isReason() bool {
	return !c.Cause.Speaker && c.Confidence() == High && c.Cause.Side != Nobody && c.Cause.Side != Unknown
}

// ranked sorts the surest first, and a reason before who tells of it.
func ranked(all []Candidate) []Candidate {
	slices.SortStableFunc(all, func(a, b Candidate) int { return cmp.Compare(b.Sure, a.Sure) })
	if len(all) > 0 && all[0].Cause.Speaker {
		if i := slices.IndexFunc(all, Candidate.isReason); i > 0 {
			reason := all[i]
			all = slices.Insert(slices.Delete(all, i, i+1), 0, reason)
		}
	}
	return all
}
