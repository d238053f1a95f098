package fakeupstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

const helpHead = `Upstreams that misbehave to order, over HTTP, FastCGI, uwsgi, SCGI, gRPC, memcached, Redis, MySQL or plain TCP.

Usage:
  badgateway fake --listen ADDRESS [--do BEHAVIOUR ...]
  badgateway fake --spec FILE

Examples:
  # An upstream that answers well
  badgateway fake --listen 127.0.0.1:8080
  # Reset within the header, and an API to change that while it runs
  badgateway fake --listen 127.0.0.1:8080 --do reset --at header --control 127.0.0.1:9900
  # The first two connections stall within a body of 1 MB, then all is well
  badgateway fake --listen 127.0.0.1:8080 --do stall --body-size 1000000 --first 2
  # A FastCGI application that answers after a minute, on a unix socket
  badgateway fake --listen unix:/tmp/app.sock --protocol fastcgi --do delay --for 1m
  # A certificate that has expired; trust the authority in ca.pem
  badgateway fake --listen 127.0.0.1:8443 --tls-fault expired --ca-file ca.pem
  # Whatever its clients speak, in TLS or in plain text
  badgateway fake --listen 127.0.0.1:9000 --protocol any
  # Fields that have no flag of their own
  badgateway fake --listen 127.0.0.1:8080 --do drip --set bytes=10 --set every=100ms

A spec file has one JSON object, or a list of them:
  {"name": "app", "listen": "127.0.0.1:8080",
   "script": [[{"do": "well"}, {"do": "reset", "at": "body"}], {"do": "well"}]}
Entry i of the script is what connection i+1 gets, as a behaviour or a list of them for its
requests; the last entry serves all further connections. Rules go before it, by the request:
  "rules": [{"nth": 3, "then": {"do": "reset"}},
            {"method": "POST", "path": "/api/*", "headers": ["X-Debug: 1"], "first": 2, "then": {"do": "silent"}}]
The third of all requests is reset, and the first two such POSTs get no answer.

Flags:
`

// options are the flags.
type options struct {
	listen, headers, set, tlsNames              []string
	name, protocol, mode, do, at, wait, end     string
	body, tlsFault, caFile, spec, control, help string
	status, first                               int
	bodySize                                    int64
	tls, list, quiet, open                      bool
	changed                                     func(flag string) bool
}

func parseFlags(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	f := pflag.NewFlagSet("fake", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.SortFlags = false
	f.Usage = func() {}
	f.StringArrayVar(&o.listen, "listen", nil, "where to listen: 127.0.0.1:8080, :8080 (the same), 0.0.0.0:8080 (for other machines too), unix:/path; may be repeated")
	f.StringVar(&o.name, "name", "", "name of the upstream (default: its address)")
	f.StringVar(&o.protocol, "protocol", "", "what it speaks: "+strings.Join(protocols, ", ")+" (default http)")
	f.StringVar(&o.mode, "mode", "", "file mode of a unix socket, in octal (default 0666)")
	f.StringVar(&o.do, "do", "well", "the behaviour; --list shows them all")
	f.StringVar(&o.at, "at", "", "its point: accept, request, header, header-end, body or end")
	f.StringVar(&o.wait, "for", "", "its time, such as 500ms or 10s")
	f.StringVar(&o.end, "end", "", "how it ends the connection: close, reset, stall or keep")
	f.StringArrayVar(&o.set, "set", nil, "another field of it, as name=value; may be repeated")
	f.IntVar(&o.first, "first", 0, "only the first `N` connections get it, the rest are answered well")
	f.IntVar(&o.status, "status", 0, "status of the answer")
	f.StringArrayVar(&o.headers, "header", nil, "header line of the answer; may be repeated")
	f.StringVar(&o.body, "body", "", "body of the answer")
	f.Int64Var(&o.bodySize, "body-size", 0, "a body of that many `bytes` instead")
	f.BoolVar(&o.tls, "tls", false, "speak TLS (with --protocol any it is there without this)")
	f.StringVar(&o.tlsFault, "tls-fault", "", "fail at TLS: "+strings.Join(namesOf(tlsFaults), ", "))
	f.StringArrayVar(&o.tlsNames, "tls-name", nil, "a name of the certificate; may be repeated")
	f.StringVar(&o.caFile, "ca-file", "", "write the certificate of the authority to this file")
	f.StringVar(&o.spec, "spec", "", "read the upstreams from this JSON `file`; - is the standard input")
	f.StringVar(&o.control, "control", "", "serve the control API on this loopback address")
	f.BoolVar(&o.open, "open", false, "let the control API start upstreams that other machines reach")
	f.BoolVar(&o.list, "list", false, "list the behaviours and leave")
	f.BoolVar(&o.quiet, "quiet", false, "print no events")
	o.help = helpHead + f.FlagUsages()
	o.changed = f.Changed
	err := f.Parse(args)
	if invalid := (*pflag.InvalidValueError)(nil); errors.As(err, &invalid) { // pflag's own words quote Go's parser
		want := "a whole number"
		if invalid.GetFlag().Value.Type() == "bool" {
			want = "true or false"
		}
		return o, fmt.Errorf("--%s: want %s, got %q", invalid.GetFlag().Name, want, invalid.GetValue())
	}
	if err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q; everything is said by flags", f.Arg(0))
	}
	if o.first < 0 {
		return o, fmt.Errorf("--first: %d is negative; say how many connections get it, or leave it out for all", o.first)
	}
	if o.control != "" {
		return o, loopback(o.control)
	}
	return o, nil
}

// specs gives the upstreams that the flags ask for.
func (o *options) specs() ([]Spec, error) {
	if o.spec != "" {
		for _, flag := range []string{"listen", "name", "protocol", "mode", "do", "at", "for", "end", "set", "first",
			"status", "header", "body", "body-size", "tls", "tls-fault", "tls-name"} {
			if o.changed(flag) {
				return nil, fmt.Errorf("--%s and --spec do not go together; put it in the file", flag)
			}
		}
		return readSpecs(o.spec)
	}
	if len(o.listen) == 0 {
		if o.control != "" {
			return nil, nil // upstreams come by the API
		}
		return nil, errors.New("nothing to do; give --listen, --spec or --control")
	}
	b, err := o.behaviour()
	if err != nil {
		return nil, fmt.Errorf("--do: %w", err)
	}
	var specs []Spec
	for i, listen := range o.listen {
		spec := Spec{Name: o.name, Listen: listen, Protocol: o.protocol, Mode: o.mode, Script: Always(b)}
		if o.name != "" && len(o.listen) > 1 {
			spec.Name += "-" + itoa(i+1)
		}
		if o.first > 0 {
			spec.Script = FailFirst(o.first, b)
		}
		if o.tls || o.tlsFault != "" || len(o.tlsNames) > 0 {
			spec.TLS = &TLS{Names: o.tlsNames, Fault: TLSFault(o.tlsFault)}
		}
		if err := spec.Validate(); err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

func readSpecs(file string) ([]Spec, error) {
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(os.Stdin)
	} else {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("--spec: %w", err)
	}
	specs, err := ParseSpecs(data)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		line := 1 + strings.Count(string(data[:min(int(syntax.Offset), len(data))]), "\n")
		return nil, fmt.Errorf("%s: line %d: not JSON: %w", file, line, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(specs) == 0 {
		return nil, fmt.Errorf("%s: nothing to do: the list is empty; it takes objects such as {\"listen\": \"127.0.0.1:8080\"}", file)
	}
	return specs, nil
}

// behaviour builds the JSON of the behaviour from the flags, so that flags and files are
// checked alike.
func (o *options) behaviour() (Behaviour, error) {
	fields := map[string]any{"do": o.do}
	for name, value := range map[string]string{"at": o.at, "for": o.wait, "end": o.end} {
		if value != "" {
			fields[name] = value
		}
	}
	for _, s := range o.set {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--set: %q is not name=value", s)
		}
		if json.Valid([]byte(value)) {
			fields[name] = json.RawMessage(value)
		} else {
			fields[name] = value
		}
	}
	answer := map[string]any{}
	if o.do == "well" {
		answer = fields
	}
	if o.status != 0 {
		answer["status"] = o.status
	}
	if len(o.headers) > 0 {
		answer["headers"] = o.headers
	}
	if o.body != "" {
		answer["body"] = o.body
	}
	if o.bodySize != 0 {
		answer["body_size"] = o.bodySize
	}
	if o.do != "well" && len(answer) > 0 {
		key := "answer"
		if o.do == "delay" {
			answer["do"] = "well"
			key = "then"
		}
		fields[key] = answer
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return UnmarshalBehaviour(raw)
}
