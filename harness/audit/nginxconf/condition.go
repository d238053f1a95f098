package nginxconf

import (
	"slices"
	"strings"
)

var conditionOperators = []string{"=", "!=", "~", "~*", "!~", "!~*"}

// parts takes a condition apart: "$x", "=", "y"; or "", "-f", "text". The operator is "" for a variable alone.
func conditionParts(d *Directive) (left, op, right string) {
	args := slices.Clone(d.Args)
	if len(args) == 0 {
		return "", "", ""
	}
	args[0] = strings.TrimPrefix(args[0], "(")
	args[len(args)-1] = strings.TrimSuffix(args[len(args)-1], ")")
	args = slices.DeleteFunc(args, func(s string) bool { return s == "" })
	switch {
	case len(args) == 0:
		return "", "", ""
	case len(args) == 1:
		// Without spaces it is one word: ($x=y) is a mistake to nginx, ($x) is not.
		return args[0], "", ""
	case slices.Contains(conditionOperators, args[1]):
		return args[0], args[1], strings.Join(args[2:], " ")
	case strings.HasPrefix(args[0], "-"), strings.HasPrefix(args[0], "!-"):
		return "", args[0], args[1]
	}
	return args[0], args[1], strings.Join(args[2:], " ")
}

// condition reports whether an if is true; not known when that depends on what no request shows.
func (r *simulation) condition(d *Directive) (ok, known bool) {
	left, op, right := conditionParts(d)
	if left == "" && op != "" {
		text, known := r.text(right)
		found := false
		switch strings.TrimPrefix(op, "!") {
		case "-f":
			found = r.exists(strings.TrimPrefix(text, docRoot))
		case "-d":
			found = isRoot(strings.TrimPrefix(text, docRoot))
		case "-e":
			found = r.exists(strings.TrimPrefix(text, docRoot)) || isRoot(strings.TrimPrefix(text, docRoot))
		}
		return found != strings.HasPrefix(op, "!"), known
	}
	value, known := r.text(left)
	if !known || !r.m.spend(matchCost(right, value)) {
		return false, false
	}
	want := r.m.constraintOf(op, right)
	if op == "=" || op == "!=" {
		if text, ok := r.text(right); ok {
			want.text = text
		}
	}
	if want.pattern != nil && strings.HasPrefix(op, "~") {
		groups := want.pattern.match(value)
		r.capture(groups)
		return groups != nil, true
	}
	return want.ok(value), true
}

// docRoot stands for any root where a file's name is made of it.
const docRoot = "\x00root"

// text puts in the variables; not known when one of them can't be.
func (r *simulation) text(template string) (text string, known bool) {
	r.out.tooLong = false
	text, known = r.join(template, func(name string) (string, bool) { return r.variable(name, 0) })
	if !r.m.spend(len(text) >> 8) {
		return "", false
	}
	return text, known
}
