package diagnose

import (
	"slices"
	"testing"
)

func TestAbout_Ranks(t *testing.T) {
	b, err := NewBook([]Cause{
		{Slug: "slow", Side: Upstream, Status: 504, Match: []string{"=502,504 & some words & %88"}, Directives: []string{"{proxy}_read_timeout", "{proxy}_next_upstream"}},
		{Slug: "passed-on", Side: Upstream, Match: []string{"=502 & other words & %80"}},
		{Slug: "refused", Side: Upstream, Status: 502, Match: []string{"connect() failed & #111 & %95"}, Directives: []string{"{proxy}_next_upstream"}},
		{Slug: "often", Side: Upstream, Status: 502, Match: []string{"closed early & %70"}, Shown: []Shown{{ID: "app-dies", Gateway: "nginx", Status: 502}}},
		{Slug: "only", Side: Unknown, Match: []string{"=502 & @access & %99"}, Shown: []Shown{{ID: "page", Gateway: "nginx", Status: 502}}},
		{Slug: "busy", Side: Gateway, Status: 500, Match: []string{"not enough & %95"}, Directives: []string{"worker_connections"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string][]string{
		"502":                   {"often", "passed-on", "refused", "slow", "only"}, // what scenarios show, and last what mostly gives another status
		"504":                   {"slow"},
		"fastcgi_read_timeout":  {"slow"},
		"proxy_next_upstream":   {"refused", "slow"},
		"worker_connections":    {"busy"},
		"http_read_timeout":     nil,
		"proxy_worker_shutdown": nil,
	} {
		_, found := b.About(word)
		var got []string
		for _, c := range found {
			got = append(got, c.Slug)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", word, got, want)
		}
	}
}

func TestAbout_TakesACodeOfApacheWithoutItsZeros(t *testing.T) {
	b, err := NewBook([]Cause{{Slug: "refused", Side: Upstream, Match: []string{"ah01114 & %90"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"AH01114", "AH1114", "ah1114"} {
		if _, found := b.About(word); len(found) != 1 {
			t.Errorf("%s: %d causes, want 1", word, len(found))
		}
	}
	if _, found := b.About("AH114"); len(found) != 0 {
		t.Errorf("AH114 is taken for AH01114")
	}
}
