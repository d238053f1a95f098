package fakeupstream_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
)

// An upstream that resets the connection in the middle of the body.
func Example() {
	s, err := fakeupstream.NewHTTP("127.0.0.1:0", fakeupstream.Reset{
		At:     fakeupstream.AtBody,
		Answer: fakeupstream.Well{Body: "hello world!"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	answer, err := s.Client().Get(s.URL() + "/page")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := io.ReadAll(answer.Body)
	fmt.Printf("%s, %q, reset: %v\n", answer.Status, body, errors.Is(err, syscall.ECONNRESET))

	request := s.Records()[0].Requests[0]
	fmt.Println(request.Method, request.URI, "->", request.Did)
	// Output:
	// 200 OK, "hello ", reset: true
	// GET /page -> reset at body
}

// The first connection is closed without an answer, and all further ones are answered.
func ExampleFailFirst() {
	s, err := fakeupstream.New(fakeupstream.Spec{
		Listen: "127.0.0.1:0",
		Script: fakeupstream.FailFirst(1, fakeupstream.Close{}),
	}, fakeupstream.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for range 2 {
		answer, err := s.Client().Get(s.URL())
		if err != nil {
			fmt.Println("failed:", errors.Is(err, io.EOF))
			continue
		}
		answer.Body.Close()
		fmt.Println(answer.Status)
	}
	// Output:
	// failed: true
	// 200 OK
}

// Rules go by the request, whichever connection it comes on: here the second payment fails, and all else is well.
func ExampleRule() {
	s, err := fakeupstream.New(fakeupstream.Spec{
		Listen: "127.0.0.1:0",
		Rules: []fakeupstream.Rule{
			{Method: "POST", Path: "/pay", Nth: 2, Then: fakeupstream.Well{Status: 503}},
			{Path: "/static/*", Headers: []string{"If-None-Match"}, Then: fakeupstream.Well{Status: 304}},
		},
	}, fakeupstream.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for range 3 {
		answer, err := s.Client().Post(s.URL()+"/pay", "text/plain", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		answer.Body.Close()
	}
	for _, c := range s.Records() {
		for _, r := range c.Requests {
			fmt.Println(r.Method, r.URI, "->", r.Did, "by rule", r.Rule)
		}
	}
	// Output:
	// POST /pay -> answer 200 by rule 0
	// POST /pay -> answer 503 by rule 1
	// POST /pay -> answer 200 by rule 0
}

// WaitRequests waits until the upstream has read a request, however long that takes.
func ExampleServer_WaitRequests() {
	s, err := fakeupstream.NewHTTP("127.0.0.1:0", fakeupstream.Silent{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go func() { _, _ = s.Client().Get(s.URL() + "/slow") }()
	if err := s.WaitRequests(ctx, 1); err != nil {
		fmt.Println(err)
	}
	s.Close()
	c := s.Records()[0]
	fmt.Println(c.Requests[0].URI, "closed by", c.ClosedBy)
	// Output: /slow closed by shutdown
}

// The client trusts the upstream's authority, and reaches it by any name.
func ExampleServer_Client() {
	s, err := fakeupstream.New(fakeupstream.Spec{
		Listen: "127.0.0.1:0",
		TLS:    &fakeupstream.TLS{Names: []string{"app.test"}},
	}, fakeupstream.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	answer, err := s.Client().Get("https://app.test/")
	if err != nil {
		fmt.Println(err)
		return
	}
	answer.Body.Close()
	fmt.Println(answer.Proto, answer.Status)

	_, err = s.Client().Get(s.URL())
	fmt.Println("by its address:", errors.As(err, new(x509.HostnameError)))
	// Output:
	// HTTP/1.1 200 OK
	// by its address: true
}

// Specs are JSON, and mistakes in them are told with the remedy.
func ExampleSpec() {
	var spec fakeupstream.Spec
	err := json.Unmarshal([]byte(`{"listen": "127.0.0.1:8080", "script": [{"do": "delay", "for": "2s", "then": {"do": "reset"}}]}`), &spec)
	fmt.Println(spec.Script[0][0], err)

	err = json.Unmarshal([]byte(`{"listen": "127.0.0.1:8080", "script": [{"do": "reset", "afer": 3}]}`), &spec)
	fmt.Println(err)
	// Output:
	// delay 2s at request, then reset at request <nil>
	// script[0].afer: reset has no field "afer"; did you mean "after"? valid: at, after, answer
}
