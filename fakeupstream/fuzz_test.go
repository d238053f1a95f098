package fakeupstream

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// FuzzSpecs holds that no spec makes its reading fall over, that a refusal is short, and that what is read is written and read again
// as the same.
func FuzzSpecs(f *testing.F) {
	for _, text := range []string{
		`{"listen":"127.0.0.1:0"}`, `[{"name":"a","listen":"unix:/x","mode":"0600","protocol":"fastcgi","script":[[{"do":"well"},{"do":"reset","at":"body"}],{"do":"well","status":404,"headers":["A: b"],"body":"x","chunked":true}]}]`,
		`{"listen":":0","tls":{"names":["a"],"fault":"expired"},"script":[{"do":"delay","for":"1s","then":{"do":"drip","bytes":1,"every":"1ms","answer":{"body_size":10}}}]}`,
		`{"listen":"[::1]:0","script":[{"do":"refuse"}]}`, `{"listen":":0","rules":[{"method":"POST","path":"/a*","headers":["A: b"],"nth":2,"then":{"do":"reset"}},{"first":1,"then":{"do":"well"}}]}`, `{"script":[[]]}`, `[]`, `null`, `{"listen":null}`, `{"script":{"do":"well"}}`, `{"listen":1}`, `{"Listen":":0"}`, `[[[[`, "\xff",
		`{"listen":":0","script":[` + strings.Repeat(`{"do":"delay","for":"1s","then":`, 40) + `{"do":"well"}` + strings.Repeat("}", 40) + `]}`,
	} {
		f.Add([]byte(text))
	}
	for _, e := range Behaviours() {
		f.Add([]byte(`{"listen":":0","script":[{"do":"` + e.Name + `"}]}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		specs, err := ParseSpecs(text)
		if err != nil {
			if n := len(err.Error()); n > 4096+10*len(text) {
				t.Fatalf("%d bytes are refused in %d", len(text), n)
			}
			return
		}
		written, err := json.Marshal(specs)
		if err != nil {
			t.Fatalf("%s can't be written: %v", text, err)
		}
		again, err := ParseSpecs(written)
		if err != nil {
			t.Fatalf("%s is written as %s, which is none: %v", text, written, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(written, twice) {
			t.Fatalf("%s is written as %s and then as %s, %v", text, written, twice, err)
		}
	})
}

// FuzzFlags holds the same of the program's arguments, of which each line is one.
func FuzzFlags(f *testing.F) {
	for _, args := range []string{
		"--listen\n127.0.0.1:0\n--do\nreset\n--at\nheader", "--listen\n:0\n--do\ndrip\n--set\nbytes=10\n--set\nevery=1ms\n--status\n404\n--header\nA: b\n--body\nx", "--listen=unix:/x\n--mode\n0600",
		"--control\n127.0.0.1:0", "--first\n2\n--listen\n:0", "--help", "--list", "--tls-fault\nexpired\n--listen\n:0", "--", "-", "--set\n=\n--listen\n:0", "--set\ndo=1\n--listen\n:0",
	} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, args string) {
		o, err := parseFlags(strings.Split(args, "\n"), io.Discard)
		if err != nil || o.spec != "" || o.first > 1000 { // a file is not ours to read here, and a number is taken at its word
			return
		}
		specs, err := o.specs()
		for _, s := range specs {
			if err := s.Validate(); err != nil {
				t.Fatalf("%q give a spec that is none: %v", args, err)
			}
		}
		if err != nil && len(err.Error()) > 4096+10*len(args) {
			t.Fatalf("%d bytes are refused in %d", len(args), len(err.Error()))
		}
	})
}
