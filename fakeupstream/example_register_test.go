package fakeupstream_test

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/badgateway/badgateway/fakeupstream"
)

// RedirectLoop sends every client to where it already is.
type RedirectLoop struct {
	// Status is that of the redirect; 0 means 302.
	Status int `json:"status,omitempty"`
}

func (b RedirectLoop) status() int {
	if b.Status == 0 {
		return http.StatusFound
	}
	return b.Status
}

func (b RedirectLoop) String() string { return fmt.Sprintf("redirect %d to itself", b.status()) }

func (b RedirectLoop) Check(on fakeupstream.Endpoint) error {
	if on.Protocol == fakeupstream.Memcached || on.Protocol == fakeupstream.Stream {
		return errors.New("works on protocols with a header only")
	}
	return nil
}

func (b RedirectLoop) Serve(x *fakeupstream.Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	return x.Answer(fakeupstream.Well{Status: b.status(), Headers: []string{"Location: " + x.Request().URI}, NoBody: true})
}

func init() {
	fakeupstream.Register(fakeupstream.Entry{Name: "redirect-loop", Zero: RedirectLoop{}, Summary: "redirects each request to itself"})
}

// A behaviour of one's own has a name in specs and in the program (--do redirect-loop), as those of this package have.
func ExampleRegister() {
	specs, err := fakeupstream.ParseSpecs([]byte(`{"listen": "127.0.0.1:0", "script": [[{"do": "redirect-loop", "status": 307}, {"do": "well"}]]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := fakeupstream.New(specs[0], fakeupstream.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	answer, err := s.Client().Get(s.URL() + "/login?next=/")
	if err != nil {
		fmt.Println(err)
		return
	}
	answer.Body.Close()
	fmt.Println(answer.Status)
	for _, r := range s.Records()[0].Requests {
		fmt.Println(r.Method, r.URI, "->", r.Did)
	}
	// Output:
	// 200 OK
	// GET /login?next=/ -> redirect 307 to itself
	// GET /login?next=/ -> answer 200
}
