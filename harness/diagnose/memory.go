package diagnose

import "strings"

// A memory has what lines said that were read before: the same things happen again and again. It is for one goroutine.
type memory struct {
	said    map[string]saying
	scratch []byte
}

// A saying is what nginx says of itself in a line, in lower case, with the error number in it.
type saying struct {
	low   string
	errno int
}

// recall is the saying that the scratch has.
func (m *memory) recall() saying {
	said, known := m.said[string(m.scratch)]
	if !known {
		if len(m.said) >= seenMost || m.said == nil {
			m.said = map[string]saying{}
		}
		as := string(m.scratch)
		low := lower(as)
		said = saying{low, errnoOf(low)}
		m.said[as] = said
	}
	return said
}

func (m *memory) write(s string) { m.scratch = append(m.scratch, s...) }

// onlyWhatHappened leaves in low what nginx says of itself: a request or a name that a visitor chose is no evidence.
func (l *Line) onlyWhatHappened(m *memory) {
	end := strings.Index(l.Text, ", client: ")
	if end < 0 || l.Client == "" {
		return
	}
	begin := strings.IndexByte(l.Text, '[')
	if begin < 0 || begin > end {
		return
	}
	head := l.Text[begin:end]
	level, rest, _ := strings.Cut(head, "] ")
	if i := strings.Index(rest, ": "); i > 0 && rest[0] >= '0' && rest[0] <= '9' { // without "12#12: *3 "
		if rest = rest[i+2:]; strings.HasPrefix(rest, "*") {
			rest = rest[strings.IndexByte(rest, ' ')+1:]
		}
	}
	m.scratch = m.scratch[:0]
	m.write(level)
	m.write("] ")
	m.write(rest)
	m.write(", client: ")
	if l.Upstream != "" {
		m.write(`, upstream: "`)
		m.write(l.Scheme)
		if m.write("://"); l.Socket() {
			m.write("unix:/")
		}
	}
	said := m.recall()
	l.low, l.Errno, l.told = said.low, said.errno, true
}
