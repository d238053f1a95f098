package provision

import (
	"path"
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A language of templates that has to be rendered by its own tool before the config can be judged.
type language struct {
	name   string
	shape  *regexp.Regexp
	remedy string
}

// The order counts: what is said in a Go template's or in Jinja's own words goes before the placeholders that both share.
var languages = []language{
	{"an ERB template (Puppet, Chef, Rails)", regexp.MustCompile(`<%[-=#]?[^\n]*`),
		"render it with the tool that owns it (puppet, chef, erb), then check what comes out"},
	{"a Jinja template (Ansible, Salt)", regexp.MustCompile(`\{%[-+]?\s*\w[^\n]*|\{\{-?\s*(?:ansible_\w+|item\b|lookup\(|\w[\w.]*\s*\|)[^\n]*`),
		"render it first (ansible-playbook --check --diff, salt-call state.show_sls, j2), then check what comes out"},
	{"a Go template (Helm, docker-gen, confd, consul-template)",
		regexp.MustCompile(`\{\{-?\s*(?:[.$]|(?:if|else|end|range|with|define|template|include|block|key|keyOrDefault|env|getenv|getv|gets|service|services)\b|/\*)[^\n]*`),
		"render it first (helm template, docker-gen, confd, consul-template -once), then check what comes out"},
	{"a template with {{...}} placeholders", regexp.MustCompile(`\{\{\{?-?\s*[#/^&>!]?\s*["'\w][^{}\n]*\}\}`),
		"put the values in with the tool that owns it, then check what comes out"},
	{"a Terraform template", regexp.MustCompile(`\$\{[a-z_]\w*(?:\.|\[)[^}\n]*\}|%\{\s*(?:if|for|else|endif|endfor)\b[^\n]*`),
		"render it with terraform (templatefile), then check what comes out"},
	{"a template with __...__ placeholders", regexp.MustCompile(`\b__[A-Z][A-Z0-9_]*?__(?:\W|$)`),
		"put the values in as its installer does (sed), then check what comes out"},
	{"a template with @...@ placeholders", regexp.MustCompile(`@[A-Z][A-Z0-9_]{2,}@`),
		"put the values in as its build does (configure, cmake, sed), then check what comes out"},
	{"a template with %%...%% placeholders", regexp.MustCompile(`%%[A-Za-z][A-Za-z0-9_]+%%`),
		"put the values in as its installer does, then check what comes out"},
	{"a template with %...% placeholders", regexp.MustCompile(`%[A-Z][A-Z0-9_]{2,}%`),
		"put the values in as its installer does, then check what comes out"},
}

// Places in languages.
const (
	jinja        = 1
	placeholders = 3
)

// jinjaName is a variable as Ansible's and Salt's templates write it.
var jinjaName = regexp.MustCompile(`^\{\{-? [a-z][a-z0-9]*(?:_[a-z0-9]+)+(?:\.\w+|\[[^]]*\])* -?\}\}$`)

// foreign reports whether a text is a template that nobody but its own tool can fill, and where it shows first. What stands
// in comments and in Lua counts for nothing: nginx reads the file all the same.
func foreign(text, file string) *Refused {
	if !strings.Contains(text, "{{") && !strings.ContainsAny(text, "@%") && !strings.Contains(text, "__") && !strings.Contains(text, "${") {
		return nil
	}
	bare := code(text)
	for i, l := range languages {
		at := l.shape.FindStringIndex(bare)
		if at == nil {
			continue
		}
		shown := strings.TrimSpace(bare[at[0]:at[1]])
		if len(shown) > 60 {
			shown = shown[:60] + "..."
		}
		if i == placeholders { // others share its braces: the file's name, or the way of writing, says whose they are
			switch ext := path.Ext(file); {
			case ext == ".j2" || ext == ".jinja" || ext == ".jinja2", jinjaName.MatchString(shown) && ext != ".mustache" && ext != ".hbs":
				l = languages[jinja]
			}
		}
		place := nginxconf.Place{File: file, Line: lineAt(bare, at[0])}
		return refuse("template", place, l.remedy, "this is %s, not yet a config: %s", l.name, shown)
	}
	return nil
}
