package fakeupstream

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestSpec_JSONRoundTrip(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spec := Spec{
		Name: "app", Listen: "unix:/run/app.sock", Protocol: FastCGI, Mode: "0600",
		TLS: &TLS{Names: []string{"a"}, Fault: TLSExpired},
		Script: Script{
			{Well{}, Reset{At: AtHeader, Answer: Well{Status: 500, Headers: []string{"A: b"}}}},
			{Delay{For: 1500 * time.Millisecond, Then: Close{At: AtBody}}},
			nil,
		},
	}
	raw, err := json.Marshal(spec)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(raw)).To(MatchJSON(`{"name":"app","listen":"unix:/run/app.sock","protocol":"fastcgi","mode":"0600",
		"tls":{"names":["a"],"fault":"expired"},
		"script":[[{"do":"well"},{"do":"reset","at":"header","answer":{"status":500,"headers":["A: b"]}}],
			{"do":"delay","for":"1.5s","then":{"do":"close","at":"body"}}, []]}`))
	var back Spec
	g.Expect(json.Unmarshal(raw, &back)).To(Succeed())
	spec.Script[2] = Connection{}
	g.Expect(back).To(Equal(spec))
}

// Every behaviour has a name of its own, survives JSON with all of its fields set, and
// describes itself.
func TestBehaviour_JSONRoundTrip(t *testing.T) {
	t.Parallel()
	for _, e := range Behaviours() {
		t.Run(e.Name, func(t *testing.T) {
			g := NewWithT(t)
			v := reflect.New(reflect.TypeOf(e.Zero)).Elem()
			setAll(v)
			b := v.Interface().(Behaviour)
			raw, err := MarshalBehaviour(b)
			g.Expect(err).NotTo(HaveOccurred())
			back, err := UnmarshalBehaviour(raw)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(back).To(Equal(b))
			g.Expect(NameOf(b)).To(Equal(e.Name))
			g.Expect(e.Zero.String()).NotTo(BeEmpty())
			for i := range v.NumField() {
				g.Expect(v.Type().Field(i).Tag.Get("json")).NotTo(BeEmpty(), "field %s", v.Type().Field(i).Name)
			}
		})
	}
}

// setAll gives every field of a struct a value.
func setAll(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Type() == behaviourType:
			f.Set(reflect.ValueOf(Silent{At: AtAccept}))
		case f.Type() == connType:
			f.Set(reflect.ValueOf(Connection{Well{}, Silent{}}))
		case f.Kind() == reflect.String:
			f.SetString("text")
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		case f.CanInt():
			f.SetInt(7)
		case f.CanUint():
			f.SetUint(7)
		case f.Kind() == reflect.Struct:
			setAll(f)
		case f.Kind() == reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 2, 2))
		}
	}
}

func TestParseSpecs_ErrorsNameTheRemedy(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`{"listen":":1","script":[{"do":"rest"}]}`:                            `script[0].do: no behaviour is called "rest"; did you mean "reset"? valid: well, refuse`,
		`{"listen":":1","script":[[{"do":"well"},{"do":"reset","att":"x"}]]}`: `script[0][1].att: reset has no field "att"; did you mean "at"? valid: at, after, answer`,
		`{"lisen":":1"}`: `lisen: upstream has no field "lisen"; did you mean "listen"?`,
		`{"listen":":1","script":[{"at":"header"}]}`:                            `script[0]: has no "do"`,
		`{"listen":":1","script":[{"do":"delay","for":5}]}`:                     `script[0].for: want a length of time with its unit, such as "500ms" or "10s", got 5`,
		`{"listen":":1","script":[{"do":"well","status":"x"}]}`:                 `script[0].status: want a whole number, got "x"`,
		`{"listen":":1","script":[{"do":"reset","answer":{"stat":1}}]}`:         `script[0].answer.stat: script[0].answer has no field "stat"; did you mean "status"?`,
		`{"listen":":1","script":[{"do":"delay","for":"1s","then":{"do":""}}]}`: `script[0].then: has no "do"`,
		`{"listen":":1","script":{"do":"well"}}`:                                `script: want a list`,
		`{"listen":":1","script":["reset"]}`:                                    `script[0]: want a list`,
		`{"listen":":1","tls":{"fault":"expird"}}`:                              `tls.fault: "expird" is not possible here; did you mean "expired"?`,
		`{"listen":":1","script":[{"do":"reset","at":"heder"}]}`:                `script[0][0] (reset): at: "heder" is not possible here; did you mean "header"?`,
	} {
		t.Run(doc, func(t *testing.T) {
			_, err := ParseSpecs([]byte(doc))
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(want)))
		})
	}
}

func TestParseSpecs_TakesEveryProtocol(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	for _, p := range protocols {
		specs, err := ParseSpecs([]byte(`{"listen":"127.0.0.1:0","protocol":"` + p + `"}`))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(specs[0].Protocol).To(Equal(p))
	}
	_, err := ParseSpecs([]byte(`{"listen":"127.0.0.1:0","protocol":"uwsgy"}`))
	g.Expect(err).To(MatchError(ContainSubstring(`did you mean "uwsgi"? valid: http, fastcgi, uwsgi, scgi, grpc, memcached, redis, mysql, dns, stream, any`)))
}

func TestParseSpecs_TakesOneOrMany(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	one, err := ParseSpecs([]byte(` {"listen":"127.0.0.1:0"}`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(one).To(HaveLen(1))
	two, err := ParseSpecs([]byte(` [{"listen":"127.0.0.1:0"},{"listen":"[::1]:1","script":[{"do":"silent"}]}]`))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(two[1].Script).To(Equal(Always(Silent{})))
}

func TestParseSpecs_RefusesDeepNesting(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	deep := `{"listen":"127.0.0.1:0","script":[` + strings.Repeat(`{"do":"delay","then":`, 8000) + `{"do":"silent"}` + strings.Repeat("}", 8000) + "]}"
	_, err := ParseSpecs([]byte(deep))
	g.Expect(err).To(MatchError(ContainSubstring("more than 64 objects and lists stand one in the other")))
	g.Expect(shallow([]byte(`{"listen":"`+strings.Repeat(`[{\"\\[`, 100)+`"}`))).To(Succeed(), "brackets in a text are none")
}
