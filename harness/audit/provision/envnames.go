package provision

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

var (
	envsubstLine = regexp.MustCompile(`(?m)^.*\benvsubst\b.*$`)
	shellName    = regexp.MustCompile(`\$\{?([A-Za-z_]\w*)`)
	dockerEnv    = regexp.MustCompile(`(?im)^\s*(?:ENV|ARG)\s+(.+)$`)
	envPair      = regexp.MustCompile(`(?:^|\s)([A-Z][A-Z0-9_]*)(?:=("[^"]*"|'[^']*'|\S*))?`)
	composeEnv   = regexp.MustCompile(`(?m)^\s+-?\s*["']?([A-Z][A-Z0-9_]*)["']?\s*[:=]\s*["']?([^"'\n#]*?)["']?\s*(?:#.*)?$`)
)

// maxEnvNames bounds the variables that are taken from what stands beside a config.
const maxEnvNames = 2000

// readEnvironment learns from a script, a Dockerfile or a Compose file which variables are the environment's, and the values that
// stand there.
func (t *Tree) readEnvironment(name, text string) {
	know := func(name, value string) {
		if len(t.environment) >= maxEnvNames {
			return
		}
		if t.environment == nil {
			t.environment = map[string]string{}
		}
		if value = strings.Trim(value, `"'`); strings.ContainsAny(value, "${}; \t\r") {
			value = ""
		}
		if t.environment[name] == "" {
			t.environment[name] = value
		}
	}
	var lines []string
	if strings.Contains(text, "envsubst") {
		lines = envsubstLine.FindAllString(text, -1)
	}
	for _, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, m := range shellName.FindAllStringSubmatch(line, -1) {
			know(m[1], "")
		}
	}
	switch base := path.Base(name); {
	case isCompose.MatchString(base):
		for _, m := range composeEnv.FindAllStringSubmatch(text, -1) {
			know(m[1], m[2])
		}
	case isDocker.MatchString(base):
		for _, m := range dockerEnv.FindAllStringSubmatch(strings.ReplaceAll(text, "\\\n", " "), -1) {
			if first, rest, ok := strings.Cut(strings.TrimSpace(m[1]), " "); ok && !strings.Contains(first, "=") {
				know(first, strings.TrimSpace(rest)) // ENV NAME value
				continue
			}
			for _, p := range envPair.FindAllStringSubmatch(m[1], -1) {
				know(p[1], p[2])
			}
		}
	}
}

// takeForEnvironment takes a variable that nginx does not know, and that is written in capitals, for the environment's: nginx's own are
// written small, and a template is often named as the config that is made of it.
func (st *settler) takeForEnvironment(e startupError, name string) bool {
	t := st.t
	written := ""
	for real, user := range t.origin {
		if !t.has(real) {
			continue
		}
		for _, m := range plain.FindAllStringSubmatch(code(t.text(user)), -1) {
			if strings.EqualFold(m[1], name) {
				written = m[1]
			}
		}
	}
	if _, known := t.environment[written]; written == "" || known {
		return false
	}
	if t.environment == nil {
		t.environment = map[string]string{}
	}
	t.environment[written] = ""
	filledIn := false
	for _, real := range keys(t.origin) {
		user := t.origin[real]
		text := t.text(user)
		if !strings.Contains(text, "$"+written) || !t.has(real) {
			continue
		}
		filled, made := t.fill(text, user)
		if filled == text {
			continue
		}
		filledIn = true
		t.put(agentapi.File{Path: real, Data: filled})
		for _, s := range made {
			t.noteSupplied(s.Kind, s.What, s.With, s.Place)
			if s.What == written {
				t.Notes = append(t.Notes, fmt.Sprintf("$%s (%s) was taken for a variable of a template, which envsubst fills: the lab put %q there; "+
					"give the one that it has in production with --env %s=...", written, s.Place, s.With, written))
			}
		}
	}
	return filledIn
}
