package diagnose

import (
	"cmp"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// A Count is how often a cause was seen, and where.
type Count struct {
	Cause *Cause
	Sure  int // the surest of its lines
	N     int
	// Line is the first line of it; Others are what else that line can mean.
	Line   *Line
	Others []Candidate
	// Evidence are its first lines, five at the most.
	Evidence    []Evidence
	First, Last time.Time
	Routes      Tally
	Peers       Tally
	near        bool // the gateway says it, or it stands so now
	when        histogram
	events      []event
}

// Confidence is the degree of Sure.
func (c *Count) Confidence() Confidence { return confidence(c.Sure) }

// Spark is how often it was seen in time, in a row of blocks; empty where lines have no times.
func (c *Count) Spark() string { return c.when.spark() }

type event struct {
	at    time.Time
	state bool
	file  string
	line  int
	pid   int
	peer  string // that was called, where it is one host's or process's: an IP address, with a port where that is known, or a socket
	by    string // who wrote it, where the file is of several
	spoke string // the protocol that was spoken to the upstream, where the line or the cause tells it
	pool  string // of Apache, by its name
	id    string
}

// spoken is how nginx's directives begin for the protocol that an upstream is called by; empty where neither line nor cause tells it.
func spoken(l *Line, c *Cause) string {
	scheme := cmp.Or(l.Scheme, c.Scheme)
	if scheme == "" && (strings.Contains(l.Unit, "fpm") || strings.Contains(l.Program, "fpm")) {
		scheme = "fastcgi"
	}
	if scheme == "" {
		return ""
	}
	return Prefix(scheme)
}

// peerOf is the upstream of a line, where it is that of one process, and no pool's or name's.
func peerOf(l *Line) string {
	host, _, err := net.SplitHostPort(l.Address)
	if err != nil {
		host = l.Address
	}
	if l.Socket() || net.ParseIP(host) != nil {
		return l.Address
	}
	return ""
}

// differ reports whether two words are known, and not the same.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

// apart reports whether two events are what one gateway says of two upstreams, or of two that speak different protocols: that one fails is
// no reason for the other to.
func (e event) apart(other event) bool {
	same := func(a, b string) bool { return a == b || a == "" || strings.HasPrefix(b, a+":") }
	return e.file == other.file && e.by == other.by && !same(e.peer, other.peer) && !same(other.peer, e.peer) ||
		differ(e.spoke, other.spoke) || e.file == other.file && differ(e.pool, other.pool)
}

// A Report is what came of a whole input.
type Report struct {
	// Lines is how many lines were read, Known how many of them were recognised, and Left how many are of a time that was not asked for.
	Lines, Known, Left int
	// Causes are those that were seen, the likeliest root first.
	Causes []*Count
	// Incidents are causes of several logs that belong together.
	Incidents []Incident
	// Skews say of files that their clock or zone was taken to be another, and by how much.
	Skews map[string]time.Duration

	book   *Book
	filter Filter
	counts map[*Cause]*Count
	stands bool // something says how things stand now
	last   map[string]time.Time
	seen   map[string][]Candidate // of lines that say nothing but what happened
}

// A Filter is which lines count.
type Filter struct {
	Since, Until time.Time // zero for no bound
}

// takes reports whether a time is within the bounds. One without a year is the last such before now.
func (f Filter) takes(at, now time.Time) bool {
	if at.Year() == 0 {
		at = lastBefore(at, now.UTC())
	}
	return (f.Since.IsZero() || !at.Before(f.Since)) && (f.Until.IsZero() || !at.After(f.Until))
}

// An Incident is a root with what followed from it.
type Incident struct {
	Root    *Count
	Effects []*Count // in the order in which they came
	At      time.Time
	Times   int // how often it happened
	// Why says in a few words what joins them.
	Why string
}

// NewReport begins a report.
func (b *Book) NewReport(f Filter) *Report {
	return &Report{book: b, filter: f, counts: map[*Cause]*Count{}, last: map[string]time.Time{}, seen: map[string][]Candidate{}}
}

// Read adds a stream to the report.
func (r *Report) Read(in io.Reader, file string) error {
	return Scan(in, file, func(l *Line) bool { r.Add(l); return true })
}

// Bounds of what a report keeps.
const (
	seenMost     = 4096
	eventsMost   = 400
	evidenceMost = 5
)

// Add adds a line. It returns what it was counted as; nil where it says nothing that is known, or is of another time.
func (r *Report) Add(l *Line) *Count {
	r.Lines++
	at := l.Time
	if at.IsZero() {
		at = r.last[l.File] // a line without a time is of the time of the one before
	} else {
		r.last[l.File] = at
	}
	if !l.State && r.filter != (Filter{}) && !r.filter.takes(at, time.Now()) {
		r.Left++
		return nil
	}
	all := r.candidates(l)
	if len(all) == 0 {
		return nil
	}
	r.Known++
	best := all[0]
	c := r.counts[best.Cause]
	if c == nil {
		kept := *l // it is used again for the next ones
		c = &Count{Cause: best.Cause, Line: &kept, Others: all[1:], First: at}
		r.counts[best.Cause] = c
	}
	c.N++
	c.near = c.near || l.State || l.Gateway != ""
	r.stands = r.stands || l.State
	c.Sure = max(c.Sure, best.Sure)
	if !at.IsZero() {
		if c.First.IsZero() || at.Before(c.First) {
			c.First = at
		}
		if c.Last.IsZero() || at.After(c.Last) { // a time without a year is of the year 0, and that before the zero time
			c.Last = at
		}
		c.when.add(at)
	}
	c.Routes.Add(l.Route)
	c.Peers.Add(l.Address)
	if len(c.Evidence) < evidenceMost {
		c.Evidence = append(c.Evidence, Evidence{File: l.File, Line: l.Number, Text: Echo(l.Text), Time: at})
	}
	if len(c.events) < eventsMost && !best.Cause.Healthy() {
		c.events = append(c.events, event{at, l.State, l.File, l.Number, l.PID, peerOf(l), l.Program, spoken(l, best.Cause), l.Worker, l.Request})
	}
	return c
}

// candidates are those of the book, looked up once for lines that say the same.
func (r *Report) candidates(l *Line) []Candidate {
	if !l.told {
		return r.book.Candidates(l)
	}
	all, known := r.seen[l.low]
	if !known {
		if len(r.seen) >= seenMost {
			clear(r.seen)
		}
		all = r.book.Candidates(l)
		r.seen[l.low] = all
	}
	return all
}

// Echo is a text as it may be echoed: in one line, without secrets, 500 bytes at the most.
func Echo(s string) string {
	s = strings.Join(strings.Fields(s[:min(len(s), 2000)]), " ")
	s = Mask(s)
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "..."
	}
	return s
}

// class orders causes: what is wrong, what can't be told, what is well.
func class(c *Count) int {
	switch {
	case c.Cause.Side == Nobody:
		return 3
	case c.Cause.Side == Unknown:
		return 2
	case c.Cause.Side == Client:
		return 1
	}
	return 0
}

// Finish ranks what was seen, and joins it.
func (r *Report) Finish() {
	r.Causes = r.Causes[:0]
	for _, c := range r.counts {
		r.Causes = append(r.Causes, c)
	}
	weight := func(c *Count) int {
		n := c.N
		if n > 3 {
			n = 3 + (n-3)/2
		}
		return n * c.Sure * c.Sure
	}
	slices.SortFunc(r.Causes, func(a, b *Count) int {
		return cmp.Or(cmp.Compare(class(a), class(b)), cmp.Compare(r.far(a), r.far(b)), cmp.Compare(weight(b), weight(a)), cmp.Compare(a.Cause.Slug, b.Cause.Slug))
	})
	r.Incidents = nil
	r.join()
	// a root comes before its effects
	for _, i := range r.Incidents {
		if r.stands && i.Root != r.Causes[0] && !slices.Contains(i.Effects, r.Causes[0]) {
			continue
		}
		if at := slices.Index(r.Causes, i.Root); at > 0 {
			r.Causes = slices.Insert(slices.Delete(r.Causes, at, at+1), 0, i.Root)
		}
		break
	}
}

// far orders the causes of a whole server: much happens there that has nothing to do with its gateway.
func (r *Report) far(c *Count) int {
	if r.stands && !c.near {
		return 1
	}
	return 0
}

// near is how far apart two lines of one incident may be.
const near = 5 * time.Second

// join finds causes that follow from others.
func (r *Report) join() {
	r.Skews = map[string]time.Duration{}
	r.skew()
	var all []*Count
	for _, c := range r.Causes {
		if class(c) < 3 {
			all = append(all, c)
		}
	}
	for _, root := range all {
		if len(root.Cause.Effects) == 0 {
			continue
		}
		i := Incident{Root: root}
		for _, e := range all {
			if e == root || !slices.Contains(root.Cause.Effects, e.Cause.Slug) || slices.Contains(e.Cause.Effects, root.Cause.Slug) {
				continue
			}
			if n, at, why := r.together(root, e); n > 0 {
				i.Effects = append(i.Effects, e)
				i.Times = max(i.Times, n)
				if i.Why == "" {
					i.Why = why
				}
				if i.At.IsZero() {
					i.At = at
				}
			}
		}
		if len(i.Effects) > 0 {
			r.Incidents = append(r.Incidents, i)
		}
	}
	// one that is itself an effect of another's root is no incident of its own
	roots := r.Incidents
	r.Incidents = slices.DeleteFunc(slices.Clone(roots), func(i Incident) bool {
		return slices.ContainsFunc(roots, func(o Incident) bool { return o.Root != i.Root && slices.Contains(o.Effects, i.Root) })
	})
	for n := range r.Incidents {
		i := &r.Incidents[n]
		for _, o := range roots { // effects of effects
			if slices.Contains(i.Effects, o.Root) {
				for _, e := range o.Effects {
					if !slices.Contains(i.Effects, e) && e != i.Root {
						i.Effects = append(i.Effects, e)
					}
				}
			}
		}
		slices.SortStableFunc(i.Effects, func(a, b *Count) int {
			if slices.Contains(a.Cause.Effects, b.Cause.Slug) && !slices.Contains(b.Cause.Effects, a.Cause.Slug) {
				return -1
			}
			if slices.Contains(b.Cause.Effects, a.Cause.Slug) && !slices.Contains(a.Cause.Effects, b.Cause.Slug) {
				return 1
			}
			return a.First.Compare(b.First)
		})
	}
	slices.SortStableFunc(r.Incidents, func(a, b Incident) int {
		return cmp.Or(cmp.Compare(len(b.Effects), len(a.Effects)), cmp.Compare(b.Times, a.Times))
	})
}

// together counts the events of two causes that belong together: by a request's id, by time, or, where lines have no times, as they
// are of one small input.
func (r *Report) together(root, effect *Count) (n int, at time.Time, why string) {
	for _, e := range effect.events {
		for _, c := range root.events {
			same := e.id != "" && e.id == c.id
			switch {
			case same:
				why = "the same request id"
			case root.Cause.Side != Service && e.apart(c):
				continue
			case c.state, e.state && root.near: // it lasts, since when is not known; what happened far from the gateway need not be why
				why = cmp.Or(why, "how things stand now")
			case e.at.IsZero() || c.at.IsZero():
				if r.Lines > 50 {
					continue
				}
				why = cmp.Or(why, "standing together")
			default:
				d := r.at(e).Sub(r.at(c))
				if e.at.Year() == 0 || c.at.Year() == 0 {
					d = sinceNewYear(r.at(e)) - sinceNewYear(r.at(c))
				}
				limit := near
				if root.Cause.Side == Service || class(root) == 0 && effect.Cause.Side == Upstream {
					limit = 2 * time.Minute // what waits fails when its own time is over
				}
				if d < -near || d > limit {
					continue
				}
				why = "the same time"
			}
			n++
			if at.IsZero() {
				at = c.at
			}
			break
		}
	}
	return n, at, why
}

func (r *Report) at(e event) time.Time { return e.at.Add(r.Skews[e.file]) }

// sinceNewYear lets times without a year be compared with others.
func sinceNewYear(t time.Time) time.Duration {
	const leap = 2000 // so that each day has one number, whatever year it is of
	begin := time.Date(leap, 1, 1, 0, 0, 0, 0, time.UTC)
	return time.Date(leap, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).Sub(begin)
}

// skew estimates by how many quarters of an hour the clock of one file is from that of the others, where roots and effects only fit so.
func (r *Report) skew() {
	type key struct {
		file string
		d    time.Duration
	}
	fits := map[key]int{}
	inTime := map[string]bool{}
	for _, root := range r.Causes {
		for _, effect := range r.Causes {
			if !slices.Contains(root.Cause.Effects, effect.Cause.Slug) {
				continue
			}
			for _, e := range effect.events[:min(len(effect.events), 50)] {
				for _, c := range root.events[:min(len(root.events), 50)] {
					if e.file == c.file || e.at.IsZero() || c.at.IsZero() {
						continue
					}
					d := sinceNewYear(e.at) - sinceNewYear(c.at)
					q := d.Round(15 * time.Minute)
					if (d-q).Abs() > near || q.Abs() > 14*time.Hour {
						continue
					}
					if q == 0 {
						inTime[c.file] = true
					}
					fits[key{c.file, q}]++
				}
			}
		}
	}
	best := map[string]int{}
	for k, n := range fits {
		if !inTime[k.file] && n > best[k.file] {
			best[k.file], r.Skews[k.file] = n, k.d
		}
	}
}
