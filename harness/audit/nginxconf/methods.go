package nginxconf

import (
	"slices"
	"strings"
)

// Methods are the methods besides GET and POST that a location, or a block around it, speaks of: in limit_except, and in conditions
// on $request_method.
func Methods(location *Directive) []string {
	var text strings.Builder
	for block := location; block != nil; block = block.Parent {
		for _, d := range block.Block {
			args := strings.Join(d.Args, " ")
			if d.Name == "limit_except" || d.Name == "if" && strings.Contains(args, "$request_method") {
				text.WriteString(args + " ")
			}
		}
	}
	return slices.DeleteFunc([]string{"PUT", "PATCH", "DELETE", "OPTIONS"}, func(m string) bool { return !strings.Contains(text.String(), m) })
}
