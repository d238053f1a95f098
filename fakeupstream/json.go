package fakeupstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"
)

// The JSON of this package is strict: a name that is not known is an error that tells the
// nearest one, and lengths of time are words such as "1.5s". encoding/json can do neither
// for interfaces, so structs are walked here field by field.

var (
	behaviourType = reflect.TypeFor[Behaviour]()
	readerType    = reflect.TypeFor[json.Unmarshaler]()
	writerType    = reflect.TypeFor[json.Marshaler]()
	durationType  = reflect.TypeFor[time.Duration]()
	scriptType    = reflect.TypeFor[Script]()
	connType      = reflect.TypeFor[Connection]()
)

// ParseSpecs reads one Spec or a list of them, and checks each.
func ParseSpecs(data []byte) ([]Spec, error) {
	var specs []Spec
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		if err := json.Unmarshal(data, &specs); err != nil {
			return nil, err
		}
	} else {
		var one Spec
		if err := json.Unmarshal(data, &one); err != nil {
			return nil, err
		}
		specs = []Spec{one}
	}
	for _, s := range specs {
		if err := s.Validate(); err != nil {
			return nil, err
		}
	}
	return specs, nil
}

// UnmarshalJSON reads a Spec; names it does not know are errors.
func (s *Spec) UnmarshalJSON(data []byte) error {
	if err := shallow(data); err != nil {
		return err
	}
	return decodeStruct("", data, reflect.ValueOf(s).Elem(), "upstream")
}

// UnmarshalJSON reads a Script: a list of connections.
func (s *Script) UnmarshalJSON(data []byte) error {
	if err := shallow(data); err != nil {
		return err
	}
	return decode("script", data, reflect.ValueOf(s).Elem())
}

// UnmarshalJSON reads a Connection: a list of behaviours, or one behaviour.
func (c *Connection) UnmarshalJSON(data []byte) error {
	if err := shallow(data); err != nil {
		return err
	}
	return decode("connection", data, reflect.ValueOf(c).Elem())
}

// MarshalJSON writes the Spec in the form that UnmarshalJSON reads.
func (s Spec) MarshalJSON() ([]byte, error) { return encodeStruct(reflect.ValueOf(s), "") }

// MarshalJSON writes a lone behaviour as an object and more as a list.
func (c Connection) MarshalJSON() ([]byte, error) {
	if len(c) == 1 {
		return MarshalBehaviour(c[0])
	}
	list := make([]json.RawMessage, len(c))
	for i, b := range c {
		raw, err := MarshalBehaviour(b)
		if err != nil {
			return nil, err
		}
		list[i] = raw
	}
	return json.Marshal(list)
}

// MarshalBehaviour gives the JSON of a behaviour: {"do":"reset","at":"header"}.
func MarshalBehaviour(b Behaviour) ([]byte, error) {
	name, err := registered(b)
	if err != nil {
		return nil, err
	}
	return encodeStruct(reflect.ValueOf(b), name)
}

// UnmarshalBehaviour reads what MarshalBehaviour wrote.
func UnmarshalBehaviour(data []byte) (Behaviour, error) {
	if err := shallow(data); err != nil {
		return nil, err
	}
	return decodeBehaviour("behaviour", data)
}

// maxDeep is how many objects and lists may stand one in the other. Each level is read anew by those below it, so that a
// document without this bound takes the square of its length.
const maxDeep = 64

// shallow refuses what is nested too deep.
func shallow(data []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDeep {
				return fmt.Errorf("at byte %d more than %d objects and lists stand one in the other: no behaviour needs so many", i, maxDeep)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

func decodeBehaviour(path string, raw []byte) (Behaviour, error) {
	var head map[string]json.RawMessage
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf(`%s: want an object such as {"do":"reset"}, got %s`, path, short(raw))
	}
	var name string
	if err := json.Unmarshal(head["do"], &name); err != nil || name == "" {
		return nil, fmt.Errorf(`%s: has no "do" that names the behaviour; valid: %s`, path, strings.Join(names(), ", "))
	}
	t, ok := typeOf(name)
	if !ok {
		return nil, fmt.Errorf("%s.do: %w %q; %s", path, ErrNoBehaviour, name, suggest(name, names()))
	}
	v := reflect.New(t).Elem()
	if err := decodeStruct(path, raw, v, name); err != nil {
		return nil, err
	}
	return v.Interface().(Behaviour), nil
}

// decode reads raw into v, whose place in the document is path.
func decode(path string, raw []byte, v reflect.Value) error {
	if string(raw) == "null" {
		return nil
	}
	switch t := v.Type(); {
	case t == behaviourType:
		b, err := decodeBehaviour(path, raw)
		if err == nil {
			v.Set(reflect.ValueOf(b))
		}
		return err
	case t == durationType:
		return decodeDuration(path, raw, v)
	case t == connType && raw[0] == '{':
		b, err := decodeBehaviour(path, raw)
		if err == nil {
			v.Set(reflect.ValueOf(Connection{b}))
		}
		return err
	case t == connType || t == scriptType || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return fmt.Errorf("%s: want a list, got %s", path, short(raw))
		}
		v.Set(reflect.MakeSlice(t, len(list), len(list)))
		for i, item := range list {
			if err := decode(fmt.Sprintf("%s[%d]", path, i), bytes.TrimSpace(item), v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.PointerTo(t).Implements(readerType): // a field of somebody else's behaviour
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		return decode(path, raw, v.Elem())
	case t.Kind() == reflect.Struct:
		return decodeStruct(path, raw, v, path)
	}
	err := json.Unmarshal(raw, v.Addr().Interface())
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("%s: want %s, got %s", path, wanted(wrong.Type), short(raw))
	}
	return err
}

func decodeStruct(path string, raw []byte, v reflect.Value, what string) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return fmt.Errorf("%s: want an object, got %s", what, short(raw))
	}
	fields, known := fieldsOf(v.Type())
	keys := make([]string, 0, len(object))
	for k := range object {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, key := range keys {
		at := strings.TrimPrefix(path+"."+key, ".")
		i, ok := fields[key]
		switch {
		case ok:
			if err := decode(at, bytes.TrimSpace(object[key]), v.Field(i)); err != nil {
				return err
			}
		case key == "do" && v.Type().Implements(behaviourType):
		default:
			return fmt.Errorf("%s: %s has no field %q; %s", at, what, key, suggest(key, known))
		}
	}
	return nil
}

func decodeDuration(path string, raw []byte, v reflect.Value) error {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		if d, err := time.ParseDuration(text); err == nil {
			v.SetInt(int64(d))
			return nil
		}
	}
	return fmt.Errorf(`%s: want a length of time with its unit, such as "500ms" or "10s", got %s`, path, short(raw))
}

// wanted says in the words of JSON what a field of this type takes.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text in quotes"
	case reflect.Slice:
		return "a list"
	}
	return "a whole number"
}

// fieldsOf maps the JSON names of a struct to field numbers, and lists them in order.
func fieldsOf(t reflect.Type) (map[string]int, []string) {
	fields, order := map[string]int{}, []string{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" || !t.Field(i).IsExported() {
			continue
		}
		fields[name] = i
		order = append(order, name)
	}
	return fields, order
}

// encodeStruct writes the fields that are set, after "do" when there is a name.
func encodeStruct(v reflect.Value, do string) ([]byte, error) {
	var out bytes.Buffer
	put := func(key string, value []byte) {
		if out.Len() > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "%q:%s", key, value)
	}
	if do != "" {
		put("do", []byte(`"`+do+`"`))
	}
	fields, order := fieldsOf(v.Type())
	for _, name := range order {
		f := v.Field(fields[name])
		if f.IsZero() {
			continue
		}
		raw, err := encode(f)
		if err != nil {
			return nil, err
		}
		put(name, raw)
	}
	return []byte("{" + out.String() + "}"), nil
}

func encode(v reflect.Value) ([]byte, error) {
	switch t := v.Type(); {
	case t == behaviourType:
		return MarshalBehaviour(v.Interface().(Behaviour))
	case t == durationType:
		return json.Marshal(v.Interface().(time.Duration).String())
	case t.Implements(writerType):
	case t.Kind() == reflect.Pointer:
		return encode(v.Elem())
	case t.Kind() == reflect.Struct:
		return encodeStruct(v, "")
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		list := make([]json.RawMessage, v.Len())
		for i := range list {
			raw, err := encode(v.Index(i))
			if err != nil {
				return nil, err
			}
			list[i] = raw
		}
		return json.Marshal(list)
	}
	return json.Marshal(v.Interface())
}

// short is the start of a piece of JSON, for an error.
func short(raw []byte) string {
	if len(raw) > 40 {
		return string(raw[:40]) + "..."
	}
	return string(raw)
}
