package diagnose

import (
	"cmp"
	"slices"
	"time"
)

// A Tally counts words, and keeps the frequent ones: 2000 at the most at any time.
type Tally struct {
	n map[string]int
}

// Add counts a word; an empty one is none.
func (t *Tally) Add(word string) {
	if word == "" {
		return
	}
	if t.n == nil {
		t.n = map[string]int{}
	}
	if _, known := t.n[word]; !known && len(t.n) >= 2000 {
		for w, n := range t.n { // the rare ones make room
			if n <= 1 {
				delete(t.n, w)
			} else {
				t.n[w] = n / 2
			}
		}
	}
	t.n[word]++
}

// A Share is a word with its count.
type Share struct {
	Word string `json:"word"`
	N    int    `json:"n"`
}

// Top are the most frequent words.
func (t *Tally) Top(n int) []Share {
	var all []Share
	for w, n := range t.n {
		all = append(all, Share{w, n})
	}
	slices.SortFunc(all, func(a, b Share) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Word, b.Word)) })
	return all[:min(n, len(all))]
}

// A histogram counts in time, in 48 spans that double in length as it goes on.
type histogram struct {
	begin time.Time
	span  time.Duration
	n     [48]int
}

func (h *histogram) add(at time.Time) {
	if h.begin.IsZero() {
		h.begin, h.span = at.Truncate(time.Second), time.Second
	}
	for at.Before(h.begin) || at.Sub(h.begin) >= h.span*time.Duration(len(h.n)) {
		if h.span > 1<<55 {
			return
		}
		var n [48]int
		shift := 0
		if at.Before(h.begin) { // it grows to the left
			shift = len(h.n) / 2
			h.begin = h.begin.Add(-h.span * time.Duration(len(h.n)))
		}
		for i, c := range h.n {
			n[shift+i/2] += c
		}
		h.n, h.span = n, 2*h.span
	}
	h.n[at.Sub(h.begin)/h.span]++
}

// spark is the histogram as a row of blocks, from the first to the last that has any.
func (h *histogram) spark() string {
	first, last, most := -1, -1, 0
	for i, n := range h.n {
		if n > 0 {
			if first < 0 {
				first = i
			}
			last, most = i, max(most, n)
		}
	}
	if first < 0 || first == last {
		return ""
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	var s []rune
	for _, n := range h.n[first : last+1] {
		if n == 0 {
			s = append(s, ' ')
			continue
		}
		s = append(s, blocks[(n*len(blocks)-1)/max(most, 1)%len(blocks)])
	}
	return string(s)
}
